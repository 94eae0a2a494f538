import Testing

@testable import gapless

/// What is concluded from a node's answer to a batch.
@Suite struct BatchAnswerTests {
    private static let receipt = #"{"deliveries":[{"client":"a","sequence":1,"epoch":1}],"time":1}"#

    private static func error(_ code: String) -> String { #"{"error":{"code":"\#(code)","message":"No."}}"# }

    /// The answer to a batch of three lines.
    private static func answer(_ lines: [String]) -> BatchAnswer {
        BatchAnswer(Array(lines.map { $0 + "\n" }.joined().utf8), of: 3)
    }

    @Test func aReceiptForEachLineSettlesAll() {
        #expect(Self.answer([Self.receipt, Self.receipt, Self.receipt]) == .accepted(3))
    }

    /// The node gives this answer again for as long as the key lives, whatever room there is.
    @Test(arguments: ["queueFull", "full", "tooManyKeys", "overloaded", "unavailable"])
    func linesBeforeOneThatFindsNoRoomAreSettled(_ code: String) {
        #expect(Self.answer([Self.receipt, Self.error(code), Self.error("skipped")]) == .full(after: 1, reason: "No."))
        #expect(Self.answer([Self.receipt, Self.receipt, Self.error(code)]) == .full(after: 2, reason: "No."))
    }

    @Test(arguments: ["tooLarge", "noSuchClient", "conflict", "invalid", "somethingNew"])
    func linesBeforeOneThatIsRefusedForGoodAreSettled(_ code: String) {
        #expect(
            Self.answer([Self.receipt, Self.error(code), Self.error("skipped")]) == .refused(after: 1, reason: "line 2 of the batch: No.")
        )
        #expect(Self.answer([Self.error(code)]) == .refused(after: 0, reason: "line 1 of the batch: No."))
    }

    @Test func aFullQueueOrStoreIsWaitedFor() {
        #expect(Self.answer([Self.error("queueFull")]) == .full(after: 0, reason: "No."))
        #expect(Self.answer([Self.error("full")]) == .full(after: 0, reason: "No."))
    }

    @Test func whatNobodyKnowsIsUnsettled() {
        #expect(Self.answer([Self.error("overloaded")]) == .unsettled(reason: "No."))
        #expect(Self.answer([Self.error("unavailable")]) == .unsettled(reason: "No."))
        #expect(Self.answer([Self.receipt, Self.error("unknown")]) == .unsettled(reason: "No."))
        for broken in [[], [Self.receipt], [Self.receipt, Self.receipt], Array(repeating: Self.receipt, count: 4)] {
            #expect(Self.answer(broken) == .unsettled(reason: "a node's answer broke off"))
        }
        for strange in [["<html>"], [Self.receipt, #"{"error":"#], [Self.receipt, "1"]] {
            #expect(Self.answer(strange) == .unsettled(reason: "a node answered with something that is not a receipt"))
        }
    }
}
