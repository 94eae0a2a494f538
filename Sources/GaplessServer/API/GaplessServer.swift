import GaplessCore
public import GaplessStore
package import GaplessWebSocket
public import Logging
import NIOCore
public import ServiceLifecycle
import Synchronization

/// A node of a Gapless service: it takes connections, sends messages, and hands on what clients say.
///
/// ```swift
/// let server = try GaplessServer(store: .sqlite(path: "gapless.db"), authenticator: .jwt([key], audience: "chat", issuer: "https://id.example.com"))
/// server.onMessage { message, session in
///     session.send("You said: \(message.text ?? "")")
/// }
/// try await ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm], logger: logger).run()
/// ```
///
/// It works while `run()` does. Handlers and hooks are given before that; a send that comes earlier waits for it.
public final class GaplessServer: Service {
    /// Handles a message from a client; the message is acknowledged once it returned.
    public typealias MessageHandler = @Sendable (UplinkMessage, UplinkSession) async throws -> Void

    /// Decides what becomes of a message whose handler failed `handlerAttempts` times; the error is that of the last time.
    public typealias FailureHandler = @Sendable (UplinkMessage, any Error) async -> FailureDecision

    let store: StoreConfiguration
    let authentication: Authentication
    let configuration: ServerConfiguration
    let logger: Logger
    let clock: GatewayClock
    let loopClock: LoopClock
    let lifecycle: Mutex<ServerLifecycle>

    /// Makes a server; nothing is opened before `run()`.
    ///
    /// - Parameters:
    ///   - store: where queues live.
    ///   - authenticator: how clients prove who they are.
    ///   - configuration: everything else that can be set.
    ///   - logger: gets at most `info` in everyday work, never payloads and never credentials.
    /// - Throws: `ConfigurationError` for a setting that is out of its bounds, or two that do not go together.
    public convenience init(
        store: StoreConfiguration,
        authenticator: Authentication,
        configuration: ServerConfiguration = ServerConfiguration(),
        logger: Logger = Logger(label: "gapless.server")
    ) throws(ConfigurationError) {
        try self.init(
            store: store,
            authenticator: authenticator,
            configuration: configuration,
            logger: logger,
            clock: .system,
            loopClock: .system
        )
    }

    /// A server with another time, for tests.
    ///
    /// - Parameters:
    ///   - clock: its time of day, and how its threads stand still.
    ///   - loopClock: what everything waits by.
    package init(
        store: StoreConfiguration,
        authenticator: Authentication,
        configuration: ServerConfiguration,
        logger: Logger,
        clock: GatewayClock,
        loopClock: LoopClock
    ) throws(ConfigurationError) {
        try configuration.validate()
        if case .webhook(let webhook) = authenticator.way { try webhook.validate(as: "authenticator") }
        if case .none = authenticator.way, !configuration.listen.isLoopback {
            // Protocol.md R14-3.
            throw ConfigurationError(
                "listen",
                "Without authentication only a loopback address can be listened on, not \(configuration.listen)."
            )
        }
        self.store = store
        self.authentication = authenticator
        self.configuration = configuration
        self.logger = logger
        self.clock = clock.following(loopClock)
        self.loopClock = loopClock
        self.lifecycle = Mutex(ServerLifecycle())
    }

    // MARK: Handlers and hooks

    /// Handles what clients send. Messages of one client come one at a time and in order; those of different clients come side by side.
    ///
    /// The handler outlives the connection: it is cancelled when the client is taken over or the server stops, not when a socket is lost.
    /// What it does may happen again after a crash; `UplinkMessage` says by which key to tell.
    /// Without a handler clients get 4103 for what they send. With `ServerConfiguration.messageWebhook` there must be none: `run()` throws.
    ///
    /// - Precondition: the server does not run yet.
    public func onMessage(_ handler: @escaping MessageHandler) {
        self.hook { $0.message = handler }
    }

    /// Decides what becomes of a message whose handler keeps failing. Without it the connection closes; with
    /// `ServerConfiguration.messageWebhook` it is tried on.
    ///
    /// - Precondition: the server does not run yet.
    public func onFailure(_ handler: @escaping FailureHandler) {
        self.hook { $0.failure = handler }
    }

    /// Is told when a client attached to this node.
    ///
    /// Hooks run one after another, in the order of what they tell, beside the work of the server. When more than 10,000 wait, further ones
    /// are dropped and counted: hooks inform, they are no place for what must not be missed.
    ///
    /// - Precondition: the server does not run yet.
    public func onAttached(_ hook: @escaping @Sendable (AttachedEvent) async -> Void) {
        self.hook { $0.attached = hook }
    }

    /// Is told when a client of this node detached.
    ///
    /// - Precondition: the server does not run yet.
    public func onDetached(_ hook: @escaping @Sendable (DetachedEvent) async -> Void) {
        self.hook { $0.detached = hook }
    }

    /// Is told when a client of this node was told that messages are gone.
    ///
    /// - Precondition: the server does not run yet.
    public func onGap(_ hook: @escaping @Sendable (GapEvent) async -> Void) {
        self.hook { $0.gap = hook }
    }

    /// Is told when a send through this node made a full queue drop its oldest messages.
    ///
    /// - Precondition: the server does not run yet.
    public func onOverflow(_ hook: @escaping @Sendable (OverflowEvent) async -> Void) {
        self.hook { $0.overflow = hook }
    }

    /// Is told when this node removed a queue.
    ///
    /// - Precondition: the server does not run yet.
    public func onRemoved(_ hook: @escaping @Sendable (RemovedEvent) async -> Void) {
        self.hook { $0.removed = hook }
    }

    /// Is told when a client of this node handled everything through a number; not each number, and always the newest.
    ///
    /// - Precondition: the server does not run yet.
    public func onDelivered(_ hook: @escaping @Sendable (DeliveredEvent) async -> Void) {
        self.hook { $0.delivered = hook }
    }

    private func hook(_ set: (inout ServerHooks) -> Void) {
        let isSet = self.lifecycle.withLock { $0.setHooks(set) }
        precondition(isSet, "handlers and hooks are given before the server runs")
    }

    // MARK: Running

    /// Waits until the server listens.
    ///
    /// - Returns: where it listens, with the ports that the system chose.
    /// - Throws: what `run()` threw when it ended before that.
    public func started() async throws -> ServerAddresses {
        try await self.running().addresses
    }
}

extension GatewayClock {
    /// The same with the monotonic time of the loops.
    fileprivate func following(_ loopClock: LoopClock) -> GatewayClock {
        var clock = self
        clock.monotonic = { Instant(nanoseconds: Int64(clamping: loopClock.now().uptimeNanoseconds)) }
        return clock
    }
}

/// Where a running server listens.
public struct ServerAddresses: Hashable, Sendable {
    /// The public listener.
    public let listen: ListenAddress
    /// The admin listener; nil when there is none.
    public let admin: ListenAddress?
    /// The node's name.
    public let node: NodeName

    package init(listen: ListenAddress, admin: ListenAddress?, node: NodeName) {
        self.listen = listen
        self.admin = admin
        self.node = node
    }
}
