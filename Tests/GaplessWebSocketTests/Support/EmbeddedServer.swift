import GaplessWebSocket
import NIOCore
import NIOEmbedded
import NIOHTTP1

/// A public listener's connection on a loop that stands still.
final class EmbeddedServer {
    let channel: EmbeddedChannel
    let socket = SocketStub()
    private(set) var output = ""

    static let upgrade =
        "GET /gapless HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: gapless.v1\r\n"

    init(delegate: RecordingDelegate? = nil, configure: (inout HTTPBounds) -> Void = { _ in }) throws {
        var bounds = HTTPBounds()
        configure(&bounds)
        self.channel = EmbeddedChannel(handler: self.socket)
        let bound = NIOLoopBoundBox(delegate, eventLoop: self.channel.eventLoop)
        let service = WebSocketService<RecordingDelegate>(
            http: bounds,
            admit: { _, _ in
                guard let delegate = bound.value else {
                    return .refuse(HTTPAnswer(.serviceUnavailable, headers: ["Retry-After": "5"], text: "Draining."))
                }
                return .accept(delegate, headers: ["X-Node": "a"])
            },
            answer: { head in
                head.uri == "/live"
                    ? HTTPAnswer(.ok, headers: ["Cache-Control": "no-store"], text: "ok") : HTTPAnswer(.notFound, text: "no")
            }
        )
        try WebSocketServerUpgradeHandler.configure(self.channel, service: service)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func receive(_ text: String, _ frames: [UInt8]...) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: Array(text.utf8) + frames.flatMap { $0 }))
        self.channel.embeddedEventLoop.run()
    }

    /// What was answered since the last call.
    func answer() throws -> ByteBuffer {
        var answer = ByteBuffer()
        while var bytes = try self.channel.readOutbound(as: ByteBuffer.self) { answer.writeBuffer(&bytes) }
        return answer
    }

    /// The statuses of all answers since the last call.
    func statuses() throws -> [String] {
        String(buffer: try self.answer()).split { $0.isNewline }.filter { $0.hasPrefix("HTTP/1.1 ") }.map {
            String($0.dropFirst(9).prefix(3))
        }
    }

    func advance(_ time: TimeAmount) {
        self.channel.embeddedEventLoop.advanceTime(by: time)
    }
}
