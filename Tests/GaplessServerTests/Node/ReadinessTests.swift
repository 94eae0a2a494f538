import GaplessServer
import GaplessStore
import GaplessTesting
import Testing

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
}
