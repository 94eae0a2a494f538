import GaplessCore
import GaplessServer
import GaplessTesting
import NIOHTTP1
import Testing

/// A service in another language that says who a client is.
@Suite(.serialized, .timeLimit(.minutes(10))) struct WebhookAuthenticationTests {
    private static func attach(_ greeting: Greeting, _ answer: TestBackend.Answer) async throws -> (frame: String, call: TestBackend.Call) {
        try await TestBackend.run({ _ in answer }) { backend in
            try await TestServer.run(authenticator: .webhook(backend.webhook)) { server in
                let client = try await RawClient.connect(server.url)
                client.send(greeting.text)
                let frame = try await client.expect("")
                return (frame, try await backend.calls.next())
            }
        }
    }

    private static let answers: [(TestBackend.Answer, String)] = [
        (.body(#"{"user":"alice"}"#), "WELCOME "), (.body(#"{"user":"alice","device":"phone"}"#), "WELCOME "),
        (TestBackend.Answer(status: 201, body: "{\"user\":\"alice\"}\n"), "WELCOME "),
        (.body(#"{"user":"alice","expires":9007199254740991}"#), "WELCOME "),
        // [R9.1-2], [R9.1-3], [R9.1-4]
        (.body(#"{"user":"bob"}"#), "ERROR {\"code\":4451,"), (.body(#"{"user":"alice","device":"tv"}"#), "ERROR {\"code\":4450,"),
        (.body(#"{"user":"alice","expires":1}"#), "ERROR {\"code\":4300,"),
        (.status(401), "ERROR {\"code\":4302,"), (.status(403), "ERROR {\"code\":4450,"),
        (TestBackend.Answer(status: 401, body: #"{"user":"alice"}"#), "ERROR {\"code\":4302,"),
        // The client comes back later.
        (.status(500), "ERROR {\"code\":4103,"), (.status(404), "ERROR {\"code\":4103,"), (.status(204), "ERROR {\"code\":4103,"),
        (TestBackend.Answer(status: 302, location: "/elsewhere"), "ERROR {\"code\":4103,"), (.body(""), "ERROR {\"code\":4103,"),
        (.body("alice"), "ERROR {\"code\":4103,"), (.body("{}"), "ERROR {\"code\":4103,"),
        (.body(#"{"user":"no/name"}"#), "ERROR {\"code\":4103,"),
        (.body(#"{"user":"alice","devices":"phone"}"#), "ERROR {\"code\":4103,"),
        (.body(#"{"user":"alice","device":""}"#), "ERROR {\"code\":4103,"),
        (.body(#"{"user":"alice","device":null}"#), "ERROR {\"code\":4103,"),
        (.body(#"{"user":"alice","expires":"soon"}"#), "ERROR {\"code\":4103,"),
        (.body(#"{"user":7}"#), "ERROR {\"code\":4103,"), (.body(String(repeating: " ", count: 1_048_577)), "ERROR {\"code\":4103,"),
    ]

    @Test(arguments: Self.answers.indices)
    func eachAnswerHasItsCode(_ index: Int) async throws {
        let (answer, prefix) = Self.answers[index]
        let (frame, call) = try await Self.attach(Greeting(token: "the token"), answer)
        #expect(frame.hasPrefix(prefix), "HTTP \(answer.status) \(answer.body.prefix(100))")
        #expect(call.kind == "authentication" && call.isSigned && call.key == nil)
        #expect(call.text == #"{"client":"alice/phone","token":"the token","remoteAddress":"127.0.0.1"}"#)
    }

    @Test func theServiceSeesWhatTheHandshakeShowed() async throws {
        try await TestBackend.run({ _ in .body(#"{"user":"alice"}"#) }) { backend in
            try await TestServer.run(authenticator: .webhook(backend.webhook)) { server in
                let headers: HTTPHeaders = [
                    "Authorization": "Bearer abc", "Cookie": "session=7", "Origin": "http://\(server.addresses.listen)",
                    "X-Forwarded-For": "10.0.0.1",
                ]
                let client = try await RawClient.connect(server.url, headers: headers)
                client.send(Greeting().text)
                try await client.expect("WELCOME ")
                let call = try await backend.calls.next()
                let seen = #""authorization":"Bearer abc","cookie":"session=7","remoteAddress":"127.0.0.1","forwarded":true"#
                #expect(call.text == #"{"client":"alice/phone",\#(seen)}"#)
            }
        }
    }

    @Test func aServiceThatIsNotThereOrHangsIsForLater() async throws {
        let gone = try await TestBackend.run({ _ in .ok }) { $0.webhook }
        try await TestServer.run(authenticator: .webhook(gone)) { server in
            let client = try await RawClient.connect(server.url)
            client.send(Greeting(token: "t").text)
            try await client.expectEnd(4103)
        }
        let time = ManualTime()
        try await TestBackend.run({ _ in
            try await untilCancelled()
            return .ok
        }) { backend in
            try await TestServer.run(time: time, authenticator: .webhook(backend.webhook)) { server in
                let client = try await RawClient.connect(server.url)
                client.send(Greeting(token: "t").text)
                _ = try await backend.calls.next()
                await time.advance(by: .seconds(10))
                try await client.expectEnd(4103)
            }
        }
    }

    @Test func aNewProofIsACallOfItsOwn() async throws {
        // [R9.3-3], [R9.3-4]
        try await TestBackend.run({ call in call.text.contains("good") ? .body(#"{"user":"alice"}"#) : .status(401) }) { backend in
            try await TestServer.run(authenticator: .webhook(backend.webhook)) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(token: "good 1"))
                client.send(#"AUTH {"token":"good 2"}"#)
                try await client.expect(#"AUTH {"ok":true}"#)
                client.send(#"AUTH {"token":"bad"}"#)
                try await client.expectEnd(4302)
                for token in ["good 1", "good 2", "bad"] { #expect(try await backend.calls.next().text.contains(#""token":"\#(token)""#)) }
            }
        }
    }

    @Test func noProofIsLogged() async throws {
        let log = CapturedLog()
        try await TestBackend.run({ _ in .status(500) }) { backend in
            try await TestServer.run(authenticator: .webhook(backend.webhook), logger: log.logger) { server in
                let client = try await RawClient.connect(server.url, headers: ["Authorization": "Bearer confidential"])
                client.send(Greeting(token: "confidential").text)
                try await client.expectEnd(4103)
            }
        }
        #expect(!log.text.contains("confidential") && log.text.contains("Webhook fails"))
    }
}
