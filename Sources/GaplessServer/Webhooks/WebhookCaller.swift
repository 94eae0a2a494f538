import AsyncHTTPClient
import GaplessCore
import GaplessStore
import GaplessWebSocket
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Tracing

/// Posts to one URL: signed, so many at once, each within its time, without following redirects.
///
/// Nothing of what is posted or answered is logged or kept.
final class WebhookCaller: Sendable {
    /// What a call is about.
    enum Kind: String, Sendable, CaseIterable {
        case message, events, authentication
    }

    /// How a call ended.
    enum Outcome: String, Sendable, CaseIterable {
        /// The answer says what it was asked for.
        case ok
        /// The service refused a client.
        case refused
        case unreachable, timeout, status, invalid
        /// The answer was `ok`, and then the store refused a reply that it held. It comes on top of the `ok`.
        case refusedReply = "refused-reply"
        /// Nobody needs it any more.
        case cancelled

        init(_ error: any Error) {
            switch error {
            case is AuthenticationError: self = .refused
            case let error as WebhookError: self = Self(rawValue: error.code.description) ?? .invalid
            default: self = .cancelled
            }
        }
    }

    /// A whole answer.
    struct Answer: Sendable {
        let status: Int
        let body: ByteBuffer
        /// Whether the end of the body is told by anything but the end of the connection, which may also be the end of the service.
        let isDelimited: Bool

        /// The body of a success.
        ///
        /// - Throws: `WebhookError` with `status` for anything but 2xx.
        func success() throws(WebhookError) -> ByteBuffer {
            guard (200..<300).contains(self.status) else { throw WebhookError(.status, "The answer was HTTP \(self.status).") }
            return self.body
        }
    }

    /// What callers share.
    struct Shared: Sendable {
        let http: HTTPClient
        let eventLoop: any EventLoop
        let loopClock: LoopClock
        let wallClock: @Sendable () -> Timestamp
        let metrics: WebhookMetrics
        /// Nil when nobody traces.
        var tracer: ServerTracer?
        let logger: Logger
    }

    /// The most bytes of an answer.
    static let maxAnswerBytes = 1_048_576

    /// How often people are told that calls fail.
    static let warningInterval: Duration = .seconds(60)

    /// The longest call that asks about a client, the wait for its turn included. The client waits meanwhile, 15 s by the defaults of ours,
    /// and its session for 20 s.
    static let maxAuthenticationTime: Duration = .seconds(12)

    /// A call that nobody needs any more after so long has failed: whoever needed it went away because there was no answer.
    static let cancelledLate: TimeAmount = .seconds(5)

    let configuration: WebhookConfiguration
    let kind: Kind
    let shared: Shared
    /// How long a call may take.
    private let timeout: Duration
    private let slots: CallSlots
    private let health = Mutex(Health())

    /// - Parameter maxCalls: the most calls at once; nil for those of the configuration.
    init(_ configuration: WebhookConfiguration, _ kind: Kind, _ shared: Shared, maxCalls: Int? = nil) {
        self.configuration = configuration
        self.kind = kind
        self.shared = shared
        self.timeout = kind == .authentication ? min(configuration.timeout, Self.maxAuthenticationTime) : configuration.timeout
        self.slots = CallSlots(maxCalls ?? configuration.maxCalls)
    }

    /// Posts JSON and gives what `understand` makes of the answer.
    ///
    /// - Parameter key: the idempotency key, the same for each attempt.
    /// - Throws: `WebhookError`, what `understand` throws, or `CancellationError`.
    func post<Result: Sendable>(
        _ body: ByteBuffer,
        key: String? = nil,
        _ understand: (Answer) throws -> Result
    ) async throws -> Result {
        guard let tracer = self.shared.tracer else { return try await self.call(body, key, understand, nil) }
        // Events are about nothing that is under way.
        return try await tracer.with(.webhook, in: self.kind == .events ? .topLevel : nil) { span in
            span.set(.webhook, self.kind.rawValue)
            return try await self.call(body, key, understand, span)
        }
    }

    private func call<Result: Sendable>(
        _ body: ByteBuffer,
        _ key: String?,
        _ understand: (Answer) throws -> Result,
        _ span: LiveSpan?
    ) async throws -> Result {
        var start = self.shared.loopClock.now()
        do {
            let answer: Answer
            if self.kind == .authentication {
                // Somebody waits for it, so the wait for its turn counts.
                answer = try await self.inTime { try await self.slots.with { try await self.askTwice(body) } }
            } else {
                answer = try await self.slots.with {
                    start = self.shared.loopClock.now()
                    return try await self.inTime { try await self.send(self.request(body, key)) }
                }
            }
            let result = try understand(answer)
            self.ended(.ok, nil, since: start, span)
            return result
        } catch {
            self.ended(Outcome(error), error, since: start, span)
            throw error
        }
    }

    /// The store refused a reply of an answer: its message is posted again, which may help or not.
    func refused(_ error: WebhookError) {
        self.shared.metrics.ended(self.kind, .refusedReply)
        self.warn("Webhook answers with a reply that the store refuses", error.message, \.toldRefused)
    }

    // MARK: Private

    /// - Throws: `WebhookError` with `timeout` when it takes too long.
    private func inTime(_ call: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        let clock = self.shared.loopClock
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        // It runs before the call does.
        let timer = clock.setTimer(at: clock.now() + TimeAmount(self.timeout), on: self.shared.eventLoop) { end.finish() }
        defer { timer.cancel() }
        return try await withThrowingTaskGroup(of: Answer?.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask { try await call() }
            tasks.addTask {
                for await _ in ends {}
                return nil
            }
            let answer = try await tasks.next() ?? nil
            try Task.checkCancellation()
            guard let answer else { throw WebhookError(.timeout, "There was no answer within \(self.timeout).") }
            return answer
        }
    }

    /// Asks again at once when the connection broke: it may be one that stayed open and that the service closed just then. To ask twice does
    /// no harm, and a client need not come back for it.
    private func askTwice(_ body: ByteBuffer) async throws -> Answer {
        do {
            return try await self.send(self.request(body, nil))
        } catch let error as WebhookError where error.code == .unreachable {
            return try await self.send(self.request(body, nil))
        }
    }

    private func request(_ body: ByteBuffer, _ key: String?) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: self.configuration.url)
        request.method = .POST
        request.headers = ["Content-Type": "application/json", "User-Agent": "gapless", "Gapless-Webhook": self.kind.rawValue]
        request.headers.add(
            name: WebhookSignature.headerName,
            value: WebhookSignature.make(of: body.readableBytesView, secrets: self.configuration.secrets, at: self.shared.wallClock())
        )
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        if let tracer = self.shared.tracer, let context = ServiceContext.current {
            tracer.tracer.inject(context, into: &request.headers, using: HeaderInjector())
        }
        request.body = .bytes(body)
        return request
    }

    private func send(_ request: HTTPClientRequest) async throws -> Answer {
        do {
            let response = try await self.shared.http.execute(request, deadline: .distantFuture)
            let body = try await response.body.collect(upTo: Self.maxAnswerBytes)
            try Task.checkCancellation()
            let hasNoBody = response.status == .noContent || response.status == .resetContent
            return Answer(
                status: Int(response.status.code),
                body: body,
                isDelimited: hasNoBody || response.headers.contains(name: "Content-Length")
                    || response.headers.contains(name: "Transfer-Encoding")
            )
        } catch is NIOTooManyBytesError {
            throw WebhookError(.invalid, "The answer is larger than \(Self.maxAnswerBytes) bytes.")
        } catch {
            try Task.checkCancellation()
            throw WebhookError(.unreachable, "The call failed: \(Self.name(of: error)).")
        }
    }

    /// What a failure of the network is called; its text might hold parts of the URL.
    private static func name(of error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: error.shortDescription
        case let error as IOError: "error \(error.errnoCode) of the system"
        default: "\(type(of: error))"
        }
    }

    // MARK: What people are told

    private struct Health {
        /// When people were last told that calls fail.
        var told: NIODeadline?
        /// When they were last told that a reply was refused.
        var toldRefused: NIODeadline?
        /// Whether they have not been told since that calls succeed.
        var isFailing = false
    }

    private func ended(_ outcome: Outcome, _ error: (any Error)?, since start: NIODeadline, _ span: LiveSpan?) {
        let time = self.shared.loopClock.now() - start
        if outcome == .cancelled, time >= Self.cancelledLate {
            let late = WebhookError(.timeout, "There was no answer for \(Duration(time)), and then nobody needed it any more.")
            return self.ended(.timeout, late, since: start, span)
        }
        span?.set(.outcome, outcome.rawValue)
        self.shared.metrics.ended(self.kind, outcome, after: .nanoseconds(time.nanoseconds))
        switch outcome {
        case .cancelled, .refusedReply: break
        case .ok, .refused:
            let isNews = self.health.withLock { health in
                defer { health.isFailing = false }
                return health.isFailing
            }
            if isNews { self.shared.logger.notice("Webhook answers again", metadata: ["webhook": "\(self.kind.rawValue)"]) }
        case .unreachable, .timeout, .status, .invalid:
            if self.warn("Webhook fails", (error as? WebhookError)?.message ?? outcome.rawValue, \.told) {
                self.health.withLock { $0.isFailing = true }
            }
        }
    }

    /// Tells people, unless they were told not long ago.
    @discardableResult
    private func warn(_ message: Logger.Message, _ reason: String, _ told: any WritableKeyPath<Health, NIODeadline?> & Sendable) -> Bool {
        let now = self.shared.loopClock.now()
        let isNews = self.health.withLock { health in
            if let last = health[keyPath: told], now - last < TimeAmount(Self.warningInterval) { return false }
            health[keyPath: told] = now
            return true
        }
        if isNews { self.shared.logger.warning(message, metadata: ["webhook": "\(self.kind.rawValue)", "reason": "\(reason)"]) }
        return isNews
    }
}

/// Says in a call of what it is part. What is there already stays.
private struct HeaderInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout HTTPHeaders) {
        if !carrier.contains(name: key) { carrier.add(name: key, value: value) }
    }
}
