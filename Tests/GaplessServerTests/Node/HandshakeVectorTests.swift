import Foundation
import GaplessCore
import GaplessServer
import GaplessTesting
import GaplessWebSocket
import NIOHTTP1
import Testing

/// One vector of `Tools/conformance/vectors/handshake.json`: an HTTP request, and what the server answers.
struct HandshakeVector: Decodable, Sendable, CustomTestStringConvertible {
    struct Settings: Decodable, Sendable {
        var authentication: String?
        var origins: [String]?
    }

    struct Request: Decodable, Sendable {
        var method: String?
        var path: String?
        /// In place of the fields that a right request has; null leaves a field out.
        var headers: [String: String?]?
    }

    var name: String
    var rules: [String]
    var section: String
    var settings: Settings?
    /// `client`: the request is what a client writes for a URL; else it is sent to a server.
    var direction: String?
    var url: String?
    var refused: Bool?
    var request: Request?
    var status: Int?
    var answer: [String: String?]?
    /// Said after the upgrade: a `HELLO` for `alice/phone` with this token, or with none when it is empty.
    var token: String?
    /// What the `HELLO` gets: `WELCOME`, or a code.
    var gets: String?

    var testDescription: String { self.name }

    private static let fields: Set<String> = [
        "name", "rules", "section", "settings", "direction", "url", "refused", "request", "status", "answer", "token", "gets",
    ]

    static let all: [HandshakeVector] = (try? load()) ?? []

    private static func load() throws -> [HandshakeVector] {
        struct File: Decodable { var vectors: [HandshakeVector] }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "Tools/conformance/vectors/handshake.json"))
        let raw = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        for case let vector as [String: Any] in raw?["vectors"] as? [Any] ?? [] {
            guard vector.keys.allSatisfy({ Self.fields.contains($0) }) else { throw Unread() }
        }
        return try JSONDecoder().decode(File.self, from: data).vectors
    }

    struct Unread: Error {}

    // MARK: Playing

    /// What happened when it was played.
    struct Outcome: Sendable {
        var status: Int?
        var headers: [String: String] = [:]
        var gets: String?
        var refused = false
    }

    func play() async throws -> Outcome {
        if self.direction == "client" { return self.write() }
        var configuration = TestServer.configuration
        if let origins = self.settings?.origins { configuration.origins = .allowing(origins) }
        return try await TestServer.run(authenticator: try self.authenticator(), configuration: configuration) { server in
            let host = "127.0.0.1:\(server.addresses.listen.port)"
            var outcome = Outcome()
            let headers = self.headers(host)
            if self.gets == nil {
                let answer = try await RawHTTP.head(
                    self.request?.method ?? "GET",
                    self.request?.path ?? "/gapless",
                    port: server.addresses.listen.port,
                    headers: headers
                )
                outcome.status = answer.status
                outcome.headers = answer.headers
                return outcome
            }
            var more = HTTPHeaders()
            for (name, value) in self.request?.headers ?? [:] {
                if let value { more.add(name: name, value: value.replacing("$HOST", with: host)) }
            }
            let query = (self.request?.path ?? "").drop { $0 != "?" }
            let client = try await RawClient.connect(server.url + query, headers: more)
            client.send(Greeting(token: self.token == "" ? nil : self.token).text)
            outcome.status = 101
            switch try await client.next() {
            case .text(let frame) where frame.hasPrefix("WELCOME "): outcome.gets = "WELCOME"
            case .text(let frame): outcome.gets = frame.firstMatch(of: /"code":([0-9]+)/).map { String($0.1) } ?? frame
            case .binary, .closed: outcome.gets = "nothing"
            }
            return outcome
        }
    }

    private func headers(_ host: String) -> [String: String] {
        var fields: [String: String?] = [
            "Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "gapless.v1",
        ]
        fields.merge(self.request?.headers ?? [:]) { $1 }
        return fields.compactMapValues { $0?.replacing("$HOST", with: host) }
    }

    private func authenticator() throws -> Authentication {
        let alice = try #require(UserID("alice"))
        switch self.settings?.authentication {
        case "names": return .anonymous
        case "tokens":
            return .custom { credentials in
                guard credentials.bearer == "good" else { throw AuthenticationError(.refused, "No.") }
                return Identity(user: alice)
            }
        case "cookie":
            return .custom { credentials in
                guard credentials.cookie(named: "session") == "good" else { throw AuthenticationError(.refused, "No.") }
                return Identity(user: alice)
            }
        default: return .none
        }
    }

    /// The request that a client of this package writes for the URL.
    private func write() -> Outcome {
        var random = SystemRandomNumberGenerator()
        var outcome = Outcome()
        guard let endpoint = try? WebSocketEndpoint(url: self.url ?? ""),
            let handshake = try? ClientHandshake(endpoint: endpoint, using: &random)
        else {
            outcome.refused = true
            return outcome
        }
        outcome.headers = ["": "\(handshake.request.method.rawValue) \(handshake.request.uri)"]
        for (name, value) in handshake.request.headers { outcome.headers[name.lowercased()] = value }
        return outcome
    }

    /// What does not fit; nil when everything does.
    func problem(with outcome: Outcome) -> String? {
        if (self.refused ?? false) != outcome.refused { return "refused: \(outcome.refused)" }
        if let status = self.status, status != outcome.status { return "status \(outcome.status ?? 0)" }
        if let gets = self.gets, gets != outcome.gets { return "gets \(outcome.gets ?? "nothing")" }
        for (name, value) in self.answer ?? [:] where outcome.headers[name.lowercased()] != value {
            return "\(name): \(outcome.headers[name.lowercased()] ?? "missing")"
        }
        guard self.status != nil || self.gets != nil || self.refused != nil || self.answer?.isEmpty == false else {
            return "expects nothing"
        }
        return nil
    }

    /// Every vector that expects something else in one place.
    var variants: [HandshakeVector] {
        var variants: [HandshakeVector] = []
        func add(_ change: (inout HandshakeVector) -> Void) {
            var variant = self
            change(&variant)
            variants.append(variant)
        }
        if let status = self.status { add { $0.status = status + 1 } }
        if let gets = self.gets { add { $0.gets = gets + "x" } }
        if let refused = self.refused { add { $0.refused = !refused } }
        for (name, value) in (self.answer ?? [:]).sorted(by: { $0.key < $1.key }) { add { $0.answer?[name] = (value ?? "") + "x" } }
        return variants
    }
}

@Suite("Vectors of the handshake", .serialized, .timeLimit(.minutes(10)))
struct HandshakeVectorTests {
    @Test("the server answers, and the client asks, as the vectors say; every expectation bites", arguments: HandshakeVector.all)
    func handshake(vector: HandshakeVector) async throws {
        let outcome = try await vector.play()
        let problem = vector.problem(with: outcome)
        #expect(problem == nil)
        #expect(!vector.variants.isEmpty)
        for variant in vector.variants { #expect(variant.problem(with: outcome) != nil, "\(variant)") }
    }

    @Test("there are vectors")
    func there() {
        #expect(HandshakeVector.all.count > 20)
    }
}
