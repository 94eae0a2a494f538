import Crypto
import Foundation
import GaplessCore
import GaplessServer
import GaplessTesting
import JWTKit
import NIOHTTP1
import Testing

/// Who may attach, who is displaced, and how a session ends.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AttachingTests {
    // MARK: Takeover

    @Test func aNewerConnectionSupersedesTheOlder() async throws {
        try await TestServer.run { server in
            let (first, welcome) = try await RawClient.attach(server.url)
            let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
            let (second, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.generation == 2)
            try await first.expectEnd(4500)  // [R5.3-5]
            try await server.server.send("x", to: "alice/phone")
            try await second.expectMessage(1, "x")
            // [R5.3-2]: what was sent before, and comes late.
            let late = try await RawClient.connect(server.url)
            late.send(again.text)
            try await late.expectEnd(4500)
        }
    }

    @Test func anotherInstanceTakesOverAlsoOnAnotherNode() async throws {
        let store = try TemporaryStore()
        try await TestServer.run(store: store.configuration) { first in
            try await TestServer.run(store: store.configuration) { second in
                let (old, welcome) = try await RawClient.attach(first.url)
                let (new, _) = try await RawClient.attach(second.url, Greeting(instance: "i2"))
                try await old.expectEnd(4501)
                // [R5.3-3], [R5.3-4]: the old one comes back with what it held, and then with force.
                let rival = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
                let refused = try await RawClient.connect(first.url)
                refused.send(rival.text)
                try await refused.expectEnd(4501)
                var forced = rival
                forced.attempt = 3
                forced.force = true
                _ = try await RawClient.attach(first.url, forced)
                try await new.expectEnd(4501)
            }
        }
    }

    // MARK: New clients

    @Test func anAddressCreatesQueuesOnlySoFast() async throws {
        // [R5.1-5]
        var configuration = TestServer.configuration
        configuration.creationPace = CreationLimit.Pace(interval: .seconds(36_000), burst: 2)
        try await TestServer.run(configuration: configuration) { server in
            let (first, welcome) = try await RawClient.attach(server.url)
            let (_, other) = try await RawClient.attach(server.url, Greeting(client: "bob"))
            #expect(welcome.resume == "new" && other.resume == "new")
            let refused = try await RawClient.connect(server.url)
            refused.send(Greeting(client: "carol").text)
            let error = try await refused.expect("ERROR {\"code\":4101,")
            #expect(error.contains("\"retryAfter\":2000"))
            try await refused.expectClose(4_101)
            let carol = try #require(ClientID("carol"))
            #expect(try await server.server.queue(of: carol) == nil)
            // Whose queue exists is welcome: made by a send, or attached before.
            try await server.server.send("for you", to: .client(carol))
            let (third, _) = try await RawClient.attach(server.url, Greeting(client: "carol", attempt: 2))
            try await third.expectMessage(1, "for you")
            let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
            let (_, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.resume == "resumed")
            try await first.expectEnd(4500)
        }
    }

    @Test func whatAProxySaysAboutItsClientDoesNotCount() async throws {
        // [R5.1-5]
        var configuration = TestServer.configuration
        configuration.creationPace = CreationLimit.Pace(interval: .seconds(36_000), burst: 1)
        try await TestServer.run(authenticator: .anonymous, configuration: configuration) { server in
            let headers: (String) -> HTTPHeaders = { ["X-Forwarded-For": $0, "Forwarded": "for=\($0)"] }
            let first = try await RawClient.connect(server.url, headers: headers("192.0.2.1"))
            first.send(Greeting(client: nil).text)
            try await first.expect("WELCOME ")
            let second = try await RawClient.connect(server.url, headers: headers("192.0.2.2"))
            second.send(Greeting(client: nil).text)
            try await second.expectEnd(4101)
        }
    }

    // MARK: Leaving

    @Test func byeRemovesTheQueueAndACloseDoesNot() async throws {
        try await TestServer.run { server in
            let id = try #require(ClientID("alice/phone"))
            let (first, welcome) = try await RawClient.attach(server.url)
            try await server.server.send("kept", to: .client(id))
            try await first.expectMessage(1, "kept")
            first.close()
            try await first.expectClose(1_000)
            let (second, answer) = try await RawClient.attach(
                server.url,
                Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
            )
            #expect(answer.resume == "resumed")  // [R3.7-7]
            try await second.expectMessage(1, "kept")
            second.send("BYE")
            try await second.expectEnd(4502)  // [R10.3-1], [R10.3-2]
            let gone = try await server.server.queue(of: id)
            #expect(gone == nil)
            let (_, anew) = try await RawClient.attach(server.url, Greeting(attempt: 3, epoch: welcome.epoch, handled: 1, held: 2))
            #expect(anew.resume == "reset" && anew.reason == "unknown" && anew.epoch != welcome.epoch)  // [R5.2-3], [R5.3-9]
        }
    }

    // MARK: Authentication

    private let tokens =
        #"{"tokens":[{"token":"alice's own token","user":"alice"},{"token":"for one device only","user":"bob","device":"tv"}]}"#

    private func answer(_ server: TestServer, _ greeting: Greeting, headers: HTTPHeaders = [:]) async throws -> String {
        let client = try await RawClient.connect(server.url, headers: headers)
        client.send(greeting.text)
        guard case .text(let frame) = try await client.next() else { return "" }
        return String(frame.prefix(18))
    }

    @Test func aTokenIsGoodForItsUserAndDevice() async throws {
        let file = try TemporaryFile(self.tokens)
        try await TestServer.run(authenticator: .tokens(file: file.path)) { server in
            let cases: [(String, String?, String)] = [
                ("alice/phone", "alice's own token", "WELCOME {\"client\":"),
                ("alice", "alice's own token", "WELCOME {\"client\":"),
                ("bob/tv", "for one device only", "WELCOME {\"client\":"),
                ("bob/phone", "for one device only", "ERROR {\"code\":4450"),  // [R9.1-3]
                ("bob", "for one device only", "ERROR {\"code\":4450"),
                ("carol", "alice's own token", "ERROR {\"code\":4451"),  // [R9.1-2]
                ("alice/phone", "alice's old token", "ERROR {\"code\":4302"),  // [R9.1-4]
                ("alice/phone", nil, "ERROR {\"code\":4302"),
            ]
            for (client, token, expected) in cases {
                let answer = try await self.answer(server, Greeting(client: client, instance: "i\(client.count)", attempt: 1, token: token))
                #expect(answer.hasPrefix(expected) || expected.hasPrefix(answer), "\(client) \(token ?? "-"): \(answer)")
            }
            let header = try await self.answer(
                server,
                Greeting(client: "alice/header"),
                headers: ["Authorization": "Bearer alice's own token"]
            )
            #expect(header.hasPrefix("WELCOME"))
            let nobody = try await self.answer(server, Greeting(client: nil, token: "alice's own token"))
            #expect(nobody.hasPrefix("ERROR {\"code\":4400"))  // [R9.1-5]
        }
    }

    @Test func aCookieCountsOnlyWithAnAllowedOrigin() async throws {
        // [R9.1-6]
        let alice = try #require(UserID("alice"))
        let authentication = Authentication.custom { credentials in
            guard credentials.cookie(named: "session") == "s3cret" else { throw AuthenticationError(.refused, "No session.") }
            return Identity(user: alice)
        }
        try await TestServer.run(authenticator: authentication) { server in
            let cookie = "theme=dark; session=s3cret"
            let own = "http://127.0.0.1:\(server.addresses.listen.port)"
            let withOrigin = try await self.answer(server, Greeting(), headers: ["Cookie": cookie, "Origin": own])
            #expect(withOrigin.hasPrefix("WELCOME"))
            let withoutOrigin = try await self.answer(server, Greeting(client: "alice/other"), headers: ["Cookie": cookie])
            #expect(withoutOrigin.hasPrefix("ERROR {\"code\":4302"))
        }
    }

    @Test func anAuthenticatorThatFailsIsNoRefusal() async throws {
        struct Outage: Error {}
        let failing = Authentication.custom { _ in throw Outage() }
        try await TestServer.run(authenticator: failing) { server in
            let answer = try await self.answer(server, Greeting(token: "x"))
            #expect(answer.hasPrefix("ERROR {\"code\":4103"))
        }
    }

    @Test func tokensExpireInBand() async throws {
        // [R9.3-1], [R9.3-3], [R9.3-4]
        let time = ManualTime()
        let alice = try #require(UserID("alice"))
        let start = time.wallClock
        let authentication = Authentication.custom { credentials in
            switch credentials.bearer {
            case "short": return Identity(user: alice, expires: start + .seconds(1))
            case "long": return Identity(user: alice, expires: start + .seconds(3_600))
            case "past": throw AuthenticationError(.expired, "The token has expired.")
            default: throw AuthenticationError(.refused, "No token.")
            }
        }
        try await TestServer.run(time: time, authenticator: authentication) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(token: "short"))
            await time.advance(by: .seconds(1))
            try await client.expect(#"AUTH {"within":25000}"#)
            client.send(#"AUTH {"token":"long"}"#)
            try await client.expect(#"AUTH {"ok":true}"#)
            client.send(#"AUTH {"token":"past"}"#)
            try await client.expectEnd(4300)
            let expired = try await self.answer(server, Greeting(attempt: 2, token: "past"))
            #expect(expired.hasPrefix("ERROR {\"code\":4300"))
        }
    }

    @Test func aUserWithASlashInItsTokenIsRefused() async throws {
        let secret = Array("an HMAC secret of thirty-two bytes!".utf8)
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        var claims = JSONWebTokenTests.Claims(sub: "alice/phone")
        claims.exp = Date().timeIntervalSince1970 + 86_400
        let token = try await keys.sign(claims)
        claims.sub = "alice"
        let good = try await keys.sign(claims)
        let authentication = try Authentication.jwt([.hs256(secret: secret)], audience: "chat", issuer: "https://id.example.com")
        try await TestServer.run(authenticator: authentication) { server in
            let refused = try await self.answer(server, Greeting(token: token))
            #expect(refused.hasPrefix("ERROR {\"code\":4302"))
            let welcome = try await self.answer(server, Greeting(token: good))
            #expect(welcome.hasPrefix("WELCOME"))
        }
    }

    @Test func theServerNamesClientsAndKnowsThemAgain() async throws {
        let store = try TemporaryStore()
        try await TestServer.run(store: store.configuration, authenticator: .anonymous) { first in
            let (_, welcome) = try await RawClient.attach(first.url, Greeting(client: nil))
            let token = try #require(welcome.token)  // [R9.2-1]
            try await TestServer.run(store: store.configuration, authenticator: .anonymous) { second in
                let again = Greeting(client: welcome.client, attempt: 2, epoch: welcome.epoch, handled: 0, held: 1, token: token)
                let (_, answer) = try await RawClient.attach(second.url, again)
                #expect(answer.resume == "resumed" && answer.token != nil)
                // [R9.2-3]
                for (client, token) in [(welcome.client, nil), (welcome.client, "1.k1.0.AAAA"), ("alice", token)] as [(String, String?)] {
                    let thief = try await RawClient.connect(second.url)
                    thief.send(Greeting(client: client, instance: "i9", token: token).text)
                    let error = try await thief.expect("ERROR {\"code\":4200")
                    #expect(error.contains("\"forget\":true"))
                }
            }
        }
    }
}
