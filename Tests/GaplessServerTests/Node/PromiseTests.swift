import GaplessCore
import GaplessServer
import GaplessStore
import GaplessTesting
import NIOHTTP1
import Testing

/// What is promised of every message, and of every secret.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PromiseTests {
    @Test func nothingIsSentBeforeItIsCommitted() async throws {
        // [R4.3-1]
        let store = HoldingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(store)) { server in
            let (client, _) = try await RawClient.attach(server.url)
            try await server.server.send("1", to: "alice/phone")
            try await client.expectMessage(1, "1")
            client.send("ACK 1")
            store.hold()
            async let receipt = server.server.send("2", to: "alice/phone")
            try await store.held()
            // The commit is under way and not done: the connection answers, and brings no message.
            client.send("PING 1")
            try await client.expect("PONG 1")
            #expect(store.isHolding)
            store.release()
            #expect(try await receipt.sequence == SequenceNumber(2))
            try await client.expectMessage(2, "2")
        }
    }

    @Test func noSecretIsLogged() async throws {
        // [R14-1]
        let log = CapturedLog()
        let alice = try #require(UserID("alice"))
        let authentication = Authentication.custom { credentials in
            struct Outage: Error { let token: String? }
            guard credentials.bearer != "secret-outage" else { throw Outage(token: credentials.bearer) }
            guard credentials.bearer?.hasPrefix("secret-") == true else { throw AuthenticationError(.refused, "No.") }
            return Identity(user: alice)
        }
        try await TestServer.run(
            authenticator: authentication,
            logger: log.logger,
            prepare: { server in
                server.onMessage { message, _ in
                    struct Failure: Error { let text: String }
                    if message.sequence == SequenceNumber(2) { throw Failure(text: message.text ?? "") }
                }
                server.onFailure { _, _ in .close }
            }
        ) { server in
            let own = "http://127.0.0.1:\(server.addresses.listen.port)"
            let headers: HTTPHeaders = ["Authorization": "Bearer secret-header", "Cookie": "session=secret-cookie", "Origin": own]
            let client = try await RawClient.connect(server.url + "?token=secret-url", headers: headers)
            client.send(Greeting(outbox: "o1", token: "secret-hello").text)
            try await client.expect("WELCOME ")
            client.send(#"AUTH {"token":"secret-auth"}"#)
            try await client.expect(#"AUTH {"ok":true}"#)
            try await server.server.send("secret-down", to: "alice/phone")
            try await client.expectMessage(1, "secret-down")
            client.send("MSG 1 secret-up")
            try await client.expect("ACK 1")
            client.send("MSG 2 secret-up")
            try await client.expectEnd(4103)
            let refused = try await RawClient.connect(server.url)
            refused.send(Greeting(attempt: 2, token: "not-secret-enough").text)
            try await refused.expectEnd(4302)
            let malformed = try await RawClient.connect(server.url)
            malformed.send("HELLO {\"token\":\"secret-malformed\"")
            try await malformed.expectEnd(4400)
            let field = try await RawClient.connect(server.url)
            field.send(#"HELLO {"client":"alice/phone","instance":"secret instance","attempt":3,"secret":true}"#)
            try await field.expectEnd(4400)
            let failing = try await RawClient.connect(server.url)
            failing.send(Greeting(attempt: 3, token: "secret-outage").text)
            try await failing.expectEnd(4103)
            let admin = try #require(server.addresses.admin).port
            for body in [#"{"to":"alice/phone","text":"secret-admin"}"#, #"{"to":"alice/phone","text":"secret-broken"#] {
                let json = ["Content-Type": "application/json", "Authorization": "Bearer secret-key"]
                _ = try await RawHTTP.call("POST", "/v1/messages", port: admin, headers: json, body: body)
            }
        }
        #expect(log.text.contains("alice/phone"))
        #expect(!log.text.contains("secret"), "\(log.text)")
    }

    @Test func whoseSocketTakesNothingIsSentAway() async throws {
        // [R8-6]
        let time = ManualTime()
        let events = Mailbox<String>()
        var configuration = TestServer.configuration
        configuration.slowConsumerTime = .seconds(2)
        configuration.maxMessageBytes = 1_048_576
        configuration.downlinkWindow = Window(messages: 256, bytes: 67_108_864)
        configuration.retention.maxBytes = 67_108_864
        try await TestServer.run(
            time: time,
            configuration: configuration,
            prepare: { server in
                server.onMessage { _, _ in events.put("handled") }
                server.onDetached { _ in events.put("detached") }
            }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.pauseReading()
            let large = String(repeating: "x", count: 1_048_576)
            for _ in 1...24 { try await server.server.send(large, to: "alice/phone") }
            // What it says is still heard, and does not help it: sooner or later its socket takes nothing for the whole time.
            var (event, number) = ("handled", 0)
            while event == "handled" {
                await time.advance(by: .seconds(2))
                number += 1
                client.send("MSG \(number) x")
                event = try await events.next()
            }
            #expect(event == "detached")
            client.resumeReading()
            // What was in the way comes first, then why it ended.
            var frame = ""
            while !frame.hasPrefix("ERROR") {
                guard case .text(let text) = try await client.next() else { break }
                frame = text
            }
            #expect(frame.hasPrefix("ERROR {\"code\":4104,"))
            try await client.expectClose(4104)
        }
    }
}
