import Foundation
import GaplessCore
import GaplessServer
import GaplessStore
import GaplessTesting
import Testing

/// Clients that the server names, and the tokens by which it knows them again.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AnonymousTests {
    private func attach(_ server: TestServer, _ greeting: Greeting) async throws -> Welcome {
        let (client, welcome) = try await RawClient.attach(server.url, greeting)
        client.close()
        return welcome
    }

    /// The id of the key that a token was made with.
    private func key(_ token: String?) -> Substring? {
        token?.split(separator: ".").dropFirst().first
    }

    @Test func everybodyGetsANameOfItsOwn() async throws {
        // [R9.2-1]
        try await TestServer.run(authenticator: .anonymous) { server in
            var names: Set<String> = []
            for number in 1...20 {
                let welcome = try await self.attach(server, Greeting(client: nil, instance: "i\(number)"))
                #expect(welcome.resume == "new" && welcome.token != nil && !welcome.client.contains("/"))
                names.insert(welcome.client)
            }
            #expect(names.count == 20)
        }
    }

    @Test func nobodyChoosesAName() async throws {
        try await TestServer.run(authenticator: .anonymous) { server in
            for token in [nil, "", "alice", "1.k1.0.AAAA"] {
                let client = try await RawClient.connect(server.url)
                client.send(Greeting(client: "alice", token: token).text)
                // [R4.1-4]: an empty token is none, and malformed.
                let error = try await client.expect("ERROR {")
                #expect(error.contains(#""forget":true"#) || token == "")
                #expect(error.hasPrefix("ERROR {\"code\":4200,") || token == "")
            }
            #expect(try await server.server.queue(of: .test("alice")) == nil)
        }
    }

    @Test func tokensOutliveOneChangeOfKeysAndNotTwo() async throws {
        // [R9.2-2], [R9.2-3]
        let store = StoreConfiguration.memory()
        let clock = ManualClock()
        func life(_ greeting: Greeting) async throws -> Welcome {
            // A new process each time, with nothing remembered.
            try await TestServer.run(store: store, authenticator: .anonymous, clock: clock) { try await self.attach($0, greeting) }
        }
        let first = try await life(Greeting(client: nil))
        let original = try #require(first.token)
        clock.advance(by: .seconds(31 * 86_400))
        let second = try await life(Greeting(client: first.client, attempt: 2, token: original))
        #expect(second.client == first.client)
        let renewed = try #require(second.token)
        #expect(self.key(renewed) != self.key(original))
        clock.advance(by: .seconds(31 * 86_400))
        let third = try await life(Greeting(client: first.client, attempt: 3, token: renewed))
        #expect(third.client == first.client && self.key(third.token) != self.key(renewed))
        try await TestServer.run(store: store, authenticator: .anonymous, clock: clock) { server in
            let client = try await RawClient.connect(server.url)
            client.send(Greeting(client: first.client, attempt: 4, token: original).text)
            let error = try await client.expect("ERROR {\"code\":4200,")
            #expect(error.contains(#""forget":true"#))
        }
    }

    @Test func aNodeLearnsOfAKeyThatAnotherMade() async throws {
        let store = StoreConfiguration.memory()
        let clock = ManualClock()
        try await TestServer.run(store: store, authenticator: .anonymous, clock: clock) { old in
            // This node remembers the keys of today.
            _ = try await self.attach(old, Greeting(client: nil))
            clock.advance(by: .seconds(31 * 86_400))
            let token = try await TestServer.run(store: store, authenticator: .anonymous, clock: clock) { young in
                try await self.attach(young, Greeting(client: nil, instance: "i2"))
            }
            let again = try await self.attach(old, Greeting(client: token.client, instance: "i2", attempt: 2, token: token.token))
            #expect(again.client == token.client)
        }
    }

    @Test func aStoreThatFailsIsNoReasonToForget() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault), authenticator: .anonymous) { server in
            fault.fail(.from(1))
            let client = try await RawClient.connect(server.url)
            client.send(Greeting(client: nil).text)
            let error = try await client.expect("ERROR {\"code\":4102,")
            #expect(!error.contains("forget"))
            fault.heal()
        }
    }
}
