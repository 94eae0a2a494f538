import GaplessCore
import GaplessStore
import GaplessTesting
import Logging
import ServiceLifecycle
import Testing

@testable import GaplessServer

/// Starting once, waiting for the start, and the end.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ServerLifecycleTests {
    private struct Failure: Error {}

    @Test func hooksAreTakenUntilTheStart() {
        var lifecycle = ServerLifecycle()
        #expect(lifecycle.setHooks { $0.attached = { _ in } })
        #expect(lifecycle.start()?.attached != nil)
        let isLate = lifecycle.setHooks { $0.detached = { _ in } }
        #expect(!isLate)
    }

    @Test func aServerStartsOnce() {
        var lifecycle = ServerLifecycle()
        #expect(lifecycle.start() != nil)
        #expect(lifecycle.start() == nil)
        _ = lifecycle.stop(nil)
        #expect(lifecycle.start() == nil)
        #expect(lifecycle.running == nil)
    }

    @Test func waitersHaveNamesOfTheirOwn() {
        var lifecycle = ServerLifecycle()
        #expect(lifecycle.nextWaiter() != lifecycle.nextWaiter())
    }

    private func server(_ store: StoreConfiguration = .memory()) throws -> GaplessServer {
        try GaplessServer(store: store, authenticator: .none, configuration: TestServer.configuration)
    }

    @Test func whoWaitsForAStartThatFailsIsToldWhy() async throws {
        let store = StoreConfiguration("broken") { _ throws(QueueStoreError) in throw QueueStoreError(.corrupt, "Said the test.") }
        let server = try self.server(store)
        let addresses = Task { try await server.started() }
        await #expect(throws: QueueStoreError.self) { try await server.run() }
        let error = await #expect(throws: QueueStoreError.self) { _ = try await addresses.value }
        #expect(error?.code == .corrupt)
        // Whoever comes later hears the same.
        await #expect(throws: QueueStoreError.self) { _ = try await server.started() }
        let late = await #expect(throws: SendError.self) { try await server.send("x", to: "a") }
        #expect(late?.code == .unavailable)
    }

    @Test func whoWaitsForAServerThatStopsBeforeItRanIsToldAtOnce() async throws {
        // Its first heartbeat hangs, so that it has not started when it is to stop.
        let store = HoldingQueueStore(MemoryQueueStore(), holdsAll: true)
        store.hold()
        let server = try self.server(.only(store))
        let group = ServiceGroup(services: [server], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await group.run() }
        try await store.held()
        let early = Task { try await server.started() }
        await group.triggerGracefulShutdown()
        // The store still hangs, and the server waits for it.
        let waited = await #expect(throws: SendError.self) { _ = try await early.value }
        let late = await #expect(throws: SendError.self) { _ = try await server.metricsText() }
        #expect(waited?.code == .unavailable && late?.code == .unavailable)
        store.release()
        try await running.value
    }

    @Test func whoStopsBeforeItRanNeverRuns() throws {
        var lifecycle = ServerLifecycle()
        _ = lifecycle.start()
        #expect(lifecycle.refuse().isEmpty)
        #expect(lifecycle.running == nil)
        #expect(lifecycle.stop(nil).isEmpty)
    }

    @Test func aSendWaitsForTheStart() async throws {
        let server = try self.server()
        let send = Task { try await server.send("early", to: "alice/phone") }
        let running = Task { try await server.run() }
        #expect(try await send.value.sequence == SequenceNumber(1))
        running.cancel()
        try await running.value
    }

    @Test func whoGivesUpWaitingIsLetGo() async throws {
        let server = try self.server()
        let send = Task { try await server.send("early", to: "alice/phone") }
        let started = Task { try await server.started() }
        send.cancel()
        started.cancel()
        let error = await #expect(throws: SendError.self) { _ = try await send.value }
        #expect(error?.code == .unavailable)
        await #expect(throws: CancellationError.self) { _ = try await started.value }
        let messages = Task { await server.send([OutgoingMessage("a", to: "a"), OutgoingMessage("b", to: "b")]) }
        messages.cancel()
        #expect(await messages.value.count == 2)
    }

    @Test func onlySoManyWait() async throws {
        var configuration = TestServer.configuration
        configuration.maxPendingSends = 1
        let server = try GaplessServer(store: .memory(), authenticator: .none, configuration: configuration)
        // Of the two one waits and one is refused, whichever comes first.
        let first = Task { try await server.send("1", to: "alice/phone") }
        let second = Task { try await server.send("2", to: "alice/phone") }
        let refused = Mailbox<SendError.Code?>()
        let watchers = [first, second].map { send in
            Task {
                do {
                    _ = try await send.value
                    refused.put(nil)
                } catch {
                    refused.put((error as? SendError)?.code)
                }
            }
        }
        #expect(try await refused.next() == .overloaded)
        let running = Task { try await server.run() }
        #expect(try await refused.next() == nil)
        running.cancel()
        try await running.value
        for watcher in watchers { await watcher.value }
    }

    @Test func aCancelledRunEndsAtOnceAndCommitsWhatItAccepted() async throws {
        let store = StoreConfiguration.memory()
        let server = try self.server(store)
        let running = Task { try await server.run() }
        let addresses = try await server.started()
        let url = "ws://\(addresses.listen)/gapless"
        let (client, _) = try await RawClient.attach(url)
        try await server.send("kept", to: "alice/phone")
        try await client.expectMessage(1, "kept")
        running.cancel()
        try await running.value
        // Whatever the connection was told, it ended.
        while case .text = try await client.next() {}
        try await TestServer.run(store: store) { server in
            let queue = try await server.server.queue(of: .test("alice/phone"))
            #expect(queue?.depth == 1)
        }
    }

    @Test func theStoreIsClosedOnceAndByNoTask() async throws {
        // A task that waits for a disk holds up one of the few threads that all tasks share.
        let closings = Mailbox<Bool>()
        let store = StoreConfiguration("test") { _ throws(QueueStoreError) in
            StoreConfiguration.Opened(store: MemoryQueueStore()) { closings.put(withUnsafeCurrentTask { $0 == nil }) }
        }
        try await TestServer.run(store: store) { server in
            #expect(closings.isEmpty)
            // One that cannot start.
            var configuration = TestServer.configuration
            configuration.listen = server.addresses.listen
            await #expect(throws: ConfigurationError.self) { try await TestServer.run(store: store, configuration: configuration) { _ in } }
            let isOutside = try await closings.next()
            #expect(isOutside && closings.isEmpty)
        }
        #expect(try await closings.next())
        let server = try self.server(store)
        let running = Task { try await server.run() }
        _ = try await server.started()
        running.cancel()
        try await running.value
        #expect(try await closings.next())
        #expect(closings.isEmpty)
    }

    @Test func whatAServerToldOfItselfIsTrue() async throws {
        var configuration = TestServer.configuration
        configuration.name = try #require(NodeName("node-7"))
        try await TestServer.run(configuration: configuration) { server in
            #expect(server.addresses.node.description == "node-7")
            #expect(server.addresses.listen.port > 0 && server.addresses.admin?.port != server.addresses.listen.port)
            let nodes = try await server.server.nodes()
            #expect(nodes.map(\.name.description) == ["node-7"])
            #expect(nodes[0].load?.connections == 0 && nodes[0].load?.attached == 0)
        }
        configuration.admin = nil
        try await TestServer.run(configuration: configuration) { server in
            #expect(server.addresses.admin == nil && server.adminURL == nil)
        }
    }
}
