import Foundation
import NIOCore
import Testing

@testable import gapless

@Suite struct QueueDescriptionTests {
    private static func queue(epoch: String, oldest: UInt64) throws -> QueueDescription {
        let fields: [String: Any] = [
            "client": "alice", "epoch": epoch, "generation": 3, "head": 9, "acknowledged": 4, "discarded": 0, "depth": 5, "bytes": 50,
            "oldest": oldest, "created": 0, "attached": ["node": "a\u{7}", "instance": "i"],
        ]
        return try QueueDescription.decode(ByteBuffer(bytes: JSONSerialization.data(withJSONObject: fields)))
    }

    @Test func whatServersSendCannotCommandTheTerminal() throws {
        let card = try Self.queue(epoch: "e\u{1B}[2J", oldest: 1).card
        #expect(card.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
        #expect(card.contains(#"on node a\u{07}, instance i"#))
    }

    @Test func aTimeThatNoCalendarKnowsIsANumber() throws {
        #expect(try Self.queue(epoch: "e", oldest: .max).card.contains("18446744073709551615 ms"))
        #expect(try Self.queue(epoch: "e", oldest: 253_402_300_799_999).card.contains("9999-12-31T23:59:59Z"))
    }
}
