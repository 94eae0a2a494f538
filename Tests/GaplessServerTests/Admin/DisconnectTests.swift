import GaplessCore
import GaplessServer
import GaplessTesting
import Testing

/// Clients that are sent away, by the service and through the HTTP API of any node.
@Suite(.serialized, .timeLimit(.minutes(10))) struct DisconnectTests {
    private static let json = ["Content-Type": "application/json"]
    private static let path = "/v1/clients/alice%2Fphone/disconnect"

    private func configuration(_ name: String) throws -> ServerConfiguration {
        var configuration = TestServer.configuration
        configuration.name = try #require(NodeName(name))
        return configuration
    }

    private func call(_ server: TestServer, _ method: String, _ body: String? = nil) async throws -> RawHTTP.Answer {
        try await RawHTTP.call(method, Self.path, port: server.addresses.admin?.port ?? 0, headers: Self.json, body: body)
    }

    @Test("who is sent away through another node is closed, refused everywhere, and comes back to all of its queue [R5.1-7]")
    func throughAnotherNode() async throws {
        let store = StoreConfiguration.memory()
        try await TestServer.run(store: store, configuration: self.configuration("b")) { second in
            try await TestServer.run(store: store, configuration: self.configuration("a")) { first in
                let (client, welcome) = try await RawClient.attach(first.url)
                let answer = try await self.call(second, "POST", #"{"code":4450}"#)
                #expect(
                    answer.status == 200 && answer.body == #"{"client":"alice/phone","code":4450,"for":3600000,"attached":true}"# + "\n"
                )
                try await client.expectEnd(4450)
                try await first.server.send("kept", to: "alice/phone")
                var greeting = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0)
                for server in [first, second] {
                    let refused = try await RawClient.connect(server.url)
                    refused.send(greeting.text)
                    try await refused.expectEnd(4450)
                }
                let lifted = try await self.call(first, "DELETE")
                #expect(lifted.body == #"{"client":"alice/phone","wasAway":true}"# + "\n")
                greeting.attempt = 3
                let (back, again) = try await RawClient.attach(second.url, greeting)
                #expect(again.resume == "resumed" && again.epoch == welcome.epoch)
                try await back.expectMessage(1, "kept")
            }
        }
    }

    @Test("a time of zero ends the connection and keeps nobody away")
    func kick() async throws {
        try await TestServer.run { server in
            let (client, welcome) = try await RawClient.attach(server.url)
            let wasAttached = try await server.server.disconnect(.test("alice/phone"), code: .tokenExpired, for: .zero)
            #expect(wasAttached)
            try await client.expectEnd(4300)
            _ = try await RawClient.attach(server.url, Greeting(attempt: 2, epoch: welcome.epoch, handled: 0))
            let wasAway = try await server.server.letIn(.test("alice/phone"))
            #expect(!wasAway)
        }
    }

    @Test("who has no queue is sent away, and gets none")
    func withoutQueue() async throws {
        try await TestServer.run { server in
            let wasAttached = try await server.server.disconnect(.test("alice/phone"))
            #expect(!wasAttached)
            let refused = try await RawClient.connect(server.url)
            refused.send(Greeting().text)
            try await refused.expectEnd(4452)
            let queue = try await server.server.queue(of: .test("alice/phone"))
            #expect(queue == nil)
            let wasAway = try await server.server.letIn(.test("alice/phone"))
            #expect(wasAway)
        }
    }

    @Test("a code or a time that no operator has is refused", arguments: [(4200, 1), (4451, -1), (4499, 1), (1000, 1), (4452, 86_401)])
    func invalid(code: UInt16, seconds: Int) async throws {
        try await TestServer.run { server in
            await #expect(throws: SendError.self) {
                try await server.server.disconnect(.test("alice"), code: CloseCode(rawValue: code), for: .seconds(seconds))
            }
            let queue = try await server.server.queue(of: .test("alice"))
            #expect(queue == nil)
        }
    }
}
