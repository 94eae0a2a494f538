import GaplessCore
import NIOCore

extension ClientRecordBatch {
    /// What begins each change. The numbers stand in files: they never get another meaning.
    private enum Tag: UInt8 {
        case identity = 1
        case progress = 2
        case outbox = 3
        case queued = 4
        case assigned = 5
        case acknowledged = 6
    }

    /// The changes as bytes, the most significant byte of each number first.
    func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        for change in self.changes {
            switch change {
            case .identity(let identity):
                buffer.writeInteger(Tag.identity.rawValue)
                buffer.writeOptional(identity.client) { $0.writeText($1.description) }
                buffer.writeOptional(identity.token) { $0.writeText($1) }
                buffer.writeText(identity.instance.description)
                buffer.writeMultipleIntegers(identity.attempt?.rawValue ?? 0, UInt8(identity.isTakenOver ? 1 : 0))
            case .progress(let progress):
                buffer.writeInteger(Tag.progress.rawValue)
                buffer.writeOptional(progress.position) { $0.writePosition($1) }
                buffer.writeOptional(progress.held) { $0.writeInteger($1.rawValue) }
                buffer.writeOptional(progress.bookmark) { $0.writeInteger($1) }
            case .outbox(let outbox):
                buffer.writeInteger(Tag.outbox.rawValue)
                buffer.writeText(outbox.id.description)
                buffer.writeMultipleIntegers(outbox.assigned.rawValue, outbox.acknowledged.rawValue, UInt32(outbox.messages.count))
                for payload in outbox.messages { buffer.writePayload(payload) }
            case .queued(let payload):
                buffer.writeInteger(Tag.queued.rawValue)
                buffer.writePayload(payload)
            case .assigned(let through):
                buffer.writeMultipleIntegers(Tag.assigned.rawValue, through.rawValue)
            case .acknowledged(let through):
                buffer.writeMultipleIntegers(Tag.acknowledged.rawValue, through.rawValue)
            }
        }
        return buffer
    }

    /// Reads what `encoded` wrote; nil for anything else.
    init?(decoding body: ByteBuffer) {
        self.init()
        var buffer = body
        while buffer.readableBytes > 0 {
            guard let tag = buffer.readInteger(as: UInt8.self).flatMap({ Tag(rawValue: $0) }),
                let change = Self.read(tag, from: &buffer)
            else { return nil }
            self.append(change)
        }
    }

    private static func read(_ tag: Tag, from buffer: inout ByteBuffer) -> ClientRecordChange? {
        switch tag {
        case .identity: buffer.readIdentity().map { .identity($0) }
        case .progress: buffer.readProgress().map { .progress($0) }
        case .outbox: buffer.readOutbox().map { .outbox($0) }
        case .queued: buffer.readPayload().map { .queued($0) }
        case .assigned: buffer.readSequenceNumber().map { .assigned(through: $0) }
        case .acknowledged: buffer.readSequenceNumber().map { .acknowledged(through: $0) }
        }
    }
}

extension ClientRecord {
    /// The record that a whole file's first batch makes; nil when a part is missing.
    init?(_ batch: ClientRecordBatch) {
        guard let identity = batch.identity, let progress = batch.progress, case .outbox(let outbox) = batch.outbox.first else {
            return nil
        }
        self.init(identity: identity, progress: progress, outbox: outbox)
        for change in batch.outbox.dropFirst() {
            guard self.accepts(change) else { return nil }
        }
    }

    /// Brings the record up to date with what a file says; false when it does not fit.
    mutating func accepts(_ batch: ClientRecordBatch) -> Bool {
        batch.changes.allSatisfy { self.accepts($0) }
    }

    private mutating func accepts(_ change: ClientRecordChange) -> Bool {
        self.apply(change)
        return OutboxRecord.isValid(
            assigned: self.outbox.assigned,
            acknowledged: self.outbox.acknowledged,
            messages: self.outbox.messages.count
        )
    }
}

// MARK: Values

extension ByteBuffer {
    fileprivate mutating func writeOptional<Value>(_ value: Value?, _ write: (inout ByteBuffer, Value) -> Void) {
        self.writeInteger(UInt8(value == nil ? 0 : 1))
        if let value { write(&self, value) }
    }

    /// A value that may be absent; nil when the bytes are neither an absent nor a whole one.
    fileprivate mutating func readOptional<Value>(_ read: (inout ByteBuffer) -> Value?) -> Value?? {
        switch self.readInteger(as: UInt8.self) {
        case 0: .some(nil)
        case 1: read(&self).map { .some($0) }
        default: nil
        }
    }

    fileprivate mutating func writeText(_ text: String) {
        self.writeInteger(UInt16(text.utf8.count))
        self.writeString(text)
    }

    fileprivate mutating func readText() -> String? {
        guard let count = self.readInteger(as: UInt16.self), let bytes = self.readBytes(length: Int(count)) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    fileprivate mutating func readSequenceNumber() -> SequenceNumber? {
        self.readInteger(as: UInt64.self).flatMap { SequenceNumber(exactly: $0) }
    }

    /// An integer of at most 2^53-1.
    fileprivate mutating func readWireInteger() -> UInt64? {
        self.readInteger(as: UInt64.self).flatMap { $0 <= Limits.maxInteger ? $0 : nil }
    }

    private mutating func readFlag() -> Bool? {
        switch self.readInteger(as: UInt8.self) {
        case 0: false
        case 1: true
        default: nil
        }
    }

    fileprivate mutating func readIdentity() -> ClientIdentity? {
        guard let client = self.readOptional({ $0.readText().flatMap { ClientID($0) } }),
            let token = self.readOptional({ $0.readText() }),
            let instance = self.readText().flatMap({ InstanceID($0) }), let attempt = self.readWireInteger(),
            let isTakenOver = self.readFlag()
        else { return nil }
        return ClientIdentity(
            client: client,
            token: token,
            instance: instance,
            attempt: attempt == 0 ? nil : Attempt(attempt),
            isTakenOver: isTakenOver
        )
    }

    fileprivate mutating func readProgress() -> ClientProgress? {
        guard let position = self.readOptional({ $0.readPosition() }),
            let held = self.readOptional({ $0.readWireInteger().map { Generation($0) } }),
            let bookmark = self.readOptional({ $0.readInteger(as: UInt64.self) })
        else { return nil }
        return ClientProgress(position: position, held: held, bookmark: bookmark)
    }

    fileprivate mutating func writePosition(_ position: Position) {
        self.writeText(position.epoch.description)
        self.writeInteger(position.handled.rawValue)
        self.writeOptional(position.last) { $0.writeMultipleIntegers($1.sequence.rawValue, $1.time.milliseconds) }
    }

    fileprivate mutating func readPosition() -> Position? {
        guard let epoch = self.readText().flatMap({ EpochToken($0) }), let handled = self.readSequenceNumber(),
            let last = self.readOptional({ $0.readLastMessage() })
        else { return nil }
        return Position(epoch: epoch, handled: handled, last: last)
    }

    private mutating func readLastMessage() -> LastMessage? {
        guard let sequence = self.readSequenceNumber(), let milliseconds = self.readWireInteger() else { return nil }
        return LastMessage(sequence: sequence, time: Timestamp(milliseconds: milliseconds))
    }

    fileprivate mutating func readOutbox() -> OutboxRecord? {
        guard let id = self.readText().flatMap({ OutboxID($0) }), let assigned = self.readSequenceNumber(),
            let acknowledged = self.readSequenceNumber(), let count = self.readInteger(as: UInt32.self)
        else { return nil }
        var messages: [Payload] = []
        for _ in 0..<count {
            guard let payload = self.readPayload() else { return nil }
            messages.append(payload)
        }
        guard OutboxRecord.isValid(assigned: assigned, acknowledged: acknowledged, messages: messages.count) else { return nil }
        return OutboxRecord(id: id, assigned: assigned, acknowledged: acknowledged, messages: messages)
    }

    fileprivate mutating func writePayload(_ payload: Payload) {
        self.writeMultipleIntegers(payload.kind.rawValue, UInt32(payload.count))
        self.writeImmutableBuffer(payload.bytes)
    }

    fileprivate mutating func readPayload() -> Payload? {
        guard let kind = self.readInteger(as: UInt8.self).flatMap({ PayloadKind(rawValue: $0) }),
            let length = self.readInteger(as: UInt32.self), let bytes = self.readSlice(length: Int(length))
        else { return nil }
        return Payload(unchecked: bytes, kind: kind)
    }
}
