import GaplessServer
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A service that answers with exactly the bytes that it is told, and closes when it is told.
struct RawBackend: Sendable {
    /// A request, by its place: the how-manieth connection, and the how-manieth request on that.
    struct Request: Hashable, Sendable {
        var connection: Int
        var number: Int
    }

    struct Reply: Sendable {
        var bytes: String
        /// Whether the connection ends then.
        var closes = false

        /// The connection ends in the place of an answer.
        static let nothing = Reply(bytes: "", closes: true)

        /// A whole answer with this body.
        static func body(_ body: String, closes: Bool = false) -> Reply {
            Reply(bytes: "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)", closes: closes)
        }
    }

    let port: Int
    let requests: Mailbox<Request>

    func webhook(scheme: String = "http") -> WebhookConfiguration {
        WebhookConfiguration(url: "\(scheme)://localhost:\(self.port)/hook", secrets: [TestBackend.secret])
    }

    static func run<Result: Sendable>(
        tls: NIOSSLContext? = nil,
        _ answer: @escaping @Sendable (Request) -> Reply,
        _ body: @Sendable (RawBackend) async throws -> Result
    ) async throws -> Result {
        let requests = Mailbox<Request>()
        let connections = Mutex(0)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let number = connections.withLock { count in
                        count += 1
                        return count
                    }
                    try channel.pipeline.syncOperations.addHandler(Handler(number, requests, answer))
                }
            }
            .bind(host: "localhost", port: 0).get()
        do {
            let result = try await body(RawBackend(port: listener.localAddress?.port ?? 0, requests: requests))
            try await listener.close()
            return result
        } catch {
            try? await listener.close()
            throw error
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let connection: Int
        private let requests: Mailbox<Request>
        private let answer: @Sendable (Request) -> Reply
        private var number = 0
        private var text = ""

        init(_ connection: Int, _ requests: Mailbox<Request>, _ answer: @escaping @Sendable (Request) -> Reply) {
            self.connection = connection
            self.requests = requests
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.text += String(buffer: self.unwrapInboundIn(data))
            guard let end = self.text.firstRange(of: "\r\n\r\n") else { return }
            let length =
                self.text[..<end.lowerBound].lowercased().firstMatch(of: #/content-length: (\d+)/#).flatMap { Int($0.output.1) } ?? 0
            guard self.text[end.upperBound...].utf8.count >= length else { return }
            self.text = ""
            self.number += 1
            let request = Request(connection: self.connection, number: self.number)
            let reply = self.answer(request)
            self.requests.put(request)
            if !reply.bytes.isEmpty { context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: reply.bytes)), promise: nil) }
            if reply.closes { context.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
