import GaplessCore
import GaplessWebSocket
import NIOCore

/// Turns the bytes of one connection into events: first the head of HTTP, then WebSocket messages and control frames.
struct WireReader {
    private enum State {
        /// HTTP; the bytes of the head so far.
        case head(ByteBuffer)
        case frames(WebSocketFrameDecoder)
        /// An answer that is no WebSocket, or a violation: what follows is not read.
        case over
    }

    private var state = State.head(ByteBuffer())
    private let role: WebSocketRole

    /// The longest head of HTTP.
    private static let maxHeadBytes = 65_536
    /// Room for any message of the protocol, and for some that are too large.
    private static let maxMessageBytes = 4_194_304

    /// Reads as the client or as the server.
    init(_ role: WebSocketRole) {
        self.role = role
    }

    /// Takes the bytes of one read.
    mutating func take(_ bytes: ByteBuffer) -> [WireEvent] {
        switch self.state {
        case .over:
            return []
        case .head(var head):
            head.writeImmutableBuffer(bytes)
            guard let end = head.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8)) else {
                self.state = head.readableBytes > Self.maxHeadBytes ? .over : .head(head)
                return head.readableBytes > Self.maxHeadBytes ? [.violation("a head of HTTP that never ends")] : []
            }
            let text = String(decoding: head.readableBytesView[..<end.lowerBound], as: UTF8.self)
            head.moveReaderIndex(to: end.upperBound)
            let parsed = HTTPHead(text)
            guard self.role == .server || parsed.second == "101" else {
                self.state = .over
                return [.head(parsed)]
            }
            self.state = .frames(
                WebSocketFrameDecoder(role: self.role, maxMessageBytes: Self.maxMessageBytes, maxFragments: 100_000)
            )
            return [.head(parsed)] + (head.readableBytes > 0 ? self.take(head.slice()) : [])
        case .frames(var decoder):
            var events: [WireEvent] = []
            decoder.append(bytes)
            do {
                while let event = try decoder.next() { events.append(WireEvent(event)) }
                self.state = .frames(decoder)
            } catch {
                self.state = .over
                events.append(.violation(error.message))
            }
            return events
        }
    }
}

extension WireEvent {
    init(_ event: WebSocketEvent) {
        switch event {
        case .message(let kind, let payload): self = .message(kind == .text ? .text : .binary, payload)
        case .ping(let payload): self = .ping(Array(payload.readableBytesView))
        case .pong(let payload): self = .pong(Array(payload.readableBytesView))
        case .close(let code, reason: _): self = .close(code?.rawValue)
        }
    }
}
