// snippet: a test
import GaplessClient
import GaplessServer
import GaplessTesting
import Logging
import Testing

@Suite struct ChatTests {
    @Test func aMessageArrives() async throws {
        try await TestServer.run { server in
            try await server.server.send("Good morning", to: "alice/phone")
            let configuration = ClientConfiguration(endpoints: [server.url], client: "alice/phone")
            let client = try GaplessClient(configuration, logger: Logger(label: "test"))
            async let running: Void = client.run()
            for try await event in client.events {
                guard case .message(let message) = event else { continue }
                #expect(message.text == "Good morning")
                break
            }
            try await client.end(.immediately)
            try await running
        }
    }
}
// snippet end

// snippet: handlers and time
@Suite struct EchoTests {
    @Test func theHandlerAnswers() async throws {
        let store = try TemporaryStore()
        let clock = ManualClock()
        try await TestServer.run(store: store.configuration, clock: clock) { server in
            server.onMessage { message, session in session.send(message.text ?? "") }
        } _: { server in
            try await server.server.send("Short-lived", to: "alice/phone", timeToLive: .seconds(30))
            clock.advance(by: .seconds(31))
            let client = try #require(ClientID("alice/phone"))
            let queue = try #require(try await server.server.queue(of: client))
            #expect(queue.head == SequenceNumber(1))
        }
    }
}
// snippet end
