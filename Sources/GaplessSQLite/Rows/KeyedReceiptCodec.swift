import GaplessCore
import GaplessStore
import NIOCore

/// The bytes of a receipt that is kept with an idempotency key.
///
/// In a sequence most receipts say "the same as the one before, one number higher": they take one byte.
enum KeyedReceiptCodec {
    private enum Tag {
        static let append: UInt8 = 1
        static let sequence: UInt8 = 2
        static let whole: UInt8 = 0
        static let oneHigher: UInt8 = 1
    }

    static func encode(_ receipt: KeyedAnswer.Receipt) -> ByteBuffer {
        var buffer = ByteBuffer()
        switch receipt {
        case .append(let append):
            buffer.writeInteger(Tag.append)
            Self.write(append, to: &buffer)
        case .sequence(let sequence):
            buffer.writeInteger(Tag.sequence)
            buffer.writeInteger(UInt32(sequence.stored.count))
            var previous: AppendReceipt?
            for append in sequence.stored {
                if let previous, previous.oneHigher == append {
                    buffer.writeInteger(Tag.oneHigher)
                } else {
                    buffer.writeInteger(Tag.whole)
                    Self.write(append, to: &buffer)
                }
                previous = append
            }
            buffer.writeInteger(UInt8(sequence.refused == nil ? 0 : 1))
            if let refused = sequence.refused { Self.write(refused, to: &buffer) }
        }
        return buffer
    }

    static func decode(_ bytes: ByteBuffer) throws -> KeyedAnswer.Receipt {
        var buffer = bytes
        let receipt: KeyedAnswer.Receipt
        switch try buffer.take(UInt8.self) {
        case Tag.append:
            receipt = .append(try Self.readAppend(from: &buffer))
        case Tag.sequence:
            let count = try buffer.take(UInt32.self)
            var sequence = AppendSequenceReceipt(stored: [])
            for _ in 0..<count {
                switch (try buffer.take(UInt8.self), sequence.stored.last?.oneHigher) {
                case (Tag.whole, _): sequence.stored.append(try Self.readAppend(from: &buffer))
                case (Tag.oneHigher, let next?): sequence.stored.append(next)
                default: throw DamagedRow("a kept receipt is damaged")
                }
            }
            if try buffer.take(UInt8.self) == 1 { sequence.refused = try Self.readAppend(from: &buffer) }
            receipt = .sequence(sequence)
        default:
            throw DamagedRow("a kept receipt is damaged")
        }
        guard buffer.readableBytes == 0 else { throw DamagedRow("a kept receipt is damaged") }
        return receipt
    }

    // MARK: One send

    private static func write(_ receipt: AppendReceipt, to buffer: inout ByteBuffer) {
        buffer.writeInteger(receipt.time.milliseconds)
        buffer.writeInteger(Self.code(of: receipt.refusal))
        buffer.writeInteger(UInt32(receipt.deliveries.count))
        for delivery in receipt.deliveries {
            let client = delivery.client.description
            buffer.writeInteger(UInt8(client.utf8.count))
            buffer.writeString(client)
            buffer.writeInteger(Self.code(of: delivery.outcome))
            if case .stored(let number, let epoch) = delivery.outcome {
                buffer.writeInteger(number.rawValue)
                buffer.writeInteger(epoch.incarnation.rawValue)
                buffer.writeInteger(epoch.queue)
            }
        }
    }

    private static func readAppend(from buffer: inout ByteBuffer) throws -> AppendReceipt {
        let time = try buffer.take(UInt64.self)
        guard time <= Limits.maxInteger else { throw DamagedRow("a kept receipt is damaged") }
        let refusal = try Self.refusal(of: try buffer.take(UInt8.self))
        let count = try buffer.take(UInt32.self)
        var deliveries: [Delivery] = []
        for _ in 0..<count {
            guard let text = buffer.readString(length: Int(try buffer.take(UInt8.self))), let client = ClientID(text) else {
                throw DamagedRow("a kept receipt is damaged")
            }
            deliveries.append(Delivery(client: client, outcome: try Self.readOutcome(from: &buffer)))
        }
        return AppendReceipt(time: Timestamp(milliseconds: time), deliveries: deliveries, refusal: refusal)
    }

    private static func readOutcome(from buffer: inout ByteBuffer) throws -> Delivery.Outcome {
        switch try buffer.take(UInt8.self) {
        case 0:
            guard let number = SequenceNumber(exactly: try buffer.take(UInt64.self)) else { throw DamagedRow("a kept receipt is damaged") }
            let incarnation = Incarnation(rawValue: try buffer.take(UInt64.self))
            return .stored(number, Epoch(incarnation: incarnation, queue: try buffer.take(UInt64.self)))
        case 1: return .queueFull
        case 2: return .tooLarge
        case 3: return .noSuchClient
        case 4: return .tooManyQueues
        default: throw DamagedRow("a kept receipt is damaged")
        }
    }

    private static func code(of outcome: Delivery.Outcome) -> UInt8 {
        switch outcome {
        case .stored: 0
        case .queueFull: 1
        case .tooLarge: 2
        case .noSuchClient: 3
        case .tooManyQueues: 4
        }
    }

    private static func code(of refusal: AppendRefusal?) -> UInt8 {
        switch refusal {
        case nil: 0
        case .conflict: 1
        case .tooManyKeys: 2
        case .storeFull: 3
        }
    }

    private static func refusal(of code: UInt8) throws -> AppendRefusal? {
        switch code {
        case 0: nil
        case 1: .conflict
        case 2: .tooManyKeys
        case 3: .storeFull
        default: throw DamagedRow("a kept receipt is damaged")
        }
    }
}

extension AppendReceipt {
    /// The receipt of the next message to the same recipient; nil when there is not exactly one recipient that stored it.
    fileprivate var oneHigher: AppendReceipt? {
        guard self.deliveries.count == 1, case .stored(let number, let epoch) = self.deliveries[0].outcome, number < .max else {
            return nil
        }
        var receipt = self
        receipt.deliveries[0].outcome = .stored(number.next, epoch)
        return receipt
    }
}

extension ByteBuffer {
    fileprivate mutating func take<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
        guard let value = self.readInteger(as: type) else { throw DamagedRow("a kept receipt is damaged") }
        return value
    }
}
