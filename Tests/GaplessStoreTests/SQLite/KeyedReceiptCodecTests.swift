import GaplessCore
import GaplessStore
import NIOCore
import Testing

@testable import GaplessSQLite

@Suite struct KeyedReceiptCodecTests {
    private static let epoch = Epoch(incarnation: Incarnation(rawValue: .max), queue: 7)
    private static let time = SQLiteTestStore.start

    private static func stored(_ number: UInt64, _ client: String = "alice/phone", epoch: Epoch = epoch) -> Delivery {
        Delivery(client: SQLiteTestStore.client(client), outcome: .stored(SequenceNumber(number), epoch))
    }

    private static func append(_ deliveries: Delivery...) -> AppendReceipt {
        AppendReceipt(time: time, deliveries: deliveries)
    }

    private static let receipts: [KeyedAnswer.Receipt] = [
        .append(append()),
        .append(append(stored(1))),
        .append(
            AppendReceipt(
                time: time,
                deliveries: [
                    stored(Limits.maxInteger), Delivery(client: SQLiteTestStore.client("b"), outcome: .queueFull),
                    Delivery(client: SQLiteTestStore.client("c"), outcome: .tooLarge),
                    Delivery(client: SQLiteTestStore.client("d"), outcome: .noSuchClient),
                    Delivery(client: SQLiteTestStore.client("e"), outcome: .tooManyQueues),
                ]
            )
        ),
        .sequence(AppendSequenceReceipt(stored: [])),
        .sequence(AppendSequenceReceipt(stored: (1...50).map { append(stored($0)) })),
        .sequence(
            AppendSequenceReceipt(stored: [append(stored(1)), append(stored(3)), append(stored(4, "b")), append(stored(5), stored(6))])
        ),
        .sequence(
            AppendSequenceReceipt(
                stored: [
                    append(stored(Limits.maxInteger)), append(stored(1, epoch: Epoch(incarnation: Incarnation(rawValue: 0), queue: 0))),
                ],
                refused: AppendReceipt(time: time, deliveries: [], refusal: .storeFull)
            )
        ),
        .sequence(
            AppendSequenceReceipt(
                stored: [append(stored(1))],
                refused: append(Delivery(client: SQLiteTestStore.client("b"), outcome: .queueFull))
            )
        ),
    ]

    @Test(arguments: KeyedReceiptCodecTests.receipts)
    func whatIsEncodedIsDecoded(_ receipt: KeyedAnswer.Receipt) throws {
        #expect(try KeyedReceiptCodec.decode(KeyedReceiptCodec.encode(receipt)) == receipt)
    }

    @Test(arguments: KeyedReceiptCodecTests.receipts)
    func whatIsCutOffOrTooLongIsDamage(_ receipt: KeyedAnswer.Receipt) {
        var bytes = KeyedReceiptCodec.encode(receipt)
        for length in 0..<bytes.readableBytes {
            #expect(throws: DamagedRow.self) { try KeyedReceiptCodec.decode(bytes.getSlice(at: 0, length: length) ?? ByteBuffer()) }
        }
        bytes.writeInteger(UInt8(0))
        #expect(throws: DamagedRow.self) { try KeyedReceiptCodec.decode(bytes) }
    }

    @Test func aMessageOfASequenceTakesOneByte() {
        let one = KeyedReceiptCodec.encode(.sequence(AppendSequenceReceipt(stored: [Self.append(Self.stored(1))])))
        let many = KeyedReceiptCodec.encode(.sequence(AppendSequenceReceipt(stored: (1...1_000).map { Self.append(Self.stored($0)) })))
        #expect(many.readableBytes == one.readableBytes + 999)
    }
}
