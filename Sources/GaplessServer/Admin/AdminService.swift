import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// The HTTP API while it serves.
///
/// It does not hear of the graceful shutdown that the server hears of: operators, publishers and whoever reads the metrics need it until the
/// last client has moved. It ends by `end`, or with the task that runs it.
struct AdminService: Sendable {
    private let services: ServiceGroup
    private let listen: ListenAddress
    private let task: Task<Void, any Error>
    private let progress: Progress

    private final class Progress: Sendable {
        let listens = Atomic<Bool>(false)
        let ends = Atomic<Bool>(false)
    }

    /// What the API ends with that nobody ended.
    struct Loss: Error, CustomStringConvertible {
        let description: String
    }

    /// Opens the port.
    ///
    /// - Parameter listening: called with the address once the port is open.
    init(_ listener: AdminListener, listening: @escaping @Sendable (ListenAddress) async -> Void) {
        self.init(listener.configuration.listen, logger: listener.logger, listening: listening) { listener.makeApplication(listening: $0) }
    }

    /// Runs a service that listens.
    init(
        _ listen: ListenAddress,
        logger: Logger,
        listening: @escaping @Sendable (ListenAddress) async -> Void,
        service: (@escaping @Sendable (ListenAddress) async -> Void) -> any Service
    ) {
        let progress = Progress()
        let service = service { address in
            progress.listens.store(true, ordering: .relaxed)
            await listening(address)
        }
        let services = ServiceGroup(services: [service], logger: logger)
        self.progress = progress
        self.services = services
        self.listen = listen
        // A child task would inherit the graceful shutdown. This one is owned by `run`, which waits for it and passes cancellation on.
        self.task = Task.detached { try await services.run() }
    }

    /// Waits for the end.
    ///
    /// - Returns: nil when it was ended; else what it ended with after it had listened.
    /// - Throws: `ConfigurationError` when the address cannot be listened on.
    func run() async throws -> Loss? {
        do {
            try await withTaskCancellationHandler {
                try await self.task.value
            } onCancel: {
                self.task.cancel()
            }
            return self.isLost ? Loss(description: "It ended by itself.") : nil
        } catch  where self.isLost {
            return Loss(description: "\(error)")
        } catch let error as IOError {
            throw ConfigurationError("admin.listen", "\(self.listen) cannot be listened on: \(error.sentence)")
        }
    }

    private var isLost: Bool {
        !Task.isCancelled && self.progress.listens.load(ordering: .relaxed) && !self.progress.ends.load(ordering: .relaxed)
    }

    /// Takes no more calls, and lets those under way end within the time.
    func end(within time: TimeAmount, on eventLoop: any EventLoop) async {
        self.progress.ends.store(true, ordering: .relaxed)
        let limit = eventLoop.scheduleTask(in: time) { self.task.cancel() }
        defer { limit.cancel() }
        await self.services.triggerGracefulShutdown()
        _ = await self.task.result
    }
}
