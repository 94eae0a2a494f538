import ArgumentParser
import Testing

@testable import gapless

/// Which command lines `gapless send` takes.
@Suite struct SendCommandTests {
    @Test func nobodyTriesForLongerThanAKeyIsKnown() throws {
        for given in ["50m", "3000s", "1ms"] {
            #expect(throws: Never.self) { try SendCommand.parse(["--to", "a", "--give-up", given, "text"]) }
        }
        for given in ["3001s", "1h", "2h", "3650d"] {
            #expect(throws: (any Error).self) { try SendCommand.parse(["--to", "a", "--give-up", given, "text"]) }
        }
    }

    @Test func thereIsOneRecipientAndABoundedBatch() {
        for wrong in [["text"], ["--to", "a", "--user", "b", "text"], ["--to", "a", "--batch", "0"], ["--to", "a", "--batch", "10001"]] {
            #expect(throws: (any Error).self) { try SendCommand.parse(wrong) }
        }
    }
}
