import GaplessCore
import NIOCore
import Testing

@testable import GaplessClient

extension ClientRecord {
    /// A client that was never connected.
    static func fresh() throws -> ClientRecord {
        ClientRecord(
            identity: ClientIdentity(client: ClientID("alice/phone"), token: nil, instance: try #require(InstanceID("i1")), attempt: nil),
            progress: ClientProgress(),
            outbox: OutboxRecord(id: try #require(OutboxID("o1")))
        )
    }

    /// A client with a position through the number, a token, and uplink messages of which some have numbers.
    static func example(handled: UInt64 = 7, numbered: UInt64 = 2, unnumbered: UInt64 = 3) throws -> ClientRecord {
        var record = try ClientRecord.fresh()
        record.identity.token = "1.k2.1767225600.q83vEjRWeJA"
        record.identity.attempt = Attempt(4)
        record.identity.isTakenOver = true
        record.progress = try .example(handled: handled)
        record.outbox = OutboxRecord(
            id: record.outbox.id,
            assigned: SequenceNumber(10 + numbered),
            acknowledged: SequenceNumber(10),
            messages: (0..<(numbered + unnumbered)).map { .example($0) }
        )
        return record
    }
}

extension ClientProgress {
    /// A position through the number, with all that belongs to it.
    static func example(handled: UInt64) throws -> ClientProgress {
        var position = Position(epoch: try #require(EpochToken("7Qm2xV9c.1")), handled: SequenceNumber(handled))
        if handled > 0 {
            position.last = LastMessage(sequence: SequenceNumber(handled), time: Timestamp(milliseconds: 1_767_225_600_000 + handled))
        }
        return ClientProgress(position: position, held: Generation(3), bookmark: handled * 100)
    }
}

extension ClientRecordBatch {
    /// The changes, oldest first.
    init(_ changes: ClientRecordChange...) {
        self.init()
        for change in changes { self.append(change) }
    }
}

extension Payload {
    /// Text, and bytes for each third.
    static func example(_ index: UInt64) -> Payload {
        index % 3 == 2 ? Payload(binary: ByteBuffer(bytes: [0, 0xff, UInt8(index % 251)])) : Payload(text: "message \(index)")
    }
}
