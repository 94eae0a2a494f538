import GaplessCore
import Testing

@Suite("How fast a node takes clients [R5.1-8]")
struct AttachPaceTests {
    private static let start = Instant(nanoseconds: 0)

    private func at(_ milliseconds: Int64) -> Instant { Self.start + .milliseconds(milliseconds) }

    private func pace(_ limit: AttachPace.Limit?) -> AttachPace {
        var pace = AttachPace(limit, now: Self.start)
        pace.begin(now: Self.start)
        return pace
    }

    @Test("those who come within the slack are taken, and each of the others is told its own slot")
    func slots() {
        var pace = self.pace(AttachPace.Limit(perSecond: 10, rampTime: .zero))
        let first = (0..<3).map { _ in pace.take(now: Self.start) }
        #expect(first == [nil, nil, nil])
        let waits = (0..<3).map { _ in pace.take(now: Self.start) }
        #expect(waits == [.milliseconds(300), .milliseconds(400), .milliseconds(500)])
        let later = [299, 300].map { pace.take(now: self.at($0)) }
        #expect(later == [nil, nil])
        #expect(pace.jitter == .milliseconds(250))
    }

    @Test("in any time no more are taken than the pace and the slack allow")
    func bound() {
        for seed in 1...20 as ClosedRange<UInt64> {
            var luck = SeededLuck(seed)
            var pace = self.pace(AttachPace.Limit(perSecond: 100, rampTime: .zero))
            var taken: [Int64] = []
            var now: Int64 = 0
            for _ in 0..<3_000 {
                now += Int64.random(in: 0...12, using: &luck)
                if pace.take(now: self.at(now)) == nil { taken.append(now) }
            }
            for (index, moment) in taken.enumerated() {
                let count = taken[index...].prefix { $0 <= moment + 1_000 }.count
                #expect(count <= 100 + 25 + 2, "seed \(seed)")
            }
        }
    }

    @Test("10,000 clients that come at once are told slots that are all different, and are all taken when they come back then")
    func herd() {
        var pace = self.pace(AttachPace.Limit(rampTime: .zero))
        var slots: [Duration] = []
        for _ in 0..<10_000 {
            if let wait = pace.take(now: Self.start) { slots.append(wait) }
        }
        #expect(slots.count == 10_000 - 501)
        #expect(Set(slots).count == slots.count)
        #expect(slots.allSatisfy { $0 <= .seconds(5) })
        let refused = slots.sorted().filter { pace.take(now: Self.start + $0) != nil }
        #expect(refused.isEmpty)
    }

    @Test("with the jitter of the clients, and others between them, a herd is back soon and never in a burst")
    func herdWithJitter() {
        var luck = SeededLuck(7)
        var pace = self.pace(AttachPace.Limit(rampTime: .zero))
        // Each 10 ms; clients by the moment at which they come, in units of that.
        var coming: [[Int]] = Array(repeating: [], count: 3_000)
        coming[0] = Array(0..<10_000)
        var tries = Array(repeating: 0, count: 10_000)
        var takenAt: [Int] = []
        for moment in coming.indices {
            var taken = 0
            for client in coming[moment].shuffled(using: &luck) {
                tries[client] += 1
                guard let wait = pace.take(now: self.at(Int64(moment) * 10)) else {
                    taken += 1
                    continue
                }
                let delay = wait.milliseconds + Int64.random(in: 0...pace.jitter.milliseconds, using: &luck)
                let next = moment + max(1, Int(delay / 10))
                if next < coming.count { coming[next].append(client) }
            }
            takenAt.append(taken)
        }
        #expect(takenAt.reduce(0, +) == 10_000)
        #expect(takenAt.dropFirst(700).allSatisfy { $0 == 0 }, "all are back after 7 s")
        #expect(takenAt.dropFirst(30).allSatisfy { $0 <= 520 })
        let waves = stride(from: 30, to: 400, by: 10).map { takenAt[$0..<($0 + 10)].reduce(0, +) }
        #expect(waves.allSatisfy { $0 <= 500 }, "200 belong into 100 ms: \(waves)")
        #expect(tries.allSatisfy { $0 <= 6 })
    }

    @Test("nobody is told to come later than the longest wait; then slots are shared")
    func longest() {
        var pace = self.pace(AttachPace.Limit(perSecond: 10, rampTime: .zero, maxWait: .seconds(2)))
        let waits = (0..<60).compactMap { _ in pace.take(now: Self.start) }
        #expect(waits.count == 57)
        #expect(waits.max() == .seconds(2))
        #expect(waits.filter { $0 == .milliseconds(300) }.count == 4)
        #expect(Dictionary(grouping: waits) { $0 }.allSatisfy { $0.value.count <= 4 })
    }

    @Test("a node that has started takes a tenth of the pace at first, and all of it after the ramp")
    func ramp() {
        var pace = AttachPace(AttachPace.Limit(), now: Self.start)
        let begin: Int64 = 5_000
        pace.begin(now: self.at(begin))
        pace.begin(now: self.at(begin + 1_000))
        /// How many are taken in a second whose every millisecond brings ten.
        func taken(from second: Int64) -> Int {
            var pace = pace
            return (0..<1_000).reduce(0) { count, millisecond in
                (0..<10).reduce(count) { count, _ in
                    count + (pace.take(now: self.at(begin + second * 1_000 + millisecond)) == nil ? 1 : 0)
                }
            }
        }
        // A fourth of a second more than the pace, for those who come too early.
        #expect((230...310).contains(taken(from: 0)))
        #expect((1_300...1_500).contains(taken(from: 15)))
        #expect((2_480...2_520).contains(taken(from: 30)))
        #expect((2_480...2_520).contains(taken(from: 3_000)))
    }

    @Test("without a limit everybody is taken at once")
    func off() {
        var pace = self.pace(nil)
        let all = (0..<10_000).allSatisfy { _ in pace.take(now: Self.start) == nil }
        #expect(all && pace.jitter == .zero)
    }

    // MARK: In a node

    @Test("who comes too fast gets 4101 with its slot; who is refused for another reason uses no slot up")
    func inNode() {
        let rig = NodeRig.started { $0.pace = AttachPace.Limit(perSecond: 10, rampTime: .zero) }
        _ = rig.setCordoned(true)
        _ = rig.heartbeat(finding: NodeReport(capacity: 9))
        for _ in 0..<10 {
            guard case .refused(let ending) = rig.hear() else { return #expect(Bool(false)) }
            #expect(ending.error.code == .overloaded)
        }
        _ = rig.setCordoned(false)
        let first = (0..<3).map { _ in rig.hear() }
        #expect(first == [.accepted, .accepted, .accepted])
        guard case .refused(let ending) = rig.hear() else { return #expect(Bool(false)) }
        #expect(ending.error.code == .rateLimited)
        #expect(ending.error.retryAfter == .milliseconds(300) && ending.error.jitter == .milliseconds(250))
        rig.pass(.milliseconds(300))
        #expect(rig.hear() == .accepted)
        #expect(rig.logic.readiness(now: rig.now).isReady, "a node that is asked by many is not unready for that")
    }

    @Test("the ramp begins when the others can see the node")
    func begins() {
        let rig = NodeRig { $0.pace = AttachPace.Limit(perSecond: 100, first: 1, rampTime: .seconds(10)) }
        rig.pass(.seconds(60))
        _ = rig.fire()
        _ = rig.heartbeat(alive: [NodeRig.me])
        #expect(rig.hear() == .accepted)
        #expect(rig.hear() != .accepted, "one a second at first")
        rig.pass(.seconds(20))
        _ = rig.polled([])
        let taken = (0..<100).filter { _ in rig.hear() == .accepted }.count
        #expect((25...27).contains(taken))
    }
}

@Suite("How many connections one address has [R5.1-8]")
struct AddressCountTests {
    private static let here = RemoteAddress.v4(1)
    private static let there = RemoteAddress.v4(2)

    @Test("so many, and one more for each that goes; each address for itself")
    func count() {
        var count = AddressCount(2)
        let first = (1...3 as ClosedRange<UInt64>).map { count.open(ServedConnectionID($0), from: Self.here) }
        let other = count.open(ServedConnectionID(4), from: Self.there)
        #expect(first == [true, true, false] && other)
        // One that was refused does not count, and gives nothing back.
        count.close(ServedConnectionID(3))
        let still = count.open(ServedConnectionID(5), from: Self.here)
        count.close(ServedConnectionID(1))
        count.close(ServedConnectionID(1))
        let later = (6...7 as ClosedRange<UInt64>).map { count.open(ServedConnectionID($0), from: Self.here) }
        #expect(!still && later == [true, false])
    }

    @Test("it remembers addresses with connections, and nobody else")
    func forgets() {
        var count = AddressCount(1)
        for id in 1...1_000 as ClosedRange<UInt64> {
            let both = [id, id + 10_000].map { count.open(ServedConnectionID($0), from: .v4(UInt32(id))) }
            #expect(both == [true, false])
        }
        #expect(count.addressCount == 1_000)
        for id in 1...1_000 as ClosedRange<UInt64> { count.close(ServedConnectionID(id)) }
        #expect(count.addressCount == 0)
        var none = AddressCount(nil)
        let all = (1...1_000 as ClosedRange<UInt64>).allSatisfy { none.open(ServedConnectionID($0), from: Self.here) }
        #expect(all && none.addressCount == 0)
    }

    @Test("a connection that is one too many is closed with 4101 before it says anything, and its end makes no room")
    func inNode() throws {
        let rig = NodeRig.started { $0.maxConnectionsPerAddress = 1 }
        let first = rig.open(from: Self.here)
        #expect(first.output == .nothing)
        let second = rig.open(from: Self.here)
        let address = try #require(second.address)
        guard case .close(let ending)? = second.output.notices(to: address).first else { return #expect(Bool(false)) }
        #expect(ending.error.code == .rateLimited)
        #expect(ending.error.retryAfter == .seconds(2) && ending.error.jitter == .seconds(3))
        _ = rig.close(address)
        #expect(rig.open(from: Self.here).output.closes == [.rateLimited])
        _ = rig.close(try #require(first.address))
        #expect(rig.open(from: Self.here).output == .nothing)
    }
}
