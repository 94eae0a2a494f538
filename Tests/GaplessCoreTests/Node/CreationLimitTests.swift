import GaplessCore
import Testing

@Suite("How fast one address creates queues [R5.1-5]")
struct CreationLimitTests {
    private static let pace = CreationLimit.Pace(interval: .seconds(1), burst: 3)
    private static let here = RemoteAddress.v4(1)
    private static let there = RemoteAddress.v4(2)

    private func at(_ milliseconds: Int) -> Instant { Instant(nanoseconds: 0) + .milliseconds(milliseconds) }

    /// A limit whose tokens are settled as they are taken.
    private struct Rig {
        var limit: CreationLimit
        var connections: UInt64 = 0

        init(_ pace: CreationLimit.Pace? = CreationLimitTests.pace, maxAddresses: Int = 100) {
            self.limit = CreationLimit(pace, maxAddresses: maxAddresses, now: Instant(nanoseconds: 0))
        }

        mutating func take(_ address: RemoteAddress = CreationLimitTests.here, at now: Instant) -> ServedConnectionID? {
            self.connections += 1
            let id = ServedConnectionID(self.connections)
            return self.limit.take(for: id, from: address, now: now) ? id : nil
        }

        mutating func create(_ address: RemoteAddress = CreationLimitTests.here, at now: Instant) -> Bool {
            guard let id = self.take(address, at: now) else { return false }
            self.limit.settle(id, isCreated: true)
            return true
        }
    }

    @Test("a burst, and then one each interval, however long nobody came")
    func pace() {
        var rig = Rig()
        for start in [0, 100_000] {
            let burst = (0..<5).map { _ in rig.create(at: self.at(start)) }
            #expect(burst == [true, true, true, false, false])
            let later = [999, 1_000, 1_001, 2_000].map { rig.create(at: self.at(start + $0)) }
            #expect(later == [false, true, false, true])
        }
    }

    @Test("each address has a bucket of its own")
    func addresses() {
        var rig = Rig()
        let here = (0..<4).map { _ in rig.create(at: self.at(0)) }
        let there = (0..<4).map { _ in rig.create(Self.there, at: self.at(0)) }
        #expect(here == [true, true, true, false] && there == here)
    }

    @Test("what the attach did not need is given back, once")
    func givenBack() {
        var rig = Rig()
        for _ in 0..<50 {
            guard let id = rig.take(at: self.at(0)) else { return #expect(Bool(false)) }
            rig.limit.settle(id, isCreated: false)
            rig.limit.settle(id, isCreated: false)
        }
        let burst = (0..<4).map { _ in rig.create(at: self.at(0)) }
        #expect(burst == [true, true, true, false])
        #expect(rig.limit.pendingCount == 0)
    }

    @Test("tokens that are out are not taken twice: a flood of attaches at once creates no more than a burst")
    func flood() {
        var rig = Rig()
        let taken = (0..<100).compactMap { _ in rig.take(at: self.at(0)) }
        #expect(taken.count == 3)
        for id in taken { rig.limit.settle(id, isCreated: true) }
        let another = rig.create(at: self.at(0))
        #expect(!another)
    }

    @Test("nil is no limit, and remembers nobody")
    func off() {
        var rig = Rig(nil)
        let all = (0..<10_000).allSatisfy { _ in rig.create(at: self.at(0)) }
        #expect(all && rig.limit.addressCount == 0 && rig.limit.pendingCount == 0)
    }

    @Test("a bucket that is full is forgotten, and one that is not is remembered")
    func forgotten() {
        var rig = Rig()
        for _ in 0..<3 { _ = rig.create(at: self.at(2_900)) }
        _ = rig.create(Self.there, at: self.at(3_000))
        let tooSoon = rig.create(at: self.at(3_100))
        #expect(!tooSoon)
        _ = rig.create(Self.there, at: self.at(9_200))
        #expect(rig.limit.addressCount == 1)
    }

    @Test("the table is bounded: the addresses that came last stay")
    func bounded() {
        var rig = Rig(maxAddresses: 20)
        for address in 0..<1_000 as Range<UInt32> {
            for _ in 0..<3 { _ = rig.create(.v4(address), at: self.at(0)) }
            #expect(rig.limit.addressCount <= 20)
        }
        let last = (991..<1_000 as Range<UInt32>).contains { rig.create(.v4($0), at: self.at(0)) }
        #expect(!last)
        let first = rig.create(.v4(0), at: self.at(0))
        #expect(first)
    }

    @Test("it allows what a plain count of each address allows")
    func random() {
        for seed in 1...50 as ClosedRange<UInt64> {
            var luck = SeededLuck(seed)
            var rig = Rig()
            var tokens: [UInt32: (count: Double, at: Int)] = [:]
            var now = 0
            for _ in 0..<500 {
                now += Int.random(in: 0...5, using: &luck) * 250
                let address = UInt32.random(in: 0..<4, using: &luck)
                let before = tokens[address] ?? (3, now)
                let count = min(3, before.count + Double(now - before.at) / 1_000)
                let isCreated = rig.create(.v4(address), at: self.at(now))
                #expect(isCreated == (count >= 1), "seed \(seed)")
                tokens[address] = (isCreated ? count - 1 : count, now)
            }
        }
    }

    @Test("the default is a hundred a second, and a thousand at once")
    func standard() {
        let pace = NodeConfiguration(node: NodeRig.me).creations
        #expect(pace == CreationLimit.Pace(interval: .milliseconds(10), burst: 1_000))
    }

    // MARK: Addresses

    @Test("an IPv4 address is one party, also when it is written as IPv6")
    func version4() {
        #expect(RemoteAddress(bytes: [192, 0, 2, 1]) == .v4(0xC000_0201))
        #expect(RemoteAddress(bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1]) == .v4(0xC000_0201))
    }

    @Test("an IPv6 address counts by its first 64 bits")
    func version6() {
        let network: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 1]
        #expect(RemoteAddress(bytes: network + [0, 0, 0, 0, 0, 0, 0, 1]) == .v6(0x2001_0DB8_0000_0001))
        #expect(RemoteAddress(bytes: network + [9, 9, 9, 9, 9, 9, 9, 9]) == .v6(0x2001_0DB8_0000_0001))
        #expect(RemoteAddress(bytes: [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 2] + Array(repeating: 0, count: 8)) == .v6(0x2001_0DB8_0000_0002))
    }

    @Test("what is no address of the Internet is one party", arguments: [0, 3, 5, 15, 17])
    func unknown(count: Int) {
        #expect(RemoteAddress(bytes: Array(repeating: 1, count: count)) == .unknown)
    }

    // MARK: In a node

    private func attach(_ rig: NodeRig, _ address: ConnectionAddress) -> Bool? {
        let operation = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: .first)
        guard case .attach(let submitted, address)? = rig.attaching(operation, address, from: Self.here).effects.first else { return nil }
        return submitted.mayCreate
    }

    @Test("an attach is submitted with the word whether it may create, and beyond the pace it may not")
    func submitted() {
        let rig = NodeRig.started { $0.creations = Self.pace }
        let words = (0..<4).map { _ in self.attach(rig, rig.open()) }
        #expect(words == [true, true, true, false])
    }

    @Test("a client whose queue exists uses nothing up, and neither does a refusal or a failed store")
    func notCreated() {
        let rig = NodeRig.started { $0.creations = Self.pace }
        let operation = AttachOperation(client: .phone, node: NodeRig.me, instance: ServerRig.instance, attempt: .first)
        for _ in 0..<10 {
            let addresses = (0..<3).map { _ in rig.open() }
            for address in addresses { #expect(self.attach(rig, address) == true) }
            _ = rig.attach(addresses[0])
            _ = rig.commit(CommittedOperation(.attach(operation), .attach(.late), connection: addresses[1]))
            _ = rig.commitFailed(SubmittedOperation(.attach(operation), connection: addresses[2]))
        }
    }

    @Test("a queue that is created uses it up, also when its connection is gone before the store answers")
    func created() {
        let rig = NodeRig.started { $0.creations = Self.pace }
        for _ in 0..<3 {
            let address = rig.open()
            #expect(self.attach(rig, address) == true)
            _ = rig.close(address)
            _ = rig.attach(address, isCreated: true)
        }
        #expect(self.attach(rig, rig.open()) == false)
        rig.pass(.seconds(1))
        #expect(self.attach(rig, rig.open()) == true)
    }
}
