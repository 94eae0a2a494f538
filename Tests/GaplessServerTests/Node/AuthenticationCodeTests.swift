import GaplessCore
import GaplessServer
import GaplessTesting
import NIOHTTP1
import Testing

/// What a client is told about its proof, and how it is asked for a new one.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AuthenticationCodeTests {
    private static let alice: UserID? = UserID("alice")

    @Test(arguments: [
        (AuthenticationError.Code.refused, UInt16(4302)), (.expired, 4300), (.forbidden, 4450), (.unknownClient, 4200),
        (.unavailable, 4103),
    ])
    func eachRefusalHasItsCode(_ code: AuthenticationError.Code, _ closeCode: UInt16) async throws {
        // [R9.1-4]
        let authentication = Authentication.custom { _ in throw AuthenticationError(code, "Said the test.") }
        try await TestServer.run(authenticator: authentication) { server in
            let client = try await RawClient.connect(server.url)
            client.send(Greeting(token: "t").text)
            let error = try await client.expect("ERROR {\"code\":\(closeCode),")
            // Only a client that the server named has something to forget.
            #expect(error.contains(#""forget":true"#) == (code == .unknownClient))
            if code != .unknownClient { #expect(error.contains(#""message":"Said the test.""#)) }
            try await client.expectClose(closeCode)
            #expect(try await server.server.queue(of: .test("alice/phone")) == nil)
        }
    }

    @Test func anIdentityIsGoodForItsOwnClientsOnly() async throws {
        // [R9.1-2], [R9.1-3]
        let alice = try #require(Self.alice)
        let authentication = Authentication.custom { credentials in
            switch credentials.bearer {
            case "any": Identity(user: alice)
            case "phone": Identity(user: alice, device: .exactly(UserID("phone")))
            case "none": Identity(user: alice, device: .exactly(nil))
            default: throw AuthenticationError(.refused, "No token.")
            }
        }
        let cases: [(String, String, UInt16?)] = [
            ("any", "alice", nil), ("any", "alice/phone", nil), ("any", "bob", 4451), ("any", "alice2", 4451), ("any", "Alice", 4451),
            ("phone", "alice/phone", nil), ("phone", "alice/tv", 4450), ("phone", "alice", 4450), ("phone", "bob/phone", 4451),
            ("none", "alice", nil), ("none", "alice/phone", 4450),
        ]
        try await TestServer.run(authenticator: authentication) { server in
            for (number, (token, name, code)) in cases.enumerated() {
                let client = try await RawClient.connect(server.url)
                client.send(Greeting(client: name, instance: "i\(number)", token: token).text)
                if let code { try await client.expectEnd(code) } else { try await client.expect("WELCOME ") }
            }
        }
    }

    @Test func theAuthenticatorSeesWhatTheClientShowed() async throws {
        let seen = Mailbox<Credentials>()
        let alice = try #require(Self.alice)
        let authentication = Authentication.custom { credentials in
            seen.put(credentials)
            return Identity(user: alice)
        }
        try await TestServer.run(authenticator: authentication) { server in
            let client = try await RawClient.connect(server.url, headers: ["Authorization": "Basic x", "X-Forwarded-For": "192.0.2.1"])
            client.send(Greeting(token: "of the hello").text)
            try await client.expect("WELCOME ")
            let hello = try await seen.next()
            #expect(hello.token == "of the hello" && hello.authorization == "Basic x" && hello.client == ClientID("alice/phone"))
            #expect(hello.remoteAddress == "127.0.0.1" && hello.isForwarded && hello.cookie == nil)
            client.send(#"AUTH {"token":"of the auth"}"#)
            try await client.expect(#"AUTH {"ok":true}"#)
            let again = try await seen.next()
            #expect(again.token == "of the auth" && again.authorization == "Basic x" && again.client == ClientID("alice/phone"))
        }
    }
}

/// `AUTH`: a proof that ends while the connection lives.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ReauthenticationTests {
    /// Knows `short` for a second, `long` for an hour, `bob`; holds `hold` for ever.
    private func authentication(_ time: ManualTime) throws -> Authentication {
        let (alice, bob) = (try #require(UserID("alice")), try #require(UserID("bob")))
        let start = time.wallClock
        return .custom { credentials in
            switch credentials.bearer {
            case "short": return Identity(user: alice, expires: start + .seconds(1))
            case "long": return Identity(user: alice, expires: start + .seconds(3_600))
            case "endless": return Identity(user: alice)
            case "bob": return Identity(user: bob)
            case "phone": return Identity(user: alice, device: .exactly(UserID("tv")))
            case "hold":
                try await untilCancelled()
                throw AuthenticationError(.refused, "Too late.")
            default: throw AuthenticationError(.refused, "No token.")
            }
        }
    }

    private func run(_ test: @Sendable (TestServer, ManualTime) async throws -> Void) async throws {
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.authenticationGrace = .seconds(2)
        configuration.moveTime = .milliseconds(100)
        try await TestServer.run(time: time, authenticator: self.authentication(time), configuration: configuration) { server in
            try await test(server, time)
        }
    }

    @Test func whoDoesNotAnswerIsSentForANewToken() async throws {
        // [R9.3-1], [R9.3-4]
        try await self.run { server, time in
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "short"))
            await time.advance(by: .seconds(1))
            try await client.expect(#"AUTH {"within":2000}"#)
            await time.advance(by: .seconds(2))
            try await client.expectEnd(4301)
        }
    }

    @Test func aNewTokenIsGoodUntilItEnds() async throws {
        // [R9.3-3]
        try await self.run { server, time in
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "short"))
            await time.advance(by: .seconds(1))
            try await client.expect("AUTH {\"within\"")
            client.send(#"AUTH {"token":"endless"}"#)
            try await client.expect(#"AUTH {"ok":true}"#)
            await time.advance(by: .seconds(5))
            client.send("PING 1")
            try await client.expect("PONG 1")
        }
    }

    @Test func messagesFlowWhileATokenIsAskedFor() async throws {
        try await self.run { server, time in
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "short"))
            await time.advance(by: .seconds(1))
            try await client.expect("AUTH {\"within\"")
            try await server.server.send("meanwhile", to: "alice/phone")
            try await client.expectMessage(1, "meanwhile")
        }
    }

    @Test(arguments: [("bob", UInt16(4451)), ("phone", 4450), ("nobody's", 4302)])
    func aTokenThatIsNotGoodEndsTheConnection(_ token: String, _ code: UInt16) async throws {
        // [R9.3-5]
        try await self.run { server, _ in
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "long"))
            client.send("AUTH {\"token\":\"\(token)\"}")
            try await client.expectEnd(code)
            // The queue is as it was.
            #expect(try await server.server.queue(of: .test("alice/phone")) != nil)
        }
    }

    @Test func oneTokenIsCheckedAtATime() async throws {
        // [R9.3-6]
        try await self.run { server, _ in
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "long"))
            client.send(#"AUTH {"token":"hold"}"#)
            client.send(#"AUTH {"token":"long"}"#)
            try await client.expectEnd(4401)
        }
    }

    @Test func anAuthenticatorThatNeverAnswersIsNotWaitedFor() async throws {
        try await self.run { server, time in
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "long"))
            client.send(#"AUTH {"token":"hold"}"#)
            client.send("PING 1")
            try await client.expect("PONG 1")
            await time.advance(by: .seconds(20))
            try await client.expectEnd(4103)
            try await server.commitsBehindItsHeartbeat()  // So that the store is not taken for lost.
            let late = try await RawClient.connect(server.url)
            late.send(Greeting(client: "alice/tv", token: "hold").text)
            late.send("PING 2")
            try await late.expect("PONG 2")
            await time.advance(by: .seconds(20))
            try await late.expectEnd(4100)
        }
    }
}

/// Authentications whose connections are gone.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AbandonedAuthenticationTests {
    /// An authenticator that answers `hold` only when it is let go, cancelled or not.
    private struct Holding {
        let begun = Mailbox<Void>()
        let cancelled = Mailbox<Void>()
        /// One for each that is held, by its device.
        let released = ["phone": Mailbox<Void>(), "tv": Mailbox<Void>()]

        func authentication() throws -> Authentication {
            let alice = try #require(UserID("alice"))
            return .custom { [self] credentials in
                if credentials.bearer == "hold" {
                    self.begun.put(())
                    try await withTaskCancellationHandler {
                        try await self.released[credentials.client?.device?.description ?? ""]?.next()
                    } onCancel: {
                        self.cancelled.put(())
                    }
                }
                return Identity(user: alice)
            }
        }
    }

    /// Shows a proof that is held, and leaves before it is judged.
    private func leave(_ server: TestServer, _ holding: Holding, device: String = "phone") async throws {
        let client = try await RawClient.connect(server.url)
        client.send(Greeting(client: "alice/\(device)", token: "hold").text)
        try await holding.begun.next()
        client.close()
        try await client.expectClose(1_000)
        try await holding.cancelled.next()
    }

    @Test func anAuthenticationIsCancelledWhenItsConnectionCloses() async throws {
        let holding = Holding()
        try await TestServer.run(authenticator: holding.authentication()) { server in
            try await self.leave(server, holding)
            holding.released["phone"]?.put(())
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "hold at once"))
            // So is one that a client began that was attached already.
            client.send(#"AUTH {"token":"hold"}"#)
            try await holding.begun.next()
            client.cut()
            try await holding.cancelled.next()
            holding.released["phone"]?.put(())
        }
    }

    @Test func thoseThatIgnoreThatTheyWereCancelledAreBounded() async throws {
        // Otherwise each client that comes and goes leaves one behind, for as long as the authenticator likes.
        let holding = Holding()
        var configuration = TestServer.configuration
        configuration.maxConnections = 2
        try await TestServer.run(authenticator: holding.authentication(), configuration: configuration) { server in
            try await self.leave(server, holding)
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "good"))
            client.close()
            try await client.expectClose(1_000)
            try await self.leave(server, holding, device: "tv")
            let refused = try await RawClient.connect(server.url)
            refused.send(Greeting(token: "good").text)
            let error = try await refused.expect("ERROR {\"code\":4100,")
            #expect(error.contains("proofs") && error.contains("retryAfter"))
            try await refused.expectClose(4_100)
            for mailbox in holding.released.values { mailbox.put(()) }
            // Both end soon.
            while true {
                let late = try await RawClient.connect(server.url)
                late.send(Greeting(attempt: 2, token: "good").text)
                let answer = try await late.expect("")
                if answer.hasPrefix("WELCOME ") { break }
                try await late.expectClose(4_100)
            }
        }
    }
}
