import GaplessCore
import Logging
import Metrics
import Synchronization
import Tracing

extension Node {
    /// Runs the service's handler for one message, and reports how it ended.
    func handle(_ run: HandlerRun) async {
        let session = UplinkSession(client: run.delivery.client)
        do {
            guard let handler = self.hooks.message else { throw self.missedHandler() }
            try await self.traced(run) { try await handler(UplinkMessage(run.delivery), session) }
            let sends = try self.operations(of: session)
            self.report { logic, now, output in logic.handlerReturned(run.id, sends: sends, now: now, into: &output) }
        } catch {
            // A client that was displaced, or the end, says nothing of handlers.
            if !Task.isCancelled { self.metrics.handlersFailed.increment() }
            self.logger.debug(
                "Handler failed",
                metadata: ["client.id": "\(run.id.client)", "error.type": "\(type(of: error))", "failures": "\(run.failures + 1)"]
            )
            // It is kept only while the service is asked about it: a retry, a cancelled run and a displaced client need it no more.
            self.handlerErrors.withLock { $0[run.id] = error }
            let isAsked = self.report { logic, now, output in
                logic.handlerThrew(run.id, now: now, into: &output)
                return output.asks(about: run.id)
            }
            if isAsked != true { self.handlerErrors.withLock { _ = $0.removeValue(forKey: run.id) } }
        }
    }

    /// A message comes over a WebSocket, and is part of nothing that the node knows of.
    private func traced(_ run: HandlerRun, _ body: () async throws -> Void) async throws {
        guard let tracer = self.tracer else { return try await body() }
        try await tracer.with(.message, in: .topLevel) { span in
            span.set(.client, run.delivery.client)
            span.set(.sequence, count: Int(clamping: run.delivery.number.rawValue))
            span.set(.failures, count: run.failures)
            try await body()
        }
    }

    /// Asks the service what becomes of a message whose handler failed again and again.
    func decide(_ run: HandlerRun) async {
        let known = self.handlerErrors.withLock { $0.removeValue(forKey: run.id) }
        let error = known ?? self.webhooks.error(of: run.refused?.error ?? SendError(.unavailable, "What the handler sent was refused."))
        let decision = await self.hooks.failure?(UplinkMessage(run.delivery), error) ?? .close
        self.log(decision, about: run, error)
        self.report { logic, now, output in
            logic.decided(run.id, HandlerDecision(decision), now: now, into: &output)
        }
    }

    private func log(_ decision: FailureDecision, about run: HandlerRun, _ error: any Error) {
        let level: Logger.Level =
            switch decision {
            case .skip, .close: .warning
            // What is tried on comes here again and again.
            case .retry: run.failures <= self.configuration.handlerAttempts ? .info : .debug
            }
        self.logger.log(
            level: level,
            "Handler goes on failing",
            metadata: [
                "client.id": "\(run.id.client)", "decision": "\(decision)", "failures": "\(run.failures)",
                "error.type": "\(type(of: error))",
            ]
        )
    }

    private func missedHandler() -> NoHandler {
        let isFirst = self.hasMissedHandler.withLock { hasMissed in
            defer { hasMissed = true }
            return !hasMissed
        }
        if isFirst { self.logger.error("Clients send messages and there is no handler; see onMessage") }
        return NoHandler()
    }

    private func operations(of session: UplinkSession) throws -> [AppendOperation] {
        let sends = session.takeSends()
        guard sends.count <= UplinkSession.maxSends else {
            throw SendError(.tooLarge, "A handler sends at most \(UplinkSession.maxSends) messages.")
        }
        return try sends.map { try $0.operation(maxMessageBytes: self.configuration.maxMessageBytes) }
    }
}

extension HandlerDecision {
    fileprivate init(_ decision: FailureDecision) {
        switch decision {
        case .skip: self = .skip
        case .close: self = .close
        case .retry: self = .retry
        }
    }
}

extension NodeOutput {
    /// Whether the service is asked what becomes of the message of this run.
    fileprivate func asks(about run: HandlerRun.ID) -> Bool {
        self.effects.contains { effect in
            if case .decide(let asked) = effect { asked.id == run } else { false }
        }
    }
}

/// The service has no handler for what clients send.
struct NoHandler: Error, CustomStringConvertible {
    var description: String { "There is no handler for messages of clients." }
}

extension UplinkMessage {
    init(_ delivery: UplinkDelivery) {
        self.init(client: delivery.client, outbox: delivery.outbox, sequence: delivery.number, payload: delivery.payload)
    }
}
