import Crypto
import Foundation
public import GaplessCore

/// The header `Gapless-Signature`, which proves to a receiver that the body of a call comes from a server that knows the secret, and that nobody
/// changed it. It says nothing of other headers: bodies hold what names them for ever.
///
/// It reads `t=1767225600,v1=5f8a...`: the second in which the call was sent, and the HMAC-SHA256 of that number, a dot and the body, in
/// hexadecimal digits. There may be several `v1`, one for each secret.
///
/// ```swift
/// try WebhookSignature.verify(header, of: body, secrets: [secret])
/// ```
public enum WebhookSignature {
    /// The name of the header.
    public static let headerName = "Gapless-Signature"

    /// The most bytes of a header that is looked at.
    static let maxHeaderBytes = 1_024

    /// How many bytes a secret has. A shorter one can be guessed, and an empty one is what is left of a setting that is missing.
    static let secretBytes = 32...1_024

    /// Verifies the signature of a call; returns when it is good.
    ///
    /// - Parameters:
    ///   - header: the value of `Gapless-Signature`.
    ///   - body: the body of the call, byte for byte as it came.
    ///   - secrets: those that count; one that matches is enough. One that has not 32 to 1,024 bytes counts for nothing.
    ///   - now: the time of day; nil for the machine's.
    ///   - tolerance: how far the time in the header may be from `now`, so that a call that somebody recorded is soon worth nothing.
    /// - Throws: `WebhookSignatureError`. Answer such a call with 401 and do nothing that it says.
    public static func verify(
        _ header: String,
        of body: some Sequence<UInt8>,
        secrets: [String],
        now: Timestamp? = nil,
        tolerance: Duration = .seconds(300)
    ) throws(WebhookSignatureError) {
        guard let parts = Parts(header) else { throw .malformed }
        let now = now ?? Timestamp(milliseconds: UInt64(max(0, Date().timeIntervalSince1970 * 1_000)))
        let distance = Timestamp(milliseconds: parts.seconds * 1_000).duration(to: now)
        guard distance <= tolerance, distance >= .zero - tolerance else { throw .untimely }
        let signed = Self.signed(parts.seconds, body)
        // Each is compared, in constant time, so that the time tells nothing about them.
        var isGood = false
        for secret in secrets where Self.secretBytes.contains(secret.utf8.count) {
            for code in parts.codes
            where HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: Self.key(secret)) { isGood = true }
        }
        guard isGood else { throw .wrong }
    }

    /// The value of the header for a call that is sent at this moment.
    static func make(of body: some Sequence<UInt8>, secrets: [String], at time: Timestamp) -> String {
        let seconds = time.milliseconds / 1_000
        let signed = Self.signed(seconds, body)
        let codes = secrets.map { secret in
            ",v1=" + Hexadecimal.encode(HMAC<SHA256>.authenticationCode(for: signed, using: Self.key(secret)))
        }
        return "t=\(seconds)" + codes.joined()
    }

    private static func signed(_ seconds: UInt64, _ body: some Sequence<UInt8>) -> [UInt8] {
        Array("\(seconds).".utf8) + Array(body)
    }

    private static func key(_ secret: String) -> SymmetricKey {
        SymmetricKey(data: Array(secret.utf8))
    }

    /// What a header says, before anybody believes it. Parts that are not known are left to later versions.
    private struct Parts {
        let seconds: UInt64
        let codes: [[UInt8]]

        init?(_ header: String) {
            guard header.utf8.count <= WebhookSignature.maxHeaderBytes else { return nil }
            var seconds: UInt64?
            var codes: [[UInt8]] = []
            for part in header.split(separator: ",", omittingEmptySubsequences: false) {
                let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard pair.count == 2 else { return nil }
                switch pair[0] {
                case "t":
                    guard seconds == nil, (1...12).contains(pair[1].utf8.count), pair[1].utf8.allSatisfy(Self.isDigit) else { return nil }
                    seconds = UInt64(pair[1])
                case "v1":
                    guard let code = Hexadecimal.decode(pair[1]), code.count == SHA256.byteCount else { return nil }
                    codes.append(code)
                default: continue
                }
            }
            guard let seconds, !codes.isEmpty else { return nil }
            self.seconds = seconds
            self.codes = codes
        }

        private static func isDigit(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
    }
}

/// Why a call is not believed.
public struct WebhookSignatureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence for people.
    public let description: String

    /// The header is not one of `Gapless-Signature`.
    public static let malformed = WebhookSignatureError(description: "The signature is not well formed.")
    /// The time in the header is too long ago, or ahead: the call may be an old one that somebody recorded, or a clock is wrong.
    public static let untimely = WebhookSignatureError(description: "The signature is not of this time.")
    /// No secret gives this signature: the call is from somebody else, or was changed.
    public static let wrong = WebhookSignatureError(description: "The signature is wrong.")
}
