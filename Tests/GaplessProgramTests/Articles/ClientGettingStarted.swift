// snippet: receiving
import GaplessClient
import Logging

func receive() async throws {
    var configuration = ClientConfiguration(endpoints: ["ws://127.0.0.1:8400/gapless"], client: "alice/phone")
    configuration.state = .file("alice.state")
    let client = try GaplessClient(configuration, logger: Logger(label: "example"))
    async let running: Void = client.run()
    for try await event in client.events {
        switch event {
        case .message(let message): print(message.sequence, message.text ?? "")
        case .gap(let gap): print("messages \(gap.range) are gone: \(gap.reason)")
        case .reset(let reason): print("the numbering is new (\(reason)); fetch the state anew")
        case .state(.online(let attachment)): print("online at node \(attachment.node)")
        case .state(.offline(let absence)): print("offline for \(absence.retryAfter): \(absence.cause)")
        default: break
        }
    }
    try await running
}
// snippet end

/// The other examples of the article.
struct ClientGettingStarted {
    func store(_ text: String) async throws {}

    struct Account {
        func freshToken() async throws -> String { "" }
    }

    // snippet: one call for both
    func handle(_ client: GaplessClient) async throws {
        try await client.run { event in
            guard case .message(let message) = event else { return }
            try await store(message.text ?? "")
        }
    }
    // snippet end

    // snippet: sending
    func talk(_ client: GaplessClient) async throws {
        try await client.send("Hello")  // returns when the server has handled it
        let ticket = try await client.enqueue(Payload(text: "Hello again"))  // returns when it is in the outbox
        try await ticket.confirmed()
    }
    // snippet end

    // snippet: who you are
    func signedIn(_ account: Account) -> ClientConfiguration {
        var configuration = ClientConfiguration(endpoints: ["wss://a.example.com/gapless", "wss://b.example.com/gapless"])
        configuration.client = "alice/phone"
        configuration.token = .provider { try await account.freshToken() }
        return configuration
    }
    // snippet end
}
