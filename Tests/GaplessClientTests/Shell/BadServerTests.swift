import GaplessCore
import NIOCore
import Testing

@testable import GaplessClient
@testable import GaplessWebSocket

/// Servers, balancers and networks that do not do what they should, for ten minutes of a clock that the test moves.
@Suite struct BadServerTests {
    /// What is wrong with a server.
    enum Fault: Hashable, Sendable, CustomTestStringConvertible {
        /// Nobody is there.
        case absent
        /// The handshake gets this HTTP status.
        case status(UInt)
        /// TCP is taken and nothing is said.
        case mute
        /// `HELLO` gets no answer.
        case unanswered
        /// The connection is cut, or closed with the code, once `HELLO` has come.
        case cut
        case closed(UInt16)
        /// These bytes come instead of `WELCOME`.
        case instead(String)
        /// These frames come behind `WELCOME`.
        case after(String)
        /// A message without an end.
        case endless
        /// Bytes that are no frames.
        case noise
        /// A frame that is masked, as only a client's may be.
        case masked

        /// Whether the client has to say that the server is at fault.
        var isMisbehaviour: Bool {
            switch self {
            case .absent, .status, .mute, .unanswered, .cut, .closed: false
            case .instead, .after, .endless, .noise, .masked: true
            }
        }

        /// Does it to an attempt.
        func meet(_ attempt: RigAttempt) throws -> RigConnection? {
            switch self {
            case .absent: attempt.fail()
            case .status(let status): attempt.fail(.refused(status: status, retryAfterSeconds: nil))
            case .mute: break
            case .unanswered: return try attempt.open()
            case .cut:
                let connection = try attempt.open()
                try connection.cut()
                return connection
            case .closed(let code):
                let connection = try attempt.open()
                try connection.send(bytes: Self.frame(.close, [UInt8(code >> 8), UInt8(code & 0xff)]))
                try connection.cut()
                return connection
            case .instead(let text):
                let connection = try attempt.open()
                try connection.send(bytes: Self.frame(.text, Array(text.utf8)))
                return connection
            case .after(let text):
                let connection = try attempt.open()
                try connection.send(.welcome(head: 5))
                try connection.send(bytes: Self.frame(.text, Array(text.utf8)))
                return connection
            case .endless:
                let connection = try attempt.open()
                try connection.send(bytes: Self.frame(.text, Array("MSG".utf8), isFinal: false))
                for _ in 0..<2_000 { try connection.send(bytes: Self.frame(.continuation, [], isFinal: false)) }
                return connection
            case .noise:
                let connection = try attempt.open()
                try connection.send(bytes: ByteBuffer(repeating: 0xff, count: 4_096))
                return connection
            case .masked:
                let connection = try attempt.open()
                try connection.send(bytes: ByteBuffer(bytes: [0x81, 0x81, 1, 2, 3, 4, 0x41 ^ 1]))
                return connection
            }
            return nil
        }

        private static func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true) -> ByteBuffer {
            ByteBuffer(bytes: [(isFinal ? 0x80 : 0) | opcode.rawValue, UInt8(payload.count)] + payload)
        }

        var testDescription: String { "\(self)" }
    }

    static let faults: [Fault] =
        [.absent, .mute, .unanswered, .cut, .closed(1_000), .closed(1_011), .closed(4_999), .endless, .noise, .masked]
        + [200, 301, 302, 307, 400, 401, 403, 404, 426, 429, 500, 502, 503].map { .status($0) }
        + [
            "MSG 1 1 x", "ACK 1", "GAP 1 1 expired", #"AUTH {"within":1}"#, #"DRAIN {"within":1}"#, #"HELLO {"instance":"i","attempt":1}"#,
            "BYE",
            "WELCOME {}", "WELCOME", "welcome", "{", "", " ",
        ].map { .instead($0) }
        + [
            "MSG 2 1 x", "MSG 0 1 x", "MSG 1 x", "GAP 2 3 expired", "GAP 3 2 expired", "ACK 1", #"AUTH {}"#, #"ERROR {"code":1000}"#, "BYE",
        ].map { .after($0) }

    @Test(
        "[R11.2-2] [R11.3-1] whatever a server does, the client comes back, with backoff and not in a loop, and goes on when it is mended",
        arguments: faults
    )
    func comesBack(_ fault: Fault) throws {
        let rig = try ShellRig()
        var attempts = 0
        for _ in 0..<6_000 {
            while attempts < 1_000, let attempt = rig.attempt() {
                attempts += 1
                guard let connection = try fault.meet(attempt), fault.isMisbehaviour else { continue }
                _ = try connection.received()
                #expect(connection.closeCode == 4_400)
            }
            rig.advance(.milliseconds(100))
        }
        // At the cap a try comes each 15 s in the mean, and one that is not answered takes 15 s more.
        #expect((10...100).contains(attempts))
        if case .stopped = rig.state { Issue.record("the client stopped") }
        if let attempt = rig.attempt() { _ = try fault.meet(attempt) }
        try rig.attach(.welcome(after: 0, head: 1))
        guard case .online = rig.state else {
            Issue.record("\(String(describing: rig.state))")
            return
        }
    }
}
