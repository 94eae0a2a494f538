import GaplessCore
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle

/// A client that receives what was sent to it exactly in order, wherever and whenever it is connected, and sends.
///
/// It keeps one connection to any of its endpoints, and comes back by itself when that breaks; the server keeps what was sent meanwhile.
/// ``run()`` holds the connection, ``events`` brings messages and everything else that the application should know.
///
/// ```swift
/// let client = try GaplessClient(configuration, logger: logger)
/// async let running: Void = client.run()
/// for try await event in client.events {
///     switch event {
///     case .message(let message): print(message.sequence, message.text ?? "")
///     case .gap(let gap): print("missed \(gap.range): \(gap.reason)")
///     case .reset: reload()
///     default: break
///     }
/// }
/// try await running
/// ```
///
/// A message that was handed over and handled is not handed over again, as long as this process lives or its state file is kept. A process that
/// dies between handling a message and saving the position is given at most one window of messages again, with the same numbers.
public final class GaplessClient: Service {
    let mailbox: ClientMailbox
    private let shell: NIOLoopBoundBox<ClientShell>
    private let buffer: EventBuffer
    private let writer: StateWriter?
    private let completion: EventLoopFuture<ClientShell.Outcome>
    private let tokens: TokenRequests
    private let status: ClientStatus
    private let start: ClientConfiguration.Start

    /// The number of the application's own that stood beside the position when the client was made; see ``init(_:logger:bookmark:)``.
    public let bookmark: UInt64?

    /// Makes a client; nothing is connected before ``run()``.
    ///
    /// A state file is opened, checked and locked here, which blocks on the disk.
    ///
    /// An application that keeps the outcome of messages in a place of its own can keep the two together with a bookmark: a number that is
    /// saved with the position, by ``Message/acknowledge(bookmark:)``, such as the length of the file that it appends to. After a restart the
    /// bookmark says what belongs to the position; whatever lies behind it was done for messages that come again, and is to be undone.
    ///
    /// ```swift
    /// let client = try GaplessClient(configuration, logger: logger) { bookmark in
    ///     if let bookmark { try output.truncate(atOffset: bookmark) }
    ///     return try output.seekToEnd()
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - configuration: what to do.
    ///   - logger: where to say what happens; never messages or tokens.
    ///   - bookmark: given the number that was saved, or nil, returns the one that is to stand there; it is saved before anything is
    ///     connected. Left out, the number stays.
    /// - Throws: ``ClientConfigurationError`` for a setting that cannot work, ``StateFileError`` when the state file cannot be used, and what
    ///   `bookmark` throws.
    public convenience init(
        _ configuration: ClientConfiguration,
        logger: Logger = Logger(label: "gapless.client"),
        bookmark: (UInt64?) throws -> UInt64? = { $0 }
    ) throws {
        try self.init(configuration, logger: logger, bookmark: bookmark, beforeFileStep: { _ in })
    }

    /// The same, with something in the way of the state file.
    ///
    /// - Parameter beforeFileStep: is asked before each step of writing; throwing breaks the step.
    init(
        _ configuration: ClientConfiguration,
        logger: Logger,
        bookmark: (UInt64?) throws -> UInt64? = { $0 },
        beforeFileStep: @escaping @Sendable (StateFile.Step) throws(StateFileError) -> Void
    ) throws {
        let settings = try ClientSettings(configuration)
        let eventLoop = (configuration.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton).next()
        let mailbox = ClientMailbox(eventLoop: eventLoop)
        let status = ClientStatus()
        let tokens = TokenRequests(configuration.token, mailbox: mailbox, logger: logger)
        let buffer = EventBuffer(mailbox: mailbox, acknowledgement: configuration.acknowledgement)

        let past = try Self.restore(configuration, settings, mailbox: mailbox, logger: logger, bookmark, beforeFileStep)
        let shell = Self.makeShell(
            past,
            configuration,
            settings,
            eventLoop: eventLoop,
            mailbox: mailbox,
            events: buffer,
            logger: logger,
            requestToken: { tokens.request($0) },
            publishState: { status.state = $0 }
        )
        self.completion = shell.completion.futureResult
        self.shell = NIOLoopBoundBox.makeBoxSendingValue(shell, as: ClientShell.self, eventLoop: eventLoop)
        self.mailbox = mailbox
        self.buffer = buffer
        self.writer = past.writer
        self.tokens = tokens
        self.status = status
        self.bookmark = past.record.progress.bookmark
        self.start = configuration.start
        mailbox.attach(self.shell)
    }

    deinit {
        // A client that ran has closed its file; one that never did holds the lock.
        self.writer?.abandon()
    }

    // MARK: Running

    /// Holds the connection until the client leaves: by graceful shutdown, by cancellation of the task, or by ``end(_:)``.
    ///
    /// Leaving saves and acknowledges what the application handled, waits up to `ClientConfiguration.leaveTimeout` for what it has in hand
    /// (not after a cancellation), and closes; the queue stays. When this returns, the state file is closed and may be opened by another client.
    ///
    /// - Throws: ``ClientError`` when the client does not go on: the server does not let it, another instance took over, the state file
    ///   cannot be written.
    public func run() async throws {
        guard self.status.beginRun() else { throw ClientError(.alreadyRun, "a client is run once; make another one") }
        let outcome = try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await self.hold()
            } onCancel: {
                self.mailbox.post(.perform { $0.leave(.impatient) })
            }
        } onGracefulShutdown: {
            self.mailbox.post(.perform { $0.leave(.patient) })
        }
        let promise = self.completion.eventLoop.makePromise(of: Void.self)
        self.mailbox.post(.perform { $0.whenSocketsClosed(within: .seconds(2)).cascade(to: promise) })
        try await promise.futureResult.get()
        try await self.closeFile(after: outcome)
        if case .failed(let error) = outcome { throw error }
    }

    /// Holds the connection like ``run()`` and gives each event to a handler, one after the other; an event is handled when the handler returns.
    ///
    /// - Throws: what ``run()`` throws, and what the handler throws, after which the client leaves and the event comes again at the next start.
    public func run(_ handle: @escaping @Sendable (Event) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Owned by the group: when the handler throws, the group cancels it and waits until the client has left.
            group.addTask { try await self.run() }
            // A failure of the client ends the events with the error that `run` throws; a failure of the handler ends the run.
            for try await event in self.events { try await handle(event) }
            try await group.waitForAll()
        }
    }

    private func hold() async throws -> ClientShell.Outcome {
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Cancelled below, once the run is over.
            group.addTask { await self.tokens.answer() }
            let start = self.start
            self.mailbox.post(.perform { $0.start(start) })
            let outcome = try await self.completion.get()
            group.cancelAll()
            return outcome
        }
    }

    private func closeFile(after outcome: ClientShell.Outcome) async throws {
        guard let writer = self.writer else { return }
        do {
            try await writer.finish()
        } catch {
            // What ended the client before is what the caller should hear of.
            if case .failed = outcome { return }
            throw ClientError(.stateFile, "the state cannot be saved", cause: error)
        }
    }

    /// Ends the session: the server removes the queue and all that is in it, and the client stops.
    ///
    /// This is no goodbye for the night: to leave and come back, end ``run()`` by a graceful shutdown.
    ///
    /// - Parameter ending: whether messages that the server has not handled are waited for or discarded.
    /// - Throws: ``ClientError`` when the client does not run, or stops before the server confirmed; `CancellationError`, and the end is
    ///   on its way nevertheless.
    public func end(_ ending: Ending = .afterUplink) async throws {
        let ending: ClientEnding =
            switch ending {
            case .afterUplink: .afterUplink
            case .immediately: .immediately
            }
        try await self.mailbox.wait { shell, waiter in
            shell.end(ending, waiter)
        } cancel: {
            $0.cancelWaiter($1)
        }
    }

    /// When a session ends.
    public enum Ending: Hashable, Sendable {
        /// Once the server has handled all messages of this client.
        case afterUplink
        /// At once; what the server has not handled is discarded.
        case immediately
    }

    /// Says that the network is another one, the machine woke up, or a person looks: the connection has to prove within 5 s that it works.
    public func probe() {
        self.mailbox.post(.perform { shell in shell.probe() })
    }

    // MARK: Receiving

    /// What the application is told, one by one. One consumer at a time.
    public var events: Events { Events(buffer: self.buffer) }

    /// What the application is told, as many at once as there are. One consumer at a time, of this or of ``events``.
    ///
    /// - Parameter maxEvents: the most events of a batch; at least 1.
    public func batches(maxEvents: Int = 1_024) -> Batches {
        precondition(maxEvents >= 1, "a batch has at least one event")
        return Batches(buffer: self.buffer, maxEvents: maxEvents)
    }

    /// The newest state, at any time and on any thread.
    public var state: State { self.status.state }
}
