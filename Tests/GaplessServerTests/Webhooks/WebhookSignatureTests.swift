import Testing

@testable import GaplessServer

/// The header that proves who calls.
@Suite struct WebhookSignatureTests {
    private static let secret = "0123456789abcdef0123456789abcdef"
    private static let former = "fedcba9876543210fedcba9876543210"
    private static let body = Array(#"{"client":"alice/phone"}"#.utf8)
    private static let sent = Timestamp(milliseconds: 1_767_225_600_000)
    // Made with Python's hmac.
    private static let code = "ad017a131dd6ec9ca60ce5ec7f848055da75ef38b43412d30559afa7a9992cbf"
    private static let formerCode = "3d3852618cf40d6023260a5fc82c1c2dba8cf3c430636fdf17ba3c6614ec383b"

    private static func verdict(
        _ header: String,
        body: [UInt8] = Self.body,
        secrets: [String] = [Self.secret],
        after: Duration = .zero,
        tolerance: Duration = .seconds(300)
    ) -> WebhookSignatureError? {
        do throws(WebhookSignatureError) {
            try WebhookSignature.verify(header, of: body, secrets: secrets, now: Self.sent.advanced(by: after), tolerance: tolerance)
            return nil
        } catch {
            return error
        }
    }

    @Test func anotherImplementationMakesTheSame() {
        #expect(Self.verdict("t=1767225600,v1=\(Self.code)") == nil)
        #expect(Self.verdict("t=1767225600,v1=\(Self.code.uppercased())") == nil)
        #expect(Self.verdict("t=1767225600,v1=\(Self.formerCode)", secrets: [Self.former]) == nil)
    }

    @Test func whatIsChangedIsNotBelieved() {
        let header = "t=1767225600,v1=\(Self.code)"
        #expect(Self.verdict(header, body: Self.body + [0x20]) == .wrong)
        #expect(Self.verdict(header, body: []) == .wrong)
        #expect(Self.verdict(header, secrets: [Self.former]) == .wrong)
        #expect(Self.verdict(header, secrets: []) == .wrong)
        // The time is signed as well.
        #expect(Self.verdict("t=1767225601,v1=\(Self.code)") == .wrong)
        #expect(Self.verdict("t=1767225600,v1=\(String(repeating: "0", count: 64))") == .wrong)
    }

    @Test func aSignatureIsGoodForItsTimeOnly() {
        let header = "t=1767225600,v1=\(Self.code)"
        for (after, verdict) in [(-301, .untimely), (-300, nil), (0, nil), (300, nil), (301, .untimely)]
            as [(Int64, WebhookSignatureError?)]
        {
            #expect(Self.verdict(header, after: .seconds(after)) == verdict, "\(after) s later")
        }
        #expect(Self.verdict(header, after: .milliseconds(1), tolerance: .zero) == .untimely)
        #expect(Self.verdict(header, tolerance: .zero) == nil)
        // The machine's clock is far from there.
        #expect(throws: WebhookSignatureError.untimely) {
            try WebhookSignature.verify(header, of: Self.body, secrets: [Self.secret])
        }
    }

    @Test func whileOneSecretTakesThePlaceOfTheOtherBothCount() {
        let both = "t=1767225600,v1=\(Self.code),v1=\(Self.formerCode)"
        #expect(Self.verdict(both, secrets: [Self.secret]) == nil)
        #expect(Self.verdict(both, secrets: [Self.former]) == nil)
        #expect(Self.verdict("t=1767225600,v1=\(Self.formerCode)", secrets: [Self.secret, Self.former]) == nil)
    }

    @Test func aSecretThatIsMissingOrShortCountsForNothing() {
        for secret in ["", "x", String(repeating: "x", count: 31), String(repeating: "x", count: 1_025)] {
            let header = WebhookSignature.make(of: Self.body, secrets: [secret], at: Self.sent)
            #expect(Self.verdict(header, secrets: [secret]) == .wrong)
            #expect(Self.verdict(header, secrets: [secret, Self.secret]) == .wrong)
            let both = header + ",v1=\(Self.code)"
            #expect(Self.verdict(both, secrets: [secret, Self.secret]) == nil)
        }
        for count in [32, 1_024] {
            let secret = String(repeating: "x", count: count)
            #expect(Self.verdict(WebhookSignature.make(of: Self.body, secrets: [secret], at: Self.sent), secrets: [secret]) == nil)
        }
    }

    @Test(arguments: [
        "", "t=1767225600", "v1=\(Self.code)", "t=,v1=\(Self.code)", "t=-1,v1=\(Self.code)", "t=+1767225600,v1=\(Self.code)",
        "t=1767225600,t=1767225600,v1=\(Self.code)", "t=1767225600,v1=", "t=1767225600,v1=\(Self.code)0", "t=1767225600,v1=\(Self.code)00",
        "t=1767225600,v1=\(Self.code.dropLast())g", "t=1767225600 v1=\(Self.code)", "t=1767225600,", "t=1767225600,v2=\(Self.code)",
        "t=9999999999999,v1=\(Self.code)", "t=1767225600,v1=\(Self.code),x=\(String(repeating: "x", count: 1_024))",
    ])
    func whatIsNoSignatureIsMalformed(_ header: String) {
        #expect(Self.verdict(header) == .malformed)
    }

    @Test func partsOfLaterVersionsAreLeftAlone() {
        #expect(Self.verdict("t=1767225600,v2=abc,v1=\(Self.code),k=7") == nil)
    }
}
