import GaplessCore
import GaplessStore
import GaplessWebSocket
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

extension GaplessServer {
    /// Opens store and ports, and serves until a graceful shutdown or the cancellation of its task.
    ///
    /// On a graceful shutdown, or when an operator wants the node drained, `/ready` turns 503 at once; after `drainWait` newcomers are refused
    /// and clients are asked to move, one after the other over `drainTime` (they are closed at once when no other node is there). Everything
    /// that was accepted is committed before this returns. When all clients have gone, handlers that still run have up to 5 s; then they are
    /// cancelled and waited for. What is left `hardStop` after the shutdown began is left behind and logged, and messages of handlers come again.
    /// What was accepted is committed however long that takes: a store whose disk hangs is waited for, also beyond `hardStop`.
    ///
    /// - Throws: `ConfigurationError`, `QueueStoreError` or an error of the network when it cannot start.
    /// - Precondition: it is called once.
    public func run() async throws {
        guard let hooks = self.lifecycle.withLock({ $0.start() }) else { preconditionFailure("a server runs once") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: self.configuration.threads ?? min(64, System.coreCount))
        do {
            try await self.run(hooks, group)
            try await group.shutdownGracefully()
        } catch {
            try? await group.shutdownGracefully()
            self.stopped(error)
            throw error
        }
        self.stopped(nil)
    }

    private func stopped(_ error: (any Error)?) {
        let waiters = self.lifecycle.withLock { $0.stop(error) }
        for waiter in waiters { waiter.resume(throwing: error ?? SendError(.unavailable, "The server has stopped.")) }
    }

    /// Whoever waits for the server to run is told when it stops before; nobody waits for the end of its drain.
    private func refuse() {
        for waiter in self.lifecycle.withLock({ $0.refuse() }) { waiter.resume(throwing: ServerLifecycle.refusal) }
    }

    private func run(_ hooks: ServerHooks, _ group: any EventLoopGroup) async throws {
        guard self.configuration.messageWebhook == nil || hooks.message == nil else {
            throw ConfigurationError("messageWebhook", "The server has a handler of its own, by onMessage: messages go to one of the two.")
        }
        let tls = try self.configuration.tls.map { files throws(ConfigurationError) in try ServerTLS.makeContext(files) }
        let descriptors = FileDescriptorLimit.raise()
        let calls = FileDescriptorLimit.calls(under: descriptors, wanted: self.maxWebhookCalls)
        let room = FileDescriptorLimit.connections(under: descriptors, besideCalls: calls)
        let maxConnections = min(self.configuration.maxConnections ?? room, room)
        self.logger.info(
            "Server starts",
            metadata: ["node": "\(self.configuration.name)", "descriptors": "\(descriptors)", "connections.max": "\(maxConnections)"]
        )
        let identity = NodeIdentity(name: self.configuration.name, incarnation: UInt64.random(in: 1...UInt64.max))
        let relay = WakeRelay()
        let opened = try await self.open(identity, relay)
        let node = Node(
            Node.Parts(
                configuration: self.configuration,
                authentication: self.authentication,
                hooks: hooks,
                identity: identity,
                maxConnections: maxConnections,
                maxWebhookCalls: calls,
                store: opened,
                clock: self.clock,
                loopClock: self.loopClock,
                group: group,
                logger: self.logger
            )
        )
        relay.connect(node)
        do {
            let listener = try await PublicListener.bind(
                node,
                group: group,
                tls: tls,
                maxConnections: maxConnections,
                maxRefusals: FileDescriptorLimit.refusals(under: descriptors)
            )
            try await self.serve(node, listener, group, maxAdminConnections: FileDescriptorLimit.adminConnections(under: descriptors))
        } catch {
            await node.stop()
            await node.webhooks.shutDown()
            await Self.close(opened)
            throw error
        }
        await node.webhooks.shutDown()
        await Self.close(opened)
        self.logger.info("Server stopped", metadata: ["node": "\(self.configuration.name)"])
    }

    /// Opens the store away from all event loops, since that may wait for the disk and for other processes.
    private func open(_ identity: NodeIdentity, _ relay: WakeRelay) async throws(QueueStoreError) -> StoreConfiguration.Opened {
        let context = StoreConfiguration.Context(
            policy: self.configuration.storePolicy,
            node: identity,
            onWake: { relay.wake() },
            logger: self.logger
        )
        do {
            return try await NIOThreadPool.singleton.runIfActive { try self.store.open(context) }
        } catch let error as QueueStoreError {
            throw error
        } catch {
            throw QueueStoreError(.unavailable, "The store was not opened.", cause: error)
        }
    }

    /// Closes the store away from all tasks, for the same reason; in a cancelled task no less than in others.
    private static func close(_ opened: StoreConfiguration.Opened) async {
        await withCheckedContinuation { continuation in
            // The pool of the process is never shut down, so what is submitted runs.
            NIOThreadPool.singleton.submit { _ in
                opened.close()
                continuation.resume()
            }
        }
    }

    // MARK: Serving

    private enum Event: Sendable {
        /// The HTTP API listens; nil when there is none.
        case listening(ListenAddress?)
        /// The store knows this node.
        case started
        /// A graceful shutdown begins, an operator wants the node drained, or the task was cancelled.
        case shutdown(isGraceful: Bool)
        /// Something ended that others wait for.
        case ended
    }

    private func serve(
        _ node: Node,
        _ listener: WebSocketListener,
        _ group: any EventLoopGroup,
        maxAdminConnections: Int
    ) async throws {
        var alarm: LoopTimer?
        // All jobs have ended, or were given up.
        defer { alarm?.cancel() }
        node.start()
        // Every task is waited for: nothing of a server outlives its run.
        try await withThrowingTaskGroup(of: Event.self) { tasks in
            // Ends when `node.stop` finished the jobs and all have ended, or `hardStop` gave them up.
            tasks.addTask {
                self.note(await node.jobs.run())
                return .ended
            }
            // Ends by `cancelAll`.
            tasks.addTask {
                await node.watch()
                return .ended
            }
            // Ends by the shutdown, or by `cancelAll`.
            tasks.addTask { .shutdown(isGraceful: await Self.shutdown()) }
            // Ends when the store answered, or by `node.stop`.
            tasks.addTask {
                for await _ in node.started.stream {}
                return .started
            }
            // Ends when an operator wants it, or by `node.stop`.
            tasks.addTask {
                for await _ in node.leaving.stream {}
                return .shutdown(isGraceful: true)
            }
            let (addresses, input) = AsyncStream.makeStream(of: ListenAddress?.self)
            let admin = self.addAdminListener(to: &tasks, group, maxConnections: maxAdminConnections, tracer: node.tracer, input)
            // Ends with the first address, or by `cancelAll`.
            tasks.addTask {
                for await address in addresses { return .listening(address) }
                return .ended
            }
            var failure: (any Error)?
            var isGraceful = false
            do {
                isGraceful = try await self.loop(node, listener, &tasks)
            } catch {
                failure = error
            }
            if failure == nil { self.refuse() }
            let hardStop = HardStop(self.configuration.hardStop, self.loopClock)
            alarm = self.loopClock.setTimer(at: hardStop.moment, on: group.any()) { node.jobs.abandon() }
            if isGraceful {
                await self.drain(node)
                await node.jobs.handlersEnd(before: hardStop.cancelling(after: .seconds(5), share: 10), self.loopClock, on: group.any())
            }
            await self.stop(node, listener)
            node.jobs.cancelHandlers()
            if isGraceful { await node.webhooks.flush(before: hardStop) }
            await admin?.end(within: hardStop.bounding(TimeAmount(self.configuration.closeTime)), on: group.any())
            tasks.cancelAll()
            if let failure { throw failure }
        }
    }

    /// Waits for what happens, until it is time to stop; returns whether gracefully. The addresses are told once the node can serve there.
    private func loop(
        _ node: Node,
        _ listener: WebSocketListener,
        _ tasks: inout ThrowingTaskGroup<Event, any Error>
    ) async throws -> Bool {
        var admin: ListenAddress??
        var isStarted = false
        while let event = try await tasks.next() {
            switch event {
            case .listening(let address):
                admin = address
                if isStarted { self.listens(node, listener, address) }
            case .started:
                isStarted = true
                if let admin { self.listens(node, listener, admin) }
            case .shutdown(let isGraceful):
                return isGraceful
            case .ended:
                continue
            }
        }
        return false
    }

    private func addAdminListener(
        to tasks: inout ThrowingTaskGroup<Event, any Error>,
        _ group: any EventLoopGroup,
        maxConnections: Int,
        tracer: ServerTracer?,
        _ addresses: AsyncStream<ListenAddress?>.Continuation
    ) -> AdminService? {
        guard let admin = self.configuration.admin else {
            addresses.yield(nil)
            return nil
        }
        let listener = AdminListener(
            api: AdminAPI(backend: self, configuration: admin, maxMessageBytes: self.configuration.maxMessageBytes, tracer: tracer),
            configuration: admin,
            maxConnections: maxConnections,
            group: group,
            logger: self.logger
        )
        let service = AdminService(listener) { addresses.yield($0) }
        // Ends by `end`, by `cancelAll`, or when the port cannot be had or is lost.
        tasks.addTask {
            guard let loss = try await service.run() else { return .ended }
            // Nobody could look after the node any more; its clients have somewhere to go.
            self.logger.critical("HTTP API failed, the server stops", metadata: ["error.message": "\(loss)"])
            return .shutdown(isGraceful: true)
        }
        return service
    }

    private func listens(_ node: Node, _ listener: WebSocketListener, _ admin: ListenAddress?) {
        let listen = listener.address.flatMap { ListenAddress($0) } ?? self.configuration.listen
        let addresses = ServerAddresses(listen: listen, admin: admin, node: self.configuration.name)
        self.logger.info("Server listens", metadata: ["listen": "\(listen)", "admin": "\(admin?.description ?? "-")"])
        let running = ServerLifecycle.Running(node: node, addresses: addresses)
        for waiter in self.lifecycle.withLock({ $0.run(running) }) { waiter.resume(returning: running) }
    }

    /// Waits for a graceful shutdown; false when the task is cancelled instead.
    private static func shutdown() async -> Bool {
        do {
            try await gracefulShutdown()
            return true
        } catch {
            return false
        }
    }

    // MARK: Stopping

    /// Moves the clients away. The node goes on serving those that are there.
    private func drain(_ node: Node) async {
        let connections = node.ask { logic, _ in logic.connectionCount }
        self.logger.info("Server drains", metadata: ["connections": "\(connections)"])
        let span = node.tracer?.begin(.drain)
        defer { span?.end() }
        span?.set(.connections, count: connections)
        node.drain(self.configuration.drainPlan)
        for await _ in node.drained.stream {}
        span?.set(.left, count: node.ask { logic, _ in logic.connectionCount })
    }

    /// Tells what run() did not wait for any more.
    private func note(_ left: JobRunner.Left) {
        guard !left.isEmpty else { return }
        self.logger.error(
            "Jobs of the service still run at the hard stop and are left behind; messages of handlers come again",
            metadata: ["handlers": "\(left.handlers)", "others": "\(left.others)"]
        )
    }

    /// Ends what is left of the connections, commits everything, ends the threads.
    private func stop(_ node: Node, _ listener: WebSocketListener) async {
        do {
            try await listener.stopAccepting().get()
        } catch {
            self.logger.warning("Port was not closed cleanly", metadata: ["error.message": "\(error)"])
        }
        listener.quiesce()
        node.dropConnections()
        listener.closeAll()
        // Connections that are gone have submitted their detaches.
        try? await listener.whenEmpty.get()
        await node.stop()
    }
}

extension Node {
    /// Answers callers that the store lets wait for too long, and measures, each second until the task is cancelled.
    func watch() async {
        while !Task.isCancelled {
            await self.loopClock.sleep(for: .seconds(1), on: self.loops[0].eventLoop)
            self.gateway.giveUp(waitingFor: self.configuration.sendTimeout)
            self.sampleLoad()
            self.measure()
            self.liveness.looked(now: self.clock.monotonic())
        }
    }
}

extension ServerConfiguration {
    /// The bounds of the store.
    fileprivate var storePolicy: StorePolicy {
        StorePolicy(
            retention: self.retention,
            maxKeep: self.maxKeep,
            maxClientsPerUser: self.maxClientsPerUser,
            maxQueues: self.maxQueues,
            maxStoreBytes: self.maxStoreBytes,
            keyLifetime: self.keyLifetime
        )
    }
}

/// Where wake-ups of other processes go: to the node, once there is one.
private final class WakeRelay: Sendable {
    private let node = Mutex<WeakNode>(WeakNode())

    private struct WeakNode: Sendable {
        weak var node: Node?
    }

    func connect(_ node: Node) {
        self.node.withLock { $0.node = node }
    }

    func wake() {
        self.node.withLock { $0.node }?.woken()
    }
}
