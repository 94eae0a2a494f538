import GaplessCore
import Testing

@Suite("A node that has too much to do")
struct NodeLogicReadinessTests {
    private static let over = LoadSample(loopLag: .seconds(1), memory: 100, memoryLimit: 100)
    private static let well = LoadSample()
    private let serving = NodeReport(capacity: 100_000)
    private let busy = NodeReport(capacity: 100_000, over: ["memory"])

    /// One that has told the others that it has too much to do.
    private func overloaded(_ configure: (inout NodeConfiguration) -> Void = { _ in }) -> NodeRig {
        let rig = NodeRig.started(configure)
        #expect(rig.sample(Self.over, times: 3).told.map(\.report?.over) == [["loop-lag", "memory"]])
        return rig
    }

    private func refusal(_ rig: NodeRig) -> ErrorFrame? {
        if case .refused(let ending) = rig.hear() { ending.error } else { nil }
    }

    private func expectTakes(_ rig: NodeRig, _ takes: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect((self.refusal(rig) == nil) == takes, sourceLocation: sourceLocation)
        #expect(rig.logic.readiness(now: rig.now).isReady == takes, sourceLocation: sourceLocation)
        #expect(rig.logic.takesHandshakes(now: rig.now) == takes, sourceLocation: sourceLocation)
    }

    @Test("says so at once, and refuses when its heartbeat found one that has not [R5.1-9]")
    func refuses() {
        let rig = self.overloaded()
        self.expectTakes(rig, true)
        #expect(rig.logic.readiness(now: rig.now).description == "ready overloaded")
        #expect(rig.observations.isEmpty, "whether clients can go elsewhere is not known")
        _ = rig.heartbeat(finding: self.serving)
        self.expectTakes(rig, false)
        #expect(rig.logic.readiness(now: rig.now).description == "loop-lag memory")
        #expect(rig.observations == [.loaded(over: [.loopLag, .memory], sheds: true)])
        let error = self.refusal(rig)
        #expect(error?.code == .overloaded && error?.message == "This node has too much to do.")
        #expect(error?.retryAfter == .seconds(2) && error?.jitter == .seconds(3))
    }

    @Test("takes clients when no other one could: none is there, they have too much to do, drain, are cordoned, full, silent or too old")
    func takes() {
        let others: [(NodeReport?, Duration)] = [
            (self.busy, .zero), (NodeReport(isDraining: true, capacity: 9), .zero), (NodeReport(isCordoned: true, capacity: 9), .zero),
            (NodeReport(connections: 9, capacity: 9), .zero), (self.serving, .seconds(8)), (nil, .zero),
        ]
        for (report, age) in others {
            let rig = self.overloaded()
            _ = rig.heartbeat(finding: report, age: age)
            self.expectTakes(rig, true)
            #expect(rig.observations == [.loaded(over: [.loopLag, .memory], sheds: false)])
        }
        let rig = self.overloaded()
        _ = rig.heartbeat(alive: [NodeRig.me])
        self.expectTakes(rig, true)
    }

    @Test("takes them again as soon as a heartbeat finds nobody else, and when it has less to do")
    func ends() {
        let rig = self.overloaded()
        _ = rig.heartbeat(finding: self.serving)
        _ = rig.wait(.seconds(2))
        _ = rig.heartbeat(finding: self.busy)
        self.expectTakes(rig, true)
        _ = rig.wait(.seconds(2))
        _ = rig.heartbeat(finding: self.serving)
        self.expectTakes(rig, false)
        #expect(rig.sample(Self.well, times: 9).told.isEmpty)
        self.expectTakes(rig, false)
        #expect(rig.sample(Self.well).told.map(\.report?.over) == [[]])
        self.expectTakes(rig, true)
        #expect(rig.logic.readiness(now: rig.now).description == "ready")
        #expect(rig.observations.map(\.sheds) == [true, false, true, false])
        #expect(rig.observations.last == .loaded(over: [], sheds: false))
    }

    @Test("a store that does not answer any more leaves it ready until it counts as cut off")
    func silentStore() {
        let rig = self.overloaded()
        _ = rig.heartbeat(finding: self.serving)
        _ = rig.live(for: .seconds(9), storeAnswers: false)
        self.expectTakes(rig, true)
    }

    @Test("connections count against the most, before the node is full; those that are there stay")
    func connections() {
        let rig = NodeRig.started { $0.maxConnections = 10 }
        for _ in 0..<9 { _ = rig.open() }
        _ = rig.sample(Self.well, times: 3)
        let output = rig.heartbeat(finding: self.serving)
        #expect(output.notices.isEmpty)
        self.expectTakes(rig, false)
        #expect(rig.logic.readiness(now: rig.now).reasons == [.connections])
        _ = rig.open()
        #expect(rig.logic.readiness(now: rig.now).reasons == [.full, .connections])
    }

    @Test("no threshold, no matter")
    func off() {
        let rig = NodeRig.started {
            $0.readiness = .none
            $0.maxConnections = 10
        }
        for _ in 0..<9 { _ = rig.open() }
        let all = LoadSample(loopLag: .seconds(60), commitTime: .seconds(60), memory: 9, memoryLimit: 1, freeDisk: 0)
        #expect(rig.sample(all, times: 20).told.isEmpty)
        _ = rig.wait(.seconds(2))
        _ = rig.heartbeat(finding: self.serving)
        self.expectTakes(rig, true)
    }

    // MARK: What /load tells

    @Test("the weight is the free part of the connections, at least 1 for a ready node and 0 for one that is not")
    func weight() {
        let rig = NodeRig.started { $0.maxConnections = 200 }
        #expect(rig.logic.loadReport(now: rig.now).weight == 100)
        for _ in 0..<50 { _ = rig.open() }
        #expect(rig.logic.loadReport(now: rig.now).weight == 75)
        for _ in 0..<149 { _ = rig.open() }
        #expect(rig.logic.loadReport(now: rig.now).weight == 1)
        _ = rig.open()
        #expect(rig.logic.loadReport(now: rig.now).weight == 0)
    }

    @Test("it is JSON, with what is known")
    func text() {
        let rig = NodeRig.started { $0.maxConnections = 10 }
        #expect(
            rig.logic.loadReport(now: rig.now).text
                == #"{"ready":true,"weight":100,"connections":0,"attached":0,"capacity":10,"reasons":[],"over":[]}"#
        )
        _ = rig.attached()
        let sample = LoadSample(loopLag: .seconds(1), commitTime: .milliseconds(7), memory: 100, memoryLimit: 100, freeDisk: 5_000_000_000)
        _ = rig.sample(sample, times: 3)
        #expect(
            rig.logic.loadReport(now: rig.now).text
                == #"{"ready":true,"weight":90,"connections":1,"attached":1,"capacity":10,"loopLag":1000,"commit":7,"memory":100,"#
                + #""memoryLimit":100,"freeDisk":5000000000,"reasons":[],"over":["loop-lag","memory"]}"#
        )
        _ = rig.heartbeat(finding: self.serving)
        #expect(rig.logic.loadReport(now: rig.now).text.hasPrefix(#"{"ready":false,"weight":0,"#))
        #expect(rig.logic.loadReport(now: rig.now).text.contains(#""reasons":["loop-lag","memory"]"#))
    }
}

extension NodeObservation {
    fileprivate var sheds: Bool? {
        if case .loaded(_, let sheds) = self { sheds } else { nil }
    }
}
