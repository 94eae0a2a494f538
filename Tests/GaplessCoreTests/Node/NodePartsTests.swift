import GaplessCore
import Testing

@Suite("Acknowledgement coalescer")
struct AcknowledgementCoalescerTests {
    @Test("only the highest of each client and fence waits, in the order in which they came first")
    func highest() {
        var coalescer = AcknowledgementCoalescer()
        var bob = AcknowledgeOperation.test(1)
        bob.client = Named.client("bob")
        for operation in [.test(3), bob, .test(5), .test(4)] { coalescer.add(operation) }
        #expect(coalescer.count == 2)
        #expect(coalescer.take() == [.test(5), bob])
        #expect(coalescer.take().isEmpty)
        coalescer.add(.test(2))
        #expect(coalescer.take() == [.test(2)])
    }

    @Test("acknowledgements under different fences are never joined: each is judged for itself [R5.3-6]")
    func fences() {
        var coalescer = AcknowledgementCoalescer()
        var old = AcknowledgeOperation.test(9)
        old.fence = NodeRig.fence(2)
        var otherEpoch = AcknowledgeOperation.test(8)
        otherEpoch.fence = NodeRig.fence(3, queue: 2)
        for operation in [old, .test(4), otherEpoch] { coalescer.add(operation) }
        #expect(coalescer.take() == [old, .test(4), otherEpoch])
    }
}

@Suite("Connection directory")
struct ConnectionDirectoryTests {
    private func voice(_ address: ConnectionAddress, _ client: ClientID = .phone, generation: UInt64 = 1) -> ConnectionDirectory.Voice {
        ConnectionDirectory.Voice(
            address: address,
            client: client,
            fence: NodeRig.fence(generation),
            instance: ServerRig.instance,
            attempt: .first,
            since: Instant(nanoseconds: 0)
        )
    }

    @Test("the roster holds what is open, whatever is closed in between")
    func roster() {
        var directory = ConnectionDirectory()
        let addresses = (0..<5).map { directory.open(loop: $0) }
        for index in [0, 3, 3, 4] { directory.close(addresses[index].id) }
        #expect(Set(directory.roster) == [addresses[1], addresses[2]])
        directory.close(addresses[2].id)
        #expect(directory.roster == [addresses[1]])
        #expect(directory.contains(addresses[1].id) && !directory.contains(addresses[2].id))
        #expect(directory.open(loop: 0).id > addresses[4].id)
    }

    @Test("a client has one voice: the newest attachment of an open connection")
    func voices() {
        var directory = ConnectionDirectory()
        let (old, new) = (directory.open(loop: 0), directory.open(loop: 1))
        let none = directory.attach(self.voice(old))
        let former = directory.attach(self.voice(new, generation: 2))
        #expect(none == nil && former == self.voice(old))
        #expect(directory.voice(of: .phone) == self.voice(new, generation: 2))
        #expect(directory.voice(of: .phone, under: NodeRig.fence(1)) == nil)
        #expect(directory.isVoice(new.id) && !directory.isVoice(old.id))
        directory.close(old.id)
        #expect(directory.voiceCount == 1)
        directory.close(new.id)
        #expect(directory.voiceCount == 0 && directory.voice(of: .phone) == nil)
    }

    @Test("any order of opening, attaching and closing keeps roster and voices together")
    func anyOrder() {
        for seed in UInt64(1)...200 {
            var luck = SeededLuck(seed)
            var directory = ConnectionDirectory()
            var open: [ConnectionAddress] = []
            var voices: [Int: ConnectionAddress] = [:]
            for step in 0..<200 {
                switch Int.random(in: 0..<3, using: &luck) {
                case 0:
                    open.append(directory.open(loop: 0))
                case 1:
                    guard let address = open.randomElement(using: &luck), !voices.values.contains(address) else { continue }
                    let device = Int.random(in: 0..<4, using: &luck)
                    _ = directory.attach(self.voice(address, Named.client("u/\(device)"), generation: UInt64(step + 1)))
                    voices[device] = address
                default:
                    guard let index = open.indices.randomElement(using: &luck) else { continue }
                    let address = open.remove(at: index)
                    directory.close(address.id)
                    voices = voices.filter { $0.value != address }
                }
            }
            #expect(Set(directory.roster) == Set(open), "seed \(seed)")
            for device in 0..<4 {
                #expect(directory.voice(of: Named.client("u/\(device)"))?.address == voices[device], "seed \(seed)")
            }
        }
    }
}

@Suite("Schedules of a node")
struct NodeScheduleTests {
    private func at(_ milliseconds: Int) -> Instant { Instant(nanoseconds: 0) + .milliseconds(milliseconds) }

    @Test("what is spread comes in even steps, all of it, and the last before the end")
    func spread() {
        for count in 1...40 {
            let targets = (1...count).map { ConnectionAddress(id: ServedConnectionID(UInt64($0)), loop: 0) }
            var schedule = SpreadSchedule(targets, start: self.at(0), spread: .seconds(10))
            var moments: [Instant] = []
            while let deadline = schedule.nextDeadline {
                #expect(schedule.next(now: Instant(nanoseconds: deadline.nanoseconds - 1)) == nil)
                #expect(schedule.next(now: deadline) == targets[moments.count])
                moments.append(deadline)
            }
            #expect(moments.count == count && moments[0] == self.at(0) && moments[count - 1] < self.at(10_000))
            let steps = zip(moments, moments.dropFirst()).map { ($1 - $0).nanoseconds }
            #expect(Set(steps).count <= 1)
        }
    }

    @Test("who comes late goes on at the same pace and does not catch up [R10.1-10]")
    func spreadLate() {
        let targets = (1...100).map { ConnectionAddress(id: ServedConnectionID(UInt64($0)), loop: 0) }
        var schedule = SpreadSchedule(targets, start: self.at(0), spread: .seconds(10))
        #expect(schedule.next(now: self.at(0)) == targets[0])
        // The process stood still for five seconds, in which 50 were due.
        var count = 0
        while schedule.next(now: self.at(5_000)) != nil { count += 1 }
        #expect(count == 3)
        #expect(schedule.nextDeadline == self.at(5_050))
        // A timer that is late by less than a step changes nothing.
        for step in 51...60 { #expect(schedule.next(now: self.at(step * 100 + 30)) == targets[step - 47]) }
        #expect(schedule.nextDeadline == self.at(6_050))
    }

    @Test("timers that are always late keep the pace all the same, so that nobody is left at the end", arguments: [5, 80, 200])
    func spreadAlwaysLate(milliseconds: Int) {
        let targets = (1...3_000).map { ConnectionAddress(id: ServedConnectionID(UInt64($0)), loop: 0) }
        var schedule = SpreadSchedule(targets, start: self.at(0), spread: .seconds(30))
        var count = 0
        for moment in stride(from: milliseconds, through: 30_000, by: milliseconds) {
            while schedule.next(now: self.at(moment)) != nil { count += 1 }
            #expect(count <= (moment + 250) / 10 + 1)
        }
        #expect(count >= 2_970)
    }

    @Test("what is added comes last, and in steps as short as it takes to be done in time [R10.1-10]")
    func spreadAppended() {
        let targets = (1...21).map { ConnectionAddress(id: ServedConnectionID(UInt64($0)), loop: 0) }
        var schedule = SpreadSchedule([targets[0]], start: self.at(0), spread: .seconds(10))
        #expect(schedule.next(now: self.at(0)) == targets[0])
        for target in targets[1..<11] { schedule.append(target, by: self.at(10_000), now: self.at(5_000)) }
        var moments: [Instant] = []
        while let deadline = schedule.nextDeadline {
            moments.append(deadline)
            #expect(schedule.next(now: deadline) == targets[moments.count])
        }
        #expect(moments == (0..<10).map { self.at(5_000 + $0 * 500) })
        // Nothing was to do meanwhile, so nothing is made good.
        for target in targets[11...] { schedule.append(target, by: self.at(90_000), now: self.at(20_000)) }
        let first = schedule.next(now: self.at(20_000))
        #expect(first == targets[11] && schedule.nextDeadline == self.at(20_500))
    }

    @Test("nothing to spread is done at once")
    func spreadNothing() {
        var schedule = SpreadSchedule([], start: self.at(0), spread: .seconds(10))
        #expect(schedule.nextDeadline == nil && schedule.next(now: self.at(99)) == nil)
    }

    @Test("a round is begun when it is due, once, and comes again after it ended")
    func round() {
        var round = Round(due: self.at(10))
        let begun = [round.begin(now: self.at(9)), round.begin(now: self.at(10)), round.begin(now: self.at(99))]
        #expect(begun == [false, true, false])
        #expect(round.nextDeadline == nil)
        round.ended(next: .milliseconds(5), now: self.at(20))
        #expect(round.nextDeadline == self.at(25))
        round.bringForward(to: self.at(22))
        round.bringForward(to: self.at(90))
        #expect(round.nextDeadline == self.at(22))
        round.postpone(until: self.at(50))
        round.postpone(until: self.at(1))
        #expect(round.nextDeadline == self.at(50))
    }

    @Test("a hurried round is due now, or right after the one under way; a stopped one never")
    func hurried() {
        var round = Round(due: self.at(10))
        round.hurry(now: self.at(3))
        #expect(round.nextDeadline == self.at(3))
        _ = round.begin(now: self.at(3))
        round.hurry(now: self.at(4))
        #expect(round.nextDeadline == nil)
        round.ended(next: .seconds(9), now: self.at(5))
        #expect(round.nextDeadline == self.at(5))
        round.stop()
        round.hurry(now: self.at(6))
        round.ended(next: .seconds(1), now: self.at(6))
        let begun = round.begin(now: self.at(7))
        #expect(round.nextDeadline == nil && !begun)
    }
}
