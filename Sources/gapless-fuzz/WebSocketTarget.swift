import GaplessWebSocket
import NIOCore

/// The bytes of a WebSocket connection: whatever comes, the bounds hold, and the pieces in which it comes change nothing.
enum WebSocketTarget {
    private static let maxMessageBytes = 1_024
    private static let maxFragments = 16
    /// A head, and what a read may bring at once.
    private static let slack = 14

    static func run(_ input: Input) -> CInt {
        guard let choice = input.choice else { return 0 }
        let role: WebSocketRole = choice & 1 == 0 ? .server : .client
        let bytes = input.rest
        let whole = Self.read(bytes, pieces: max(1, bytes.readableBytes), role: role)
        if Self.read(bytes, pieces: Int(choice >> 1) + 1, role: role) != whole { fault("events depend on the pieces in which they come") }
        return 0
    }

    private struct Outcome: Equatable {
        var events: [WebSocketEvent] = []
        var violation: WebSocketViolation?
    }

    private static func read(_ bytes: ByteBuffer, pieces size: Int, role: WebSocketRole) -> Outcome {
        var (bytes, outcome) = (bytes, Outcome())
        var decoder = WebSocketFrameDecoder(role: role, maxMessageBytes: Self.maxMessageBytes, maxFragments: Self.maxFragments)
        while let piece = bytes.readSlice(length: min(size, bytes.readableBytes)), piece.readableBytes > 0 {
            decoder.append(piece)
            do {
                while let event = try decoder.next() { outcome.events.append(event) }
            } catch {
                outcome.violation = error
                return outcome
            }
            if decoder.heldBytes > Self.maxMessageBytes + Self.slack { fault("more is held than a message may have") }
        }
        for case .message(_, let payload) in outcome.events where payload.readableBytes > Self.maxMessageBytes {
            fault("a message is larger than allowed")
        }
        return outcome
    }
}
