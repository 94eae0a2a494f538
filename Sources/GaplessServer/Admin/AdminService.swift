import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP API while it serves.
///
/// It does not hear of the graceful shutdown that the server hears of: operators, publishers and whoever reads the metrics need it until the
/// last client has moved. It ends by `end`, or with the task that runs it.
struct AdminService: Sendable {
    private let services: ServiceGroup
    private let listen: ListenAddress
    private let task: Task<Void, any Error>

    /// Opens the port.
    ///
    /// - Parameter listening: called with the address once the port is open.
    init(_ listener: AdminListener, listening: @escaping @Sendable (ListenAddress) async -> Void) {
        let services = ServiceGroup(services: [listener.makeApplication(listening: listening)], logger: listener.logger)
        self.services = services
        self.listen = listener.configuration.listen
        // A child task would inherit the graceful shutdown. This one is owned by `run`, which waits for it and passes cancellation on.
        self.task = Task.detached { try await services.run() }
    }

    /// Waits for the end.
    ///
    /// - Throws: `ConfigurationError` when the address cannot be listened on.
    func run() async throws {
        do {
            try await withTaskCancellationHandler {
                try await self.task.value
            } onCancel: {
                self.task.cancel()
            }
        } catch let error as IOError {
            throw ConfigurationError("admin.listen", "\(self.listen) cannot be listened on: \(error.sentence)")
        }
    }

    /// Takes no more calls, and lets those under way end within the time.
    func end(within time: TimeAmount, on eventLoop: any EventLoop) async {
        let limit = eventLoop.scheduleTask(in: time) { self.task.cancel() }
        defer { limit.cancel() }
        await self.services.triggerGracefulShutdown()
        _ = await self.task.result
    }
}
