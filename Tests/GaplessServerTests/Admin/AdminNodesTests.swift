import GaplessCore
import GaplessServer
import GaplessTesting
import Metrics
import Testing

/// Cordon, uncordon and drain, asked of any node, and what a node still answers while it drains.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AdminNodesTests {
    private static let json = ["Content-Type": "application/json"]

    private func configuration(_ name: String) throws -> ServerConfiguration {
        var configuration = TestServer.configuration
        configuration.name = try #require(NodeName(name))
        return configuration
    }

    private func post(_ server: TestServer, _ path: String) async throws -> RawHTTP.Answer {
        try await RawHTTP.call("POST", path, port: server.addresses.admin?.port ?? 0, headers: Self.json)
    }

    private func ready(_ server: TestServer) async throws -> RawHTTP.Answer {
        try await RawHTTP.call("GET", "/ready", port: server.addresses.listen.port)
    }

    private func handshake(_ server: TestServer) async throws -> RawHTTP.Answer {
        let upgrade = ["Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="]
            .merging(["Connection": "Upgrade", "Sec-WebSocket-Protocol": "gapless.v1"]) { $1 }
        return try await RawHTTP.call("GET", "/gapless", port: server.addresses.listen.port, headers: upgrade)
    }

    @Test func aNodeObeysAtOnceWhatItIsAskedItself() async throws {
        let store = StoreConfiguration.memory()
        try await TestServer.run(store: store, configuration: self.configuration("b")) { second in
            try await second.commitsBehindItsHeartbeat()
            try await TestServer.run(store: store, configuration: self.configuration("a")) { first in
                try await first.commitsBehindItsHeartbeat()
                let late = try await RawClient.connect(first.url)
                let cordoned = try await self.post(first, "/v1/nodes/a/cordon")
                #expect(cordoned.status == 200 && cordoned.body == #"{"name":"a","order":"cordon"}"# + "\n")
                let ready = try await self.ready(first)
                #expect(ready.status == 503 && ready.body.contains("cordoned"))
                late.send(Greeting(client: "bob").text)
                try await late.expectEnd(4100)  // [R5.1-6]
                #expect(try await self.handshake(first).status == 503)
                #expect(try await self.post(first, "/v1/nodes/a/uncordon").status == 200)
                #expect(try await self.ready(first).status == 200)
            }
        }
    }

    @Test func aNodeObeysWhatAnotherIsAskedWithItsNextHeartbeat() async throws {
        let store = StoreConfiguration.memory()
        let time = ManualTime()
        try await TestServer.run(store: store, configuration: self.configuration("b")) { second in
            try await TestServer.run(time: time, store: store, configuration: self.configuration("a")) { first in
                try await first.commitsBehindItsHeartbeat()
                #expect(try await self.post(second, "/v1/nodes/a/cordon").status == 200)
                #expect(try await self.ready(first).status == 200)
                await time.advance(by: .seconds(2))
                try await first.commitsBehindItsHeartbeat()
                #expect(try await self.ready(first).status == 503)
                let nodes = try await first.server.nodes()
                #expect(nodes.map(\.name.description) == ["a", "b"])
                #expect(nodes.map(\.state) == [.cordoned, .serving])
                #expect(nodes[1].load?.capacity ?? 0 > 0)
            }
        }
    }

    @Test func allThatAreCalledSoObeyWhicheverOfThemIsAsked() async throws {
        let store = StoreConfiguration.memory()
        try await TestServer.run(store: store, configuration: self.configuration("a")) { second in
            try await second.commitsBehindItsHeartbeat()
            try await TestServer.run(store: store, configuration: self.configuration("a")) { first in
                try await first.commitsBehindItsHeartbeat()
                #expect(try await self.post(first, "/v1/nodes/a/cordon").status == 200)
                #expect(try await first.server.nodes().first?.state == .cordoned)
                // With its next heartbeat.
                while try await second.server.nodes().first?.state != .cordoned {}
            }
        }
    }

    @Test func anUnknownNodeOrOrderIsNotThere() async throws {
        try await TestServer.run(configuration: self.configuration("a")) { server in
            for path in ["/v1/nodes/b/drain", "/v1/nodes/%2F/cordon", "/v1/nodes/a%20b/cordon"] {
                let answer = try await self.post(server, path)
                #expect(answer.status == 404 && answer.body.contains("noSuchNode"), "\(path)")
            }
            #expect(try await self.post(server, "/v1/nodes/a/dance").status == 404)
            let port = server.addresses.admin?.port ?? 0
            for (body, status) in [
                ("{}", 404), (#"{"within":1}"#, 400), ("[]", 400), ("x", 400), (String(repeating: " ", count: 5_000), 413),
            ] {
                let answer = try await RawHTTP.call("POST", "/v1/nodes/b/cordon", port: port, headers: Self.json, body: body)
                #expect(answer.status == status, "\(body.prefix(20))")
            }
            let withoutType = try await RawHTTP.call("POST", "/v1/nodes/a/cordon", port: server.addresses.admin?.port ?? 0)
            #expect(withoutType.status == 415)
            #expect(try await self.ready(server).status == 200)
        }
    }

    @Test func aDrainEndsTheServerAsAShutdownDoes() async throws {
        let server = try GaplessServer(store: .memory(), authenticator: .none, configuration: self.configuration("a"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let addresses = try await server.started()
            let (client, _) = try await RawClient.attach("ws://\(addresses.listen)/gapless")
            let receipt = try await server.send("1", to: "alice/phone")
            #expect(receipt.sequence == SequenceNumber(1))
            try await client.expectMessage(1, "1")
            #expect(try await server.drain(addresses.node))
            try await client.expectEnd(4_000)
            try await group.waitForAll()
        }
    }

    @Test func theAPIAnswersUntilTheLastClientHasMoved() async throws {
        let store = StoreConfiguration.memory()
        var configuration = try self.configuration("a")
        configuration.moveTime = .seconds(300)
        configuration.hardStop = .seconds(600)
        try await TestServer.run(store: store, configuration: self.configuration("b")) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            try await TestServer.run(store: store, configuration: configuration) { first in
                let port = first.addresses.admin?.port ?? 0
                let (client, welcome) = try await RawClient.attach(first.url)
                await first.shutDown()
                try await client.expect("DRAIN ")
                let metrics = try await RawHTTP.call("GET", "/metrics", port: port)
                #expect(metrics.status == 200)
                #expect(metrics.body.contains("gapless_server_drains_total 1\n"))
                #expect(metrics.body.contains("gapless_server_unready{reason=\"draining\"} 1\n"))
                let body = #"{"to":"alice/phone","text":"late"}"#
                #expect(try await RawHTTP.call("POST", "/v1/messages", port: port, headers: Self.json, body: body).status == 200)
                try await client.expectMessage(1, "late")
                // New handshakes are refused where a balancer sees it.
                let late = try await self.handshake(first)
                #expect(late.status == 503 && late.headers["retry-after"] == "1")
                let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 1, held: 1)
                let (_, answer) = try await RawClient.attach(second.url, again)
                #expect(answer.resume == "resumed")
                try await client.expectEnd(4500)
            }
        }
    }

    @Test func newcomersAreTakenUntilTheBalancerHasNoticed() async throws {
        let store = StoreConfiguration.memory()
        var configuration = try self.configuration("a")
        configuration.drainWait = .seconds(100)
        configuration.moveTime = .seconds(300)
        configuration.hardStop = .seconds(900)
        let time = ManualTime()
        try await TestServer.run(store: store, configuration: self.configuration("b")) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            try await TestServer.run(time: time, store: store, configuration: configuration) { first in
                try await first.commitsBehindItsHeartbeat()
                await first.shutDown()
                while try await self.ready(first).status == 200 {}
                let (client, welcome) = try await RawClient.attach(first.url)  // [R10.1-11]
                // To order it once more changes nothing: whoever comes now is taken as well.
                #expect(try await self.post(first, "/v1/nodes/a/drain").status == 200)
                try await RawClient.connect(first.url).close()
                // The operator is in a hurry.
                #expect(try await self.post(first, "/v1/nodes/a/drain-now").status == 200)
                try await client.expect("DRAIN ")
                let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
                _ = try await RawClient.attach(second.url, again)
                try await client.expectEnd(4500)
            }
        }
    }
}
