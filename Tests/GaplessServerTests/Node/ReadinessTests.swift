import Dispatch
import GaplessCore
import GaplessStore
import GaplessTesting
import GaplessWebSocket
import NIOCore
import NIOHTTP1
import Testing

@testable import GaplessServer

/// What `/ready` says while something is wrong. (That it says `draining` is a matter of `StoppingTests`.)
@Suite(.timeLimit(.minutes(10))) struct ReadinessTests {
    private static func ready(_ server: TestServer) async throws -> (status: Int, words: [Substring]) {
        let answer = try await RawHTTP.call("GET", "/ready", port: server.addresses.listen.port)
        return (answer.status, answer.body.split(whereSeparator: \.isWhitespace))
    }

    @Test func aFullStoreIsToldAndClientsAreWelcomeToMakeRoom() async throws {
        var configuration = TestServer.configuration
        configuration.maxStoreBytes = 10
        try await TestServer.run(configuration: configuration) { server in
            let fresh = try await Self.ready(server)
            #expect(fresh.status == 200 && fresh.words == ["ready"])
            try await server.server.send("0123456789", to: "alice/phone")
            repeat {
                let error = await #expect(throws: SendError.self) { try await server.server.send("x", to: "alice/phone") }
                #expect(error?.code == .full)
            } while try await Self.ready(server).words != ["ready", "store-full"]
            let (client, _) = try await RawClient.attach(server.url)
            try await client.expectMessage(1, "0123456789")
            client.send("ACK 1")
            while (try? await server.server.send("x", to: "alice/phone")) == nil {}
            let answer = try await Self.ready(server)
            #expect(answer.status == 200 && answer.words == ["ready"])
        }
    }

    @Test func anUnknownSchemaIsToldAndSendsClientsAway() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault)) { server in
            let (client, _) = try await RawClient.attach(server.url)
            fault.fail(.from(1), code: .newerSchema)
            try await client.expectEnd(4_000)
            let strange = try await Self.ready(server)
            #expect(strange.status == 503 && strange.words.contains("schema-unknown"))
            let late = try await RawClient.connect(server.url)
            late.send(Greeting(attempt: 2).text)
            try await late.expectEnd(4102)
            fault.heal()
            try await server.commitsBehindItsHeartbeat()
            let known = try await Self.ready(server)
            #expect(known.status == 200 && known.words == ["ready"])
        }
    }

    // MARK: Too much to do

    @Test func aNodeThatHasTooMuchToDoSendsNewClientsToAnother() async throws {
        // [R5.1-9]
        let store = StoreConfiguration.memory()
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.name = try #require(NodeName("a"))
        configuration.maxConnections = 100
        configuration.readiness.maxConnections = 1
        try await TestServer.run(store: store) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            try await TestServer.run(time: time, store: store, configuration: configuration) { first in
                try await first.commitsBehindItsHeartbeat()
                let late = try await RawClient.connect(first.url)
                let (client, _) = try await RawClient.attach(first.url, Greeting(client: "carl"))
                #expect(try await Self.ready(first).words == ["ready"])
                // The watch looks once a second, and sets its next second when it has looked.
                while try await Self.ready(first).status == 200 {
                    await time.advance(by: .milliseconds(500))
                    try await first.commitsBehindItsHeartbeat()
                }
                #expect(try await Self.ready(first).words == ["connections"])
                late.send(Greeting(client: "bob").text)
                let refusal = try await late.expect("ERROR {\"code\":4100,")
                #expect(refusal.contains("\"retryAfter\":") && refusal.contains("\"jitter\":"))
                try await late.expectClose(4100)
                await #expect(throws: (any Error).self) { try await RawClient.connect(first.url) }
                let load = try await RawHTTP.call("GET", "/load", port: first.addresses.listen.port)
                #expect(load.status == 200 && load.headers["content-type"] == "application/json")
                #expect(load.body.hasPrefix(#"{"ready":false,"weight":0,"connections":"#) && load.body.contains(#""over":["connections"]"#))
                let nodes = try await first.server.nodes()
                #expect(nodes.map(\.over) == [["connections"], []])
                #expect(nodes[0].notReady == ["connections"])
                // It serves those that are there, and the other one takes the rest.
                client.send("PING 1")
                try await client.expect("PONG 1")
                _ = try await RawClient.attach(second.url, Greeting(client: "bob", attempt: 2))
            }
        }
    }

    @Test func aNodeThatIsAloneTakesClientsHoweverMuchItHasToDo() async throws {
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.maxConnections = 100
        configuration.readiness.maxConnections = 1
        try await TestServer.run(time: time, configuration: configuration) { server in
            _ = try await RawClient.attach(server.url)
            while try await Self.ready(server).words != ["ready", "overloaded"] {
                await time.advance(by: .milliseconds(500))
                try await server.commitsBehindItsHeartbeat()
            }
            #expect(try await Self.ready(server).status == 200)
            _ = try await RawClient.attach(server.url, Greeting(client: "bob"))
        }
    }

    @Test func theFreeDiskOfAStoreInAFileIsKnown() async throws {
        let store = try TemporaryStore()
        let time = ManualTime()
        try await TestServer.run(time: time, store: store.configuration) { server in
            var load = ""
            while !load.contains("freeDisk") {
                await time.advance(by: .milliseconds(500))
                load = try await RawHTTP.call("GET", "/load", port: server.addresses.listen.port).body
            }
            let bytes = try #require(load.firstMatch(of: #/"freeDisk":(\d+)/#)?.output.1)
            #expect(try #require(Int(bytes)) > 0)
            #expect(load.contains(#""loopLag":"#) && load.contains(#""commit":"#) && load.contains(#""memory":"#))
        }
    }

    // MARK: Whether it lives

    private static func live(_ node: Node) -> HTTPResponseStatus {
        PublicListener.answer(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/live"), node).status
    }

    @Test func aBlockedLoopIsToldAfter30Seconds() async throws {
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.threads = 2
        try await TestServer.run(time: time, configuration: configuration) { server in
            let node = try await server.server.running().node
            #expect(Self.live(node) == .ok)
            let (blocked, gate) = (Mailbox<Void>(), Gate())
            node.loops[1].eventLoop.execute {
                blocked.put(())
                gate.wait()
            }
            defer { gate.open() }
            try await blocked.next()
            // A probe of the watch waits there for its turn.
            while node.loops[1].silence(now: node.clock.monotonic()) < .seconds(29) {
                #expect(Self.live(node) == .ok)
                await time.advance(by: .milliseconds(500))
                await Task.yield()
            }
            while Self.live(node) == .ok {
                await time.advance(by: .milliseconds(500))
                await Task.yield()
            }
            #expect(node.loops[1].silence(now: node.clock.monotonic()) >= .seconds(30))
            gate.open()
            while Self.live(node) != .ok {
                await time.advance(by: .milliseconds(100))
                await Task.yield()
            }
        }
    }

    @Test func aWatchThatDoesNotComeRoundIsToldAfter30Seconds() {
        let start = Instant(nanoseconds: 5_000_000_000)
        let liveness = Liveness(now: start)
        #expect(liveness.silence(now: start + .seconds(29)) == .seconds(29))
        liveness.looked(now: start + .seconds(29))
        #expect(liveness.silence(now: start + .seconds(31)) == .seconds(2))
        #expect(Liveness.patience == .seconds(30))
    }
}

/// Stops a thread until it is opened.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() {
        self.semaphore.wait()
        self.semaphore.signal()
    }

    func open() { self.semaphore.signal() }
}
