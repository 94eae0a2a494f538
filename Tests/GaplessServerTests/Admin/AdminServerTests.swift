import GaplessCore
import GaplessServer
import GaplessStore
import GaplessTesting
import Testing

/// The HTTP API of a real server.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AdminServerTests {
    private static let json = ["Content-Type": "application/json"]
    private static let lines = ["Content-Type": "application/x-ndjson"]

    private func call(
        _ server: TestServer,
        _ method: String,
        _ path: String,
        _ headers: [String: String] = [:],
        _ body: String? = nil
    ) async throws -> RawHTTP.Answer {
        try await RawHTTP.call(method, path, port: server.addresses.admin?.port ?? 0, headers: headers, body: body)
    }

    private func post(_ server: TestServer, _ body: String, _ headers: [String: String] = [:]) async throws -> RawHTTP.Answer {
        try await self.call(server, "POST", "/v1/messages", Self.json.merging(headers) { $1 }, body)
    }

    @Test func aRefusalOfTheStoreHasItsStatus() async throws {
        var configuration = TestServer.configuration
        configuration.retention.maxMessages = 1
        configuration.retention.onOverflow = .rejectNew
        configuration.maxQueues = 2
        // Nobody attaches: a client of another test that looks for a server which has gone may come to this port, and its queue would count.
        let nobody = Authentication.custom { _ in throw AuthenticationError(.refused, "Nobody is let in.") }
        try await TestServer.run(authenticator: nobody, configuration: configuration) { server in
            let cases: [(String, Int, String?)] = [
                (#"{"to":"a","text":"x","id":"k"}"#, 200, nil), (#"{"to":"a","text":"x","id":"k"}"#, 200, nil),
                (#"{"to":"a","text":"y","id":"k"}"#, 409, "conflict"), (#"{"to":"a","text":"y"}"#, 429, "queueFull"),
                (#"{"to":"nobody","existingOnly":true,"text":"x"}"#, 404, "noSuchClient"),
                (#"{"to":"b","base64":"\#(String(repeating: "A", count: 87_384))"}"#, 413, "tooLarge"),
                (#"{"to":"b","text":"x","ttl":0}"#, 400, "invalid"), (#"{"to":[],"text":"x"}"#, 400, "invalid"),
                (#"{"to":"b","text":"x","id":""}"#, 400, "invalid"), (#"{"to":"b","text":"x"}"#, 200, nil),
                (#"{"to":"c","text":"x"}"#, 507, "full"), (#"{"user":"nobody","text":"x"}"#, 200, nil),
            ]
            for (body, status, code) in cases {
                let answer = try await self.post(server, body)
                #expect(answer.status == status, "\(body.prefix(60)): \(answer.body)")
                if let code { #expect(answer.body.hasPrefix(#"{"error":{"code":"\#(code)","#), "\(answer.body)") }
            }
        }
    }

    @Test func twoHostsAreNoValidRequest() async throws {
        // RFC 9112 §3.2
        try await TestServer.run { server in
            for host in ["127.0.0.1", "evil.example.com"] {
                let head = "GET /v1/nodes HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
                let answer = try await RawHTTP.exchange(head, port: server.addresses.admin?.port ?? 0)
                #expect(answer.status == 400)
            }
        }
    }

    @Test func aRepetitionIsToldAsSuch() async throws {
        try await TestServer.run { server in
            let first = try await self.post(server, #"{"to":"a","text":"x"}"#, ["Idempotency-Key": "order-17"])
            let again = try await self.post(server, #"{"to":"a","text":"x"}"#, ["Idempotency-Key": "order-17"])
            #expect(!first.body.contains("repeat") && again.body.contains(#""repeat":true"#))
            #expect(again.body.contains(#""sequence":1,"#))
            #expect(try await server.server.queue(of: .test("a"))?.depth == 1)
        }
    }

    @Test func aSequenceIsStoredOnce() async throws {
        try await TestServer.run { server in
            let body = (1...3).map { #"{"to":"a","text":"\#($0)"}"# }.joined(separator: "\n")
            let headers = Self.lines.merging(["Idempotency-Key": "batch"]) { $1 }
            for _ in 1...2 {
                let answer = try await self.call(server, "POST", "/v1/messages", headers, body)
                #expect(answer.status == 200)
                let lines = answer.body.split(separator: "\n")
                #expect(lines.count == 3 && lines[2].contains(#""sequence":3,"#))
            }
            #expect(try await server.server.queue(of: .test("a"))?.depth == 3)
            let other = try await self.call(server, "POST", "/v1/messages", headers, body + "\n" + #"{"to":"a","text":"4"}"#)
            #expect(other.status == 409)
        }
    }

    @Test func linesWithoutAKeyStandForThemselves() async throws {
        var configuration = TestServer.configuration
        configuration.retention.maxMessages = 1
        configuration.retention.onOverflow = .rejectNew
        try await TestServer.run(configuration: configuration) { server in
            let body = [
                #"{"to":"a","text":"1"}"#, #"{"to":"a","text":"2"}"#, "", "  ", "{", #"{"to":"b","text":"3"}"#, #"{"user":"a","text":"4"}"#,
            ]
            let answer = try await self.call(server, "POST", "/v1/messages", Self.lines, body.joined(separator: "\r\n") + "\r\n")
            let lines = answer.body.split(separator: "\n").map(String.init)
            #expect(lines.count == 5)
            #expect(lines[0].contains(#""sequence":1,"#))
            #expect(lines[1].hasPrefix(#"{"error":{"code":"queueFull""#))
            #expect(lines[2].hasPrefix(#"{"error":{"code":"invalid""#))
            #expect(lines[3].contains(#""client":"b","sequence":1,"#))
            // With a user a refusal is part of the receipt.
            #expect(lines[4].contains(#""clients":0"#) && lines[4].contains(#""error":"queueFull""#))
        }
    }

    @Test func nothingIsAnsweredWithNothing() async throws {
        try await TestServer.run { server in
            let empty = try await self.call(server, "POST", "/v1/messages", Self.lines, "")
            #expect(empty.status == 200 && empty.body.isEmpty)
            let sequence = try await self.call(server, "POST", "/v1/messages", Self.lines.merging(["Idempotency-Key": "k"]) { $1 }, "\n\n")
            #expect(sequence.status == 400)
        }
    }

    @Test func queuesAreShownWithTheirHistory() async throws {
        let detached = Mailbox<DetachedEvent>()
        try await TestServer.run(prepare: { $0.onDetached { detached.put($0) } }) { server in
            _ = try await self.post(server, #"{"to":"alice/phone","text":"four"}"#)
            let before = try await self.call(server, "GET", "/v1/clients/alice%2Fphone")
            #expect(before.body.contains(#""generation":0,"head":1,"acknowledged":0,"discarded":0,"depth":1,"bytes":4,"oldest":"#))
            #expect(!before.body.contains("attached") && !before.body.contains("lastAttached"))
            let (client, _) = try await RawClient.attach(server.url)
            let during = try await self.call(server, "GET", "/v1/clients/alice%2fphone")
            #expect(during.body.contains(#""attached":{"node":""#) && during.body.contains(#""instance":"i1"},"created":"#))
            client.close()
            _ = try await detached.next()
            let after = try await self.call(server, "GET", "/v1/clients/alice%2Fphone")
            #expect(!after.body.contains(#""attached":{"#) && after.body.contains(#""lastDetached":"#))
        }
    }

    @Test func aListGoesOnWhereItEnded() async throws {
        try await TestServer.run { server in
            for name in ["alice", "alice/a", "alice/b", "bob", "carol/x"] {
                _ = try await self.post(server, #"{"to":"\#(name)","text":""}"#)
            }
            var (names, after): ([String], String?) = ([], nil)
            repeat {
                let query = after.map { "&after=\($0.replacing("/", with: "%2F"))" } ?? ""
                let page = try await self.call(server, "GET", "/v1/clients?limit=2\(query)")
                names += page.body.split(separator: #"{"client":""#).dropFirst().map { String($0.prefix { $0 != "\"" }) }
                after = page.body.split(separator: #""next":""#).dropFirst().first.map { String($0.prefix { $0 != "\"" }) }
            } while after != nil
            #expect(names.sorted() == ["alice", "alice/a", "alice/b", "bob", "carol/x"])
            let own = try await self.call(server, "GET", "/v1/clients?user=alice&limit=1000")
            #expect(own.body.split(separator: #"{"client":""#).count == 4)
        }
    }

    @Test func anAddressIsOneEncodedSegment() async throws {
        try await TestServer.run { server in
            _ = try await self.post(server, #"{"to":"alice/phone","text":""}"#)
            let cases = [
                ("/v1/clients/alice%2Fphone", 200), ("/v1/clients/%61lice%2Fphone", 200), ("/v1/clients/alice/phone", 404),
                ("/v1/clients/alice%252Fphone", 404), ("/v1/clients/alice%2Fphone%00", 404),
                ("/v1/clients/alice%2F", 404), ("/v1/clients/alice%2Fphone%2Fx", 404), ("/v1/clients/%ff", 404), ("/v1/clients/%", 404),
                ("/v1/clients/..%2Falice", 404), ("/v2/clients/alice%2Fphone", 404), ("/v1/client/alice%2Fphone", 404),
            ]
            for (path, status) in cases {
                let answer = try await self.call(server, "GET", path)
                #expect(answer.status == status, "\(path)")
            }
        }
    }

    @Test func onlyTheMethodsThatAreToldAreThere() async throws {
        try await TestServer.run { server in
            let calls = [
                ("GET", "/v1/messages"), ("PUT", "/v1/messages"), ("DELETE", "/v1/clients"), ("PUT", "/v1/clients/alice"),
                ("POST", "/v1/clients"), ("PATCH", "/v1/clients/alice"), ("POST", "/v1/nodes"),
            ]
            for (method, path) in calls {
                let answer = try await self.call(server, method, path, Self.json, method == "GET" ? nil : "{}")
                #expect(answer.status == 404 || answer.status == 405, "\(method) \(path): \(answer.status)")
            }
        }
    }

    @Test func thePagesOfABrowserAreKeptOut() async throws {
        try await TestServer.run { server in
            let port = server.addresses.admin?.port ?? 0
            let body = #"{"to":"a","text":"x"}"#
            let cases: [([String: String], Int)] = [
                (["Content-Type": "text/plain"], 415), (["Content-Type": "application/x-www-form-urlencoded"], 415),
                (["Content-Type": "multipart/form-data; boundary=x"], 415), ([:], 415),
                (Self.json.merging(["Origin": "https://evil.example.com"]) { $1 }, 403),
                (Self.json.merging(["Origin": "null"]) { $1 }, 403),
                (Self.json.merging(["Sec-Fetch-Site": "cross-site"]) { $1 }, 403),
                (Self.json.merging(["Sec-Fetch-Site": "same-site"]) { $1 }, 403),
                (Self.json.merging(["Host": "evil.example.com:\(port)"]) { $1 }, 403),
                (Self.json.merging(["Origin": "http://127.0.0.1:\(port)", "Sec-Fetch-Site": "same-origin"]) { $1 }, 200),
                (Self.json.merging(["Host": "localhost:\(port)"]) { $1 }, 200), (["Content-Type": "application/json; charset=utf-8"], 200),
            ]
            for (headers, status) in cases {
                let answer = try await self.call(server, "POST", "/v1/messages", headers, body)
                #expect(answer.status == status, "\(headers)")
            }
            #expect(try await server.server.queue(of: .test("a"))?.depth == 3)
        }
    }

    @Test func aStoreThatFailsIs503() async throws {
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await TestServer.run(store: .only(fault)) { server in
            fault.fail(.from(1))
            let calls = [("GET", "/v1/clients"), ("GET", "/v1/clients/alice"), ("DELETE", "/v1/clients/alice")]
            for (method, path) in calls {
                let answer = try await self.call(server, method, path)
                #expect(answer.status == 503 && answer.body.hasPrefix(#"{"error":{"code":"unavailable","#), "\(method) \(path)")
            }
            let send = try await self.post(server, #"{"to":"a","text":"x"}"#)
            #expect(send.status == 503)
            fault.fail(.from(1), effect: .lost)
            let unknown = try await self.post(server, #"{"to":"a","text":"x","id":"k"}"#)
            #expect(unknown.status == 503 && unknown.body.contains(#""code":"unknown""#))
            fault.heal()
            let settled = try await self.post(server, #"{"to":"a","text":"x","id":"k"}"#)
            #expect(settled.status == 200)
        }
    }

    @Test func aRemovedQueueIsGoneForEverybody() async throws {
        try await TestServer.run { server in
            let (client, _) = try await RawClient.attach(server.url)
            let first = try await self.call(server, "DELETE", "/v1/clients/alice%2Fphone")
            #expect(first.status == 204 && first.body.isEmpty)
            try await client.expectEnd(4452)
            let second = try await self.call(server, "DELETE", "/v1/clients/alice%2Fphone")
            #expect(second.status == 404 && second.body.contains(#""code":"noSuchClient""#))
        }
    }
}
