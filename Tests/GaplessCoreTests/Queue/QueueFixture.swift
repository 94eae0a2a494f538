import GaplessCore
import Testing

/// A queue of `alice/phone` with messages 1 to `head`, sent a second apart from 1,000 ms on, and what a test needs to attach to it.
struct QueueFixture {
    static let life = Incarnation(rawValue: 7)
    static let epoch = Epoch(incarnation: life, queue: 1)
    static let freshEpoch = Epoch(incarnation: life, queue: 2)
    static let now = Timestamp(milliseconds: 100_000)
    static let node = NodeIdentity(name: Named.node("a"), incarnation: 1)
    static let first = Named.instance("first")
    static let second = Named.instance("second")

    var record: QueueRecord
    /// What is kept, by number.
    var kept: [UInt64: KeptTimes] = [:]
    var policy = StorePolicy()

    /// - Parameter holder: who attached before, with attempt 5; nil when nobody ever did.
    init(head: UInt64 = 0, floor: UInt64 = 0, generation: UInt64 = 0, attachedAs holder: InstanceID? = nil) {
        self.record = QueueRecord(
            creating: Named.client("alice/phone"),
            epoch: Self.epoch,
            keep: .seconds(60),
            now: Timestamp(milliseconds: 500)
        )
        self.record.head = SequenceNumber(head)
        self.record.floor = SequenceNumber(floor)
        self.record.floorTime = floor > 0 ? Self.time(of: floor) : nil
        self.record.kept = KeptSum(messages: Int(head - floor), bytes: Int(head - floor) * 10)
        for number in floor..<head {
            self.kept[number + 1] = KeptTimes(time: Self.time(of: number + 1), expires: Timestamp(milliseconds: 3_600_000))
        }
        self.record.generation = Generation(generation)
        if let holder {
            self.record.lastAttachment = LastAttachment(
                instance: holder,
                attempt: Attempt(5),
                node: Self.node,
                attached: Timestamp(milliseconds: 600)
            )
        }
    }

    static func time(of number: UInt64) -> Timestamp {
        Timestamp(milliseconds: number * 1_000)
    }

    var fence: Fence { self.record.fence }

    func position(_ handled: UInt64, last: (UInt64, UInt64)? = nil, epoch: Epoch = epoch) -> Position {
        Position(
            epoch: epoch.token,
            handled: SequenceNumber(handled),
            last: last.map { LastMessage(sequence: SequenceNumber($0.0), time: Timestamp(milliseconds: $0.1)) }
        )
    }

    func hello(
        _ instance: InstanceID = first,
        attempt: UInt64 = 6,
        position: Position? = nil,
        taken: (UInt64, UInt64)? = nil,
        held: UInt64? = nil,
        outbox: OutboxID? = nil,
        force: Bool = false,
        keep: Duration? = nil
    ) -> AttachOperation {
        AttachOperation(
            client: self.record.client,
            node: Self.node,
            instance: instance,
            attempt: Attempt(attempt),
            position: position,
            taken: taken.map { Taken(through: SequenceNumber($0.0), newest: Timestamp(milliseconds: $0.1)) },
            held: held.map { Generation($0) },
            outbox: outbox,
            force: force,
            keep: keep
        )
    }

    mutating func attach(_ operation: AttachOperation, isHolderAlive: Bool = true) -> AttachDecision {
        let kept = self.kept
        return self.record.attach(
            operation,
            policy: self.policy,
            now: Self.now,
            isHolderAlive: isHolderAlive,
            freshEpoch: Self.freshEpoch,
            times: { kept[$0.rawValue] },
            newest: { kept.newest(in: $0, unexpiredAt: $1) }
        )
    }

    /// Attaches and demands that it is not refused.
    mutating func attached(_ operation: AttachOperation, isHolderAlive: Bool = true) throws -> GaplessCore.Attachment {
        guard case .attached(let attachment) = self.attach(operation, isHolderAlive: isHolderAlive) else {
            throw Refused()
        }
        return attachment
    }

    struct Refused: Error {}
}

/// Names for tests; a wrong one is a mistake of the test.
enum Named {
    static func client(_ text: String) -> ClientID {
        guard let client = ClientID(text) else { preconditionFailure("\(text) is no client") }
        return client
    }

    static func node(_ text: String) -> NodeName {
        guard let name = NodeName(text) else { preconditionFailure("\(text) is no node name") }
        return name
    }

    static func instance(_ text: String) -> InstanceID {
        guard let instance = InstanceID(text) else { preconditionFailure("\(text) is no instance") }
        return instance
    }

    static func outbox(_ text: String) -> OutboxID {
        guard let outbox = OutboxID(text) else { preconditionFailure("\(text) is no outbox") }
        return outbox
    }
}

extension [UInt64: KeptTimes] {
    /// The newest message in a range that expires after a moment.
    func newest(in range: SequenceRange, unexpiredAt moment: Timestamp) -> LastMessage? {
        let found = self.filter { (range.first.rawValue...range.last.rawValue).contains($0.key) && moment < $0.value.expires }.max {
            $0.key < $1.key
        }
        return found.map { LastMessage(sequence: SequenceNumber($0.key), time: $0.value.time) }
    }
}
