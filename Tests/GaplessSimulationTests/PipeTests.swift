import GaplessCore
import Testing

@testable import GaplessSimulation

@Suite("Simulation: one direction of a connection")
struct PipeTests {
    private typealias Pipe = SimulatedLink.Pipe<Int>

    private func moment(_ milliseconds: Int64) -> Instant { World.start + .milliseconds(milliseconds) }

    /// What comes out: numbers of frames, 100 for a part, 200 for Close, 300 for the end.
    private func drain(_ pipe: inout Pipe) -> [(content: Int, arrival: Instant)] {
        var all: [(Int, Instant)] = []
        while let parcel = pipe.popFirst() {
            switch parcel.content {
            case .frame(let number): all.append((number, parcel.arrival))
            case .part: all.append((100, parcel.arrival))
            case .close: all.append((200, parcel.arrival))
            case .end: all.append((300, parcel.arrival))
            }
        }
        return all
    }

    private func filled() -> Pipe {
        var pipe = Pipe()
        for (number, time) in [30, 10, 20].enumerated() {
            pipe.append(.frame(number), bytes: 5, notBefore: self.moment(Int64(time)))
        }
        return pipe
    }

    @Test("frames never overtake one another, whatever their latencies")
    func order() {
        var pipe = self.filled()
        #expect(pipe.bytes == 15)
        let all = self.drain(&pipe)
        #expect(all.map(\.content) == [0, 1, 2])
        #expect(all.map(\.arrival) == Array(repeating: self.moment(30), count: 3))
        #expect(pipe.bytes == 0)
    }

    @Test("a cut loses the tail and nothing else, and takes nothing more")
    func tear() {
        var pipe = self.filled()
        pipe.tear(keeping: 1, endingAt: self.moment(50))
        pipe.append(.frame(9), bytes: 5, notBefore: self.moment(51))
        pipe.tear(keeping: 0, endingAt: self.moment(60))
        #expect(pipe.bytes == 5)
        #expect(self.drain(&pipe).map(\.content) == [0, 300])
    }

    @Test("of the first message that is lost a part may come, and never of one that was not lost")
    func torn() {
        var pipe = self.filled()
        pipe.tear(keeping: 2, isTorn: true, endingAt: self.moment(50))
        #expect(self.drain(&pipe).map(\.content) == [0, 1, 100, 300])
        var whole = self.filled()
        whole.tear(keeping: 3, isTorn: true, endingAt: self.moment(50))
        #expect(self.drain(&whole).map(\.content) == [0, 1, 2, 300])
        var closed = Pipe()
        closed.append(.close(.normal), bytes: 5, notBefore: self.moment(1))
        closed.tear(keeping: 0, isTorn: true, endingAt: self.moment(50))
        #expect(self.drain(&closed).map(\.content) == [300])
    }

    @Test("an end comes behind everything")
    func end() {
        var pipe = self.filled()
        pipe.end(at: self.moment(0))
        #expect(self.drain(&pipe).map(\.content) == [0, 1, 2, 300])
    }
}
