import GaplessCore
import Testing

/// Holds one vector of kind `attach` against the record of a queue: a row of the table "What a HELLO gets", or an exception of §5.3.
enum AttachVector {
    private static let me = NodeIdentity(name: Named.node("a"), incarnation: 1)

    /// Epochs are written `life.numbering`, two numbers.
    private static func epoch(_ text: String?) throws -> Epoch? {
        guard let text else { return nil }
        let parts = text.split(separator: ".").compactMap { UInt64($0) }
        guard parts.count == 2 else { throw VectorFailure("an epoch is two numbers: \(text)") }
        return Epoch(incarnation: Incarnation(rawValue: parts[0]), queue: parts[1])
    }

    static func run(_ vector: Vector) throws {
        let fields = try VectorFields(vector.body)
        guard let hello = try fields.object("hello") else { throw VectorFailure("no HELLO") }
        let operation = try self.operation(hello)
        try hello.finish()
        let now = Timestamp(milliseconds: try fields.number("time") ?? 100_000)
        let fresh = Epoch(incarnation: Incarnation(rawValue: 1), queue: 999)
        guard let queue = try fields.object("queue") else {
            var record = QueueRecord(creating: operation.client, epoch: fresh, keep: .seconds(86_400), now: now)
            let attachment = record.attachFirst(operation, policy: StorePolicy(), now: now, evicted: [])
            try self.compare(fields, .attached(attachment), record, fresh: fresh)
            return try fields.finish()
        }
        var times: [UInt64: KeptTimes] = [:]
        let kept = queue.value("messages")
        for key in kept?.keys ?? [] {
            guard let number = UInt64(key), case .array(let pair)? = kept?[key], pair.count == 2, case .int(let time) = pair[0],
                case .int(let expires) = pair[1]
            else { throw VectorFailure("a message is its number with time and expiry") }
            times[number] = KeptTimes(time: Timestamp(milliseconds: UInt64(time)), expires: Timestamp(milliseconds: UInt64(expires)))
        }
        var record = try self.record(queue, operation.client, kept: times.count)
        let isHolderAlive = try queue.bool("holderAlive") ?? true
        try queue.finish()
        let decision = record.attach(
            operation,
            policy: StorePolicy(),
            now: now,
            isHolderAlive: isHolderAlive,
            freshEpoch: fresh,
            times: { times[$0.rawValue] },
            newest: { times.newest(in: $0, unexpiredAt: $1) }
        )
        let receipt: AttachReceipt =
            switch decision {
            case .refused(let receipt): receipt
            case .attached(let attachment): .attached(attachment)
            }
        try self.compare(fields, receipt, record, fresh: fresh)
        try fields.finish()
    }

    private static func operation(_ fields: VectorFields) throws -> AttachOperation {
        var position: Position?
        if let token = try fields.string("epoch"), let handled = try fields.number("handled") {
            let epoch = try self.epoch(token)?.token ?? .test("x")
            position = Position(epoch: epoch, handled: SequenceNumber(handled), last: try fields.lastMessage("last"))
        }
        return AttachOperation(
            client: .phone,
            node: self.me,
            instance: Named.instance(try fields.string("instance") ?? "i1"),
            attempt: Attempt(try fields.number("attempt") ?? 1),
            position: position,
            taken: try fields.lastMessage("taken").map { Taken(through: $0.sequence, newest: $0.time) },
            held: try fields.number("held").map { Generation($0) },
            outbox: try fields.string("outbox").map { Named.outbox($0) },
            force: try fields.bool("force") ?? false
        )
    }

    private static func record(_ fields: VectorFields, _ client: ClientID, kept: Int) throws -> QueueRecord {
        guard let epoch = try self.epoch(fields.string("epoch")) else { throw VectorFailure("a queue has an epoch") }
        var record = QueueRecord(creating: client, epoch: epoch, keep: .seconds(86_400), now: Timestamp(milliseconds: 1))
        record.generation = Generation(try fields.number("generation") ?? 0)
        record.head = SequenceNumber(try fields.number("head") ?? 0)
        record.floor = SequenceNumber(try fields.number("floor") ?? 0)
        record.floorTime = try fields.number("floorTime").map { Timestamp(milliseconds: $0) }
        record.kept = KeptSum(messages: kept, bytes: kept)
        if let instance = try fields.string("instance") {
            record.lastAttachment = LastAttachment(
                instance: Named.instance(instance),
                attempt: Attempt(try fields.number("attempt") ?? 1),
                node: self.me,
                attached: Timestamp(milliseconds: 1),
                detached: try fields.bool("attached") == false ? Timestamp(milliseconds: 2) : nil
            )
        }
        if let marks = fields.value("marks") {
            for outbox in marks.keys {
                guard case .int(let mark)? = marks[outbox] else { throw VectorFailure("a mark is a number") }
                record.outboxes.set(Named.outbox(outbox), to: SequenceNumber(UInt64(mark)))
            }
        }
        return record
    }

    /// What the queue looks like afterwards, and what the client is told.
    private static func compare(_ fields: VectorFields, _ receipt: AttachReceipt, _ record: QueueRecord, fresh: Epoch) throws {
        var outcome: [String: VectorValue] = [
            "generation": .number(record.generation.rawValue), "floor": .number(record.floor.rawValue),
            "head": .number(record.head.rawValue),
            "epoch": .string(record.epoch == fresh ? "fresh" : "\(record.epoch.incarnation.rawValue).\(record.epoch.queue)"),
        ]
        switch receipt {
        case .attached(let attachment):
            VectorFrame.add(attachment.resume, to: &outcome)
            outcome["after"] = .number(attachment.after.rawValue)
            outcome["mark"] = .number(attachment.mark.rawValue)
        case .late: outcome["close"] = .int(4500)
        case .rival: outcome["close"] = .int(4501)
        case .tooManyClients, .tooManyQueues, .tooManyNewQueues, .sentAway: throw VectorFailure("refused otherwise: \(receipt)")
        }
        guard let expected = fields.value("is"), case .object(let named) = expected else { throw VectorFailure("is what?") }
        guard expected.isPart(of: .object(outcome)) else { throw VectorFailure("is \(VectorValue.object(outcome))") }
        guard named["resume"] != nil || named["close"] != nil else { throw VectorFailure("neither attached nor refused") }
        guard named["reason"] == outcome["reason"] else { throw VectorFailure("is \(VectorValue.object(outcome))") }
    }

    static func variants(of vector: Vector) -> [Vector] {
        VectorVariants.of(vector, fields: ["is"])
    }
}

@Suite("Vectors of what a HELLO gets")
struct AttachVectorTests {
    @Test("a queue answers a HELLO as the vectors say", arguments: Vector.of(kind: "attach"))
    func attach(vector: Vector) throws {
        try AttachVector.run(vector)
    }

    @Test("every expectation of a vector of an attach bites")
    func variants() {
        VectorVariants.expectDeath(kind: "attach", of: AttachVector.variants, running: AttachVector.run)
    }
}
