import GaplessCore
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import GaplessServer

/// A service of somebody else, for webhooks: it verifies each call, shows it, and answers as it is told.
struct TestBackend: Sendable {
    /// A call that came.
    struct Call: Sendable {
        let kind: String
        let key: String?
        let signature: String
        /// The span that the call says to be part of.
        let span: String?
        let body: ByteBuffer

        var object: JSONObject? { try? JSONReader().readObject(self.body) }
        var text: String { String(buffer: self.body) }

        /// The number of a message; 0 for other calls.
        var sequence: UInt64 { (try? self.object?.integer("sequence")) ?? 0 }

        /// The events, as `attached alice/phone`.
        var events: [String] {
            let values = (try? self.object?.array("events")) ?? []
            return values.map { value in
                let object = value.object
                return "\(object?["event"]?.string ?? "?") \(object?["client"]?.string ?? "?")"
            }
        }
    }

    struct Answer: Sendable {
        var status = 200
        var body = ""
        var location: String?

        static let ok = Answer()

        static func status(_ status: Int) -> Answer { Answer(status: status) }
        static func body(_ body: String) -> Answer { Answer(body: body) }
    }

    /// An answer that fails for the first so many calls.
    static func failing(_ count: Int, _ status: Int, then answer: Answer) -> Answering {
        let left = Countdown(count)
        return { _ in left.next() ? .status(status) : answer }
    }

    /// True for so many times.
    private final class Countdown: Sendable {
        private let left: Mutex<Int>

        init(_ count: Int) {
            self.left = Mutex(count)
        }

        func next() -> Bool {
            self.left.withLock { left in
                left -= 1
                return left >= 0
            }
        }
    }

    typealias Answering = @Sendable (Call) async throws -> Answer

    static let secret = "the secret of this test, which is long enough"

    let url: String
    let calls: Mailbox<Call>

    /// A webhook that leads here.
    var webhook: WebhookConfiguration { WebhookConfiguration(url: "\(self.url)/hook?tenant=1", secrets: [Self.secret]) }

    /// Runs a service for as long as the closure runs.
    static func run<Result: Sendable>(
        _ answer: @escaping Answering,
        _ body: @Sendable (TestBackend) async throws -> Result
    ) async throws -> Result {
        let calls = Mailbox<Call>()
        let ports = Mailbox<Int>()
        var logger = Logger(label: "test.backend")
        logger.logLevel = .critical
        let application = Application(
            responder: CallbackResponder { (request: Request, _: BasicRequestContext) in
                let bytes = try await request.body.collect(upTo: 16_777_216)
                let call = Call(
                    kind: try request.headers.single("Gapless-Webhook") ?? "",
                    key: try request.headers.single("Idempotency-Key"),
                    signature: try request.headers.single("Gapless-Signature") ?? "",
                    span: try request.headers.single("in-memory-span-id"),
                    body: bytes
                )
                calls.put(call)
                let answer = try await answer(call)
                var headers = HTTPFields()
                if let place = answer.location { headers[.location] = place }
                return Response(
                    status: .init(code: answer.status),
                    headers: headers,
                    body: ResponseBody(byteBuffer: ByteBuffer(string: answer.body))
                )
            },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in ports.put(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
            logger: logger
        )
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await application.run() }
            defer { tasks.cancelAll() }
            let port = try await ports.next()
            return try await body(TestBackend(url: "http://127.0.0.1:\(port)", calls: calls))
        }
    }
}
