import GaplessCore
import GaplessStore
import Tracing

extension Node {
    /// Does what the logic decided. Called by one thread at a time.
    func perform(_ output: NodeOutput) {
        if !output.notices.isEmpty { self.post(output.notices) }
        for effect in output.effects { self.perform(effect) }
    }

    /// Brings notices to the loops of their connections, one batch a loop.
    private func post(_ notices: [NodeNotice]) {
        var batches: [[LoopShell.Letter]] = Array(repeating: [], count: self.loops.count)
        for notice in notices {
            batches[notice.address.loop].append(LoopShell.Letter(.notice(notice.notice), to: notice.address.id))
        }
        for (loop, letters) in zip(self.loops, batches) where !letters.isEmpty { loop.post(letters) }
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .poll(let cursor): self.poll(after: cursor)
        case .commit(let operation): self.gateway.submit(SubmittedOperation(operation))
        case .attach(let operation, let connection): self.submit(.attach(operation), for: connection)
        case .run(let run): self.jobs.submit(run.id) { await self.handle(run) }
        case .cancel(let id): self.jobs.cancel(id)
        case .decide(let run): self.jobs.submit { await self.decide(run) }
        case .observe(let observation): self.observe(observation)
        case .started: self.started.continuation.finish()
        case .leave: self.leaving.continuation.finish()
        case .drained: self.drained.continuation.finish()
        }
    }

    private func poll(after cursor: SignalCursor) {
        let refusal = self.readers.submit { store in
            do {
                let batch = try store.signals(for: self.identity, after: cursor)
                self.feed { logic, now, output in logic.polled(batch, now: now, into: &output) }
            } catch {
                self.feed { logic, now, _ in logic.pollFailed(now: now) }
            }
        }
        if refusal != nil {
            self.feed { logic, now, _ in logic.pollFailed(now: now) }
        }
    }

    // MARK: For connections

    /// Submits an operation of a connection.
    func submit(_ operation: StoreOperation, for connection: ConnectionAddress) {
        self.gateway.submit(SubmittedOperation(operation, connection: connection))
    }

    /// Reads for a connection.
    func read(_ request: ReadRequest, for connection: ConnectionAddress) {
        self.readers.read(request, for: connection)
    }

    /// Whether a `HELLO` is heard.
    func admission() -> Admission {
        let authentications = self.jobs.authentications
        return self.feed { logic, now, _ in logic.hear(authentications: authentications, now: now) }
    }

    /// Finds out who a client is, and tells the connection, unless that is gone before; then the authenticator is cancelled.
    ///
    /// - Parameter context: what that is part of, when somebody traces.
    func authenticate(_ credentials: Credentials, for connection: ConnectionAddress, in context: ServiceContext? = nil) {
        self.jobs.submit(authenticationOf: connection.id) {
            guard self.tracer != nil else { return await self.identify(credentials) }
            return await ServiceContext.$current.withValue(context ?? .topLevel) { await self.identify(credentials) }
        } then: { outcome in
            guard !self.jobs.isAbandoned else { return }
            self.loops[connection.loop].post([LoopShell.Letter(.authenticated(outcome), to: connection.id)])
        }
    }
}
