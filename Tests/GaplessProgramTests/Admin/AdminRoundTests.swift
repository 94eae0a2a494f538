import NIOCore
import NIOHTTP1
import Testing

@testable import gapless

@Suite struct AdminRoundTests {
    private static func answer(_ status: Int, _ code: String? = nil) -> AdminClient.Answer {
        let body = code.map { #"{"error":{"code":"\#($0)","message":"It is \#($0)."}}"# } ?? ""
        return AdminClient.Answer(status: HTTPResponseStatus(statusCode: status), body: ByteBuffer(string: body))
    }

    /// What a command ends with when each address gives one of these answers, and none a better one.
    private static func failure(_ answers: [AdminClient.Answer]) -> ProgramError {
        var round = AdminRound()
        for answer in answers {
            let isSettled = round.isSettled(by: answer, from: "x")
            #expect(!isSettled)
        }
        return round.failure
    }

    @Test(arguments: [200, 204, 301, 400, 404, 409, 413])
    func whatEveryNodeWouldSaySettlesIt(_ status: Int) {
        var round = AdminRound()
        let isSettled = round.isSettled(by: Self.answer(status), from: "x")
        #expect(isSettled)
        #expect(!round.isInDoubt)
    }

    @Test func aNodeThatCannotNowMakesPeopleTryAgain() {
        #expect(Self.failure([Self.answer(503, "unavailable")]).kind == .tryAgain)
        #expect(Self.failure([Self.answer(429, "overloaded")]).description == "It is overloaded.")
        #expect(Self.failure([Self.answer(500), Self.answer(503), Self.answer(502)]).kind == .tryAgain, "what a node said tells most")
    }

    @Test func aNodeThatFailsIsAsGoodAsNone() {
        let failure = Self.failure([Self.answer(500), Self.answer(504)])
        #expect(failure.kind == .unreachable)
        #expect(failure.description.contains("x: the node answered 504"))
        var round = AdminRound()
        round.failed(.refused, at: "y")
        #expect(round.failure.description == "no node answers (y: connection refused)")
    }

    @Test func itIsInDoubtWhatALostAnswerDid() {
        func isInDoubt(_ change: (inout AdminRound) -> Void) -> Bool {
            var round = AdminRound()
            change(&round)
            return round.isInDoubt
        }
        #expect(isInDoubt { _ = $0.isSettled(by: Self.answer(503, "unknown"), from: "x") })
        #expect(isInDoubt { _ = $0.isSettled(by: Self.answer(504), from: "x") })
        #expect(isInDoubt { $0.failed(.silent, at: "x") })
        #expect(isInDoubt { $0.failed(.other("reset"), at: "x") })
        #expect(!isInDoubt { $0.failed(.refused, at: "x") })
        #expect(!isInDoubt { _ = $0.isSettled(by: Self.answer(503, "unavailable"), from: "x") }, "it did nothing")
        #expect(!isInDoubt { _ = $0.isSettled(by: Self.answer(429), from: "x") })
    }

    @Test(arguments: [
        (301, ProgramError.Kind.unreachable), (400, .wrongInput), (404, .wrongInput), (429, .tryAgain), (500, .unreachable),
        (503, .tryAgain),
    ])
    func eachStatusHasOneExitCode(_ status: Int, _ kind: ProgramError.Kind) {
        let error = #expect(throws: ProgramError.self) { try Self.answer(status).requireSuccess() }
        #expect(error?.kind == kind)
    }

    @Test func aSuccessIsNoError() throws {
        try Self.answer(200).requireSuccess()
        try Self.answer(204).requireSuccess()
    }
}
