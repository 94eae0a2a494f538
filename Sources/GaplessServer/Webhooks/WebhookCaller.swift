import AsyncHTTPClient
import GaplessCore
import GaplessStore
import GaplessWebSocket
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

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
        let logger: Logger
    }

    /// The most bytes of an answer.
    static let maxAnswerBytes = 1_048_576

    /// How often people are told that calls fail.
    static let warningInterval: Duration = .seconds(60)

    let configuration: WebhookConfiguration
    let kind: Kind
    let shared: Shared
    private let slots: CallSlots
    private let health = Mutex(Health())

    init(_ configuration: WebhookConfiguration, _ kind: Kind, _ shared: Shared) {
        self.configuration = configuration
        self.kind = kind
        self.shared = shared
        self.slots = CallSlots(configuration.maxCalls)
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
        try await self.slots.with {
            let start = self.shared.loopClock.now()
            do {
                let result = try understand(try await self.exchange(body, key))
                self.ended(.ok, nil, since: start)
                return result
            } catch {
                self.ended(Outcome(error), error, since: start)
                throw error
            }
        }
    }

    // MARK: Private

    private func exchange(_ body: ByteBuffer, _ key: String?) async throws -> Answer {
        let request = self.request(body, key)
        let clock = self.shared.loopClock
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        // It runs before the call does.
        let timer = clock.setTimer(at: clock.now() + TimeAmount(self.configuration.timeout), on: self.shared.eventLoop) { end.finish() }
        defer { timer.cancel() }
        return try await withThrowingTaskGroup(of: Answer?.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask { try await self.send(request) }
            tasks.addTask {
                for await _ in ends {}
                return nil
            }
            let answer = try await tasks.next() ?? nil
            try Task.checkCancellation()
            guard let answer else { throw WebhookError(.timeout, "There was no answer within \(self.configuration.timeout).") }
            return answer
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
        request.body = .bytes(body)
        return request
    }

    private func send(_ request: HTTPClientRequest) async throws -> Answer {
        do {
            let response = try await self.shared.http.execute(request, deadline: .distantFuture)
            let body = try await response.body.collect(upTo: Self.maxAnswerBytes)
            try Task.checkCancellation()
            return Answer(status: Int(response.status.code), body: body)
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
        /// Whether they have not been told since that calls succeed.
        var isFailing = false
    }

    private func ended(_ outcome: Outcome, _ error: (any Error)?, since start: NIODeadline) {
        let now = self.shared.loopClock.now()
        self.shared.metrics.ended(self.kind, outcome, after: .nanoseconds((now - start).nanoseconds))
        switch outcome {
        case .cancelled: break
        case .ok, .refused:
            let isNews = self.health.withLock { health in
                defer { health.isFailing = false }
                return health.isFailing
            }
            if isNews { self.shared.logger.notice("Webhook answers again", metadata: ["webhook": "\(self.kind.rawValue)"]) }
        case .unreachable, .timeout, .status, .invalid:
            let isNews = self.health.withLock { health in
                if let told = health.told, now - told < TimeAmount(Self.warningInterval) { return false }
                health = Health(told: now, isFailing: true)
                return true
            }
            guard isNews else { return }
            let reason = (error as? WebhookError)?.message ?? outcome.rawValue
            self.shared.logger.warning("Webhook fails", metadata: ["webhook": "\(self.kind.rawValue)", "reason": "\(reason)"])
        }
    }
}
