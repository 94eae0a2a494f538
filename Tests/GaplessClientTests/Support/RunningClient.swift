import Logging
import ServiceLifecycle
import Testing

@testable import GaplessClient

/// A client that runs, and the events that a test takes from it.
struct RunningClient {
    /// The client.
    let client: GaplessClient
    /// The events that came and were not asked for by the test yet.
    let events: Mailbag<GaplessClient.Event>
    /// What the client runs in.
    let group: ServiceGroup

    /// Ends the client as a service ends; when this returns, it has begun to leave.
    func shutdown() async throws {
        await self.group.triggerGracefulShutdown()
        // The group passes it on in its own time; the event loop does what it is asked for in order.
        self.client.mailbox.post(.perform { $0.leave(.patient) })
        try? await self.client.flush()
    }

    /// The next event that is no state.
    func next() async throws -> GaplessClient.Event {
        while true {
            let event = try await self.events.next("an event")
            if case .state = event { continue }
            return event
        }
    }

    /// The text of the next event that is no state, which must be a message.
    func text() async throws -> String {
        try #require(try await self.message().text)
    }

    /// The next event that is no state, which must be a message.
    func message() async throws -> GaplessClient.Message {
        let event = try await self.next()
        guard case .message(let message) = event else { throw UnexpectedEvent(event: event) }
        return message
    }

    /// The next event that is no state, which must be a gap.
    func gap() async throws -> GaplessClient.Gap {
        let event = try await self.next()
        guard case .gap(let gap) = event else { throw UnexpectedEvent(event: event) }
        return gap
    }

    /// The next event that is no state, which must be a reset.
    func reset() async throws -> ResetReason {
        let event = try await self.next()
        guard case .reset(let reason) = event else { throw UnexpectedEvent(event: event) }
        return reason
    }

    /// The next event that is no state, which must be this one.
    func uplinkMayRepeat() async throws -> [GaplessClient.Ticket] {
        let event = try await self.next()
        guard case .uplinkMayRepeat(let tickets) = event else { throw UnexpectedEvent(event: event) }
        return tickets
    }

    /// Skips events until the client is attached.
    @discardableResult
    func online() async throws -> GaplessClient.Attachment {
        while true {
            if case .state(.online(let attachment)) = try await self.events.next("online") { return attachment }
        }
    }

    /// Skips events until the client is offline.
    func offline() async throws -> GaplessClient.Absence {
        while true {
            if case .state(.offline(let absence)) = try await self.events.next("offline") { return absence }
        }
    }

    /// Skips events until the client has stopped.
    @discardableResult
    func stopped() async throws -> CloseCode {
        while true {
            if case .state(.stopped(let code, _)) = try await self.events.next("stopped") { return code }
        }
    }
}

/// The client told something that the test did not expect.
struct UnexpectedEvent: Error {
    let event: GaplessClient.Event
}

/// Runs a client for the length of a test, with a consumer that handles each event at once, and ends it gracefully.
///
/// - Returns: the error that the client's run ended with.
@discardableResult
func withClient(
    _ configuration: ClientConfiguration,
    consuming: Bool = true,
    _ test: (RunningClient) async throws -> Void
) async throws -> (any Error)? {
    try await withClient(try GaplessClient(configuration, logger: .quiet), consuming: consuming, test)
}

/// The same with a client that was made before.
@discardableResult
func withClient(
    _ client: GaplessClient,
    consuming: Bool = true,
    _ test: (RunningClient) async throws -> Void
) async throws -> (any Error)? {
    let events = Mailbag<GaplessClient.Event>()
    let service = ServiceGroupConfiguration.ServiceConfiguration(service: client, successTerminationBehavior: .gracefullyShutdownGroup)
    let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [service], logger: .quiet))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        let running = Task { try await group.run() }
        if consuming {
            tasks.addTask {
                // The error that ends the events is the one that ends the run.
                do { for try await event in client.events { events.put(event) } } catch {}
            }
        }
        do {
            try await test(RunningClient(client: client, events: events, group: group))
        } catch {
            running.cancel()
            throw error
        }
        await group.triggerGracefulShutdown()
        let result = await running.result
        try await tasks.waitForAll()
        switch result {
        case .success: return nil
        case .failure(let error): return error
        }
    }
}

extension Logger {
    /// Says nothing.
    static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension ClientConfiguration {
    /// The client of the tests at these servers: it comes back fast, and has all the time of the world for everything else.
    static func test(_ servers: FakeServer...) -> ClientConfiguration {
        var configuration = ClientConfiguration(endpoints: servers.map(\.url), client: "alice/phone")
        configuration.backoffBase = .milliseconds(1)
        configuration.backoffCap = .milliseconds(2)
        configuration.connectTimeout = .seconds(600)
        configuration.leaveTimeout = .seconds(600)
        return configuration
    }
}
