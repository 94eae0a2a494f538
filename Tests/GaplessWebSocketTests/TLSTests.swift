import GaplessWebSocket
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// Both sides over real sockets with NIO's TLS between.
@Suite(.timeLimit(.minutes(5)))
struct TLSTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    private func exchange(
        trusting client: NIOSSLContext,
        maxMessageBytes: Int,
        _ messages: [(WebSocketMessageKind, ByteBuffer)]
    ) async throws -> WebSocketClosure {
        let server = try TestCertificate.serverContext()
        var configuration = WebSocketConnectionConfiguration()
        configuration.maxMessageBytes = maxMessageBytes
        // Whoever waits for this deadline does not end within the time of the test.
        configuration.closeTimeout = .hours(1)
        let service = WebSocketService<WebSocketEcho>(connection: configuration, admit: { _, _ in .accept(WebSocketEcho()) })
        var options = WebSocketListener.Options(host: "127.0.0.1", port: 0)
        options.tls = { _ in [NIOSSLServerHandler(context: server)] }
        let listener = try await WebSocketListener.bind(options, group: self.group, service: service).get()

        let eventLoop = self.group.next()
        let done = eventLoop.makePromise(of: WebSocketClosure.self)
        configuration.maxMessageBytes = 1 << 24
        let connector = WebSocketConnector(
            group: self.group,
            timeout: .minutes(5),
            configuration: configuration,
            tls: { endpoint, _ in [try NIOSSLClientHandler(context: client, serverHostname: endpoint.host)] }
        )
        let endpoint = try WebSocketEndpoint(url: "wss://localhost:\(listener.port)")
        let attempt = connector.connect(to: endpoint, on: eventLoop) { _ in EchoClient(messages, done: done) }
        attempt.opened.whenFailure { done.fail($0) }
        do {
            let closure = try await done.futureResult.get()
            try await listener.stopAccepting().get()
            try await listener.whenEmpty.get()
            return closure
        } catch {
            try await listener.stopAccepting().get()
            throw error
        }
    }

    @Test func messagesComeBackAndBothSidesEndWithoutWaitingForADeadline() async throws {
        let messages: [(WebSocketMessageKind, ByteBuffer)] = [
            (.text, ByteBuffer(string: "hello")), (.binary, ByteBuffer(repeating: 7, count: 3_000_000)),
        ]
        let closure = try await self.exchange(trusting: TestCertificate.clientContext(), maxMessageBytes: 1 << 24, messages)
        #expect(closure.code == .normal)
        #expect(closure.isClean)
        #expect(closure.error == nil)
    }

    @Test func theCloseCodeArrivesThoughTheClientIsStillSending() async throws {
        let closure = try await self.exchange(
            trusting: TestCertificate.clientContext(),
            maxMessageBytes: 1_000,
            [(.binary, ByteBuffer(repeating: 7, count: 3_000_000))]
        )
        #expect(closure.code == .messageTooLarge)
    }

    @Test func aCertificateThatIsNotTrustedIsNoConnection() async throws {
        let client = try NIOSSLContext(configuration: .makeClientConfiguration())
        let error = await #expect(throws: WebSocketConnectError.self) {
            try await self.exchange(trusting: client, maxMessageBytes: 1_000, [])
        }
        #expect(error?.code == .transport)
        #expect(error?.cause is NIOSSLError)
    }
}
