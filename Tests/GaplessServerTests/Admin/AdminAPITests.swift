import GaplessCore
import GaplessStore
import Hummingbird
import Logging
import NIOCore
import Synchronization
import Testing

@testable import GaplessServer

@Suite(.serialized) struct AdminAPITests {
    /// Runs the API on a free port for the time of a test.
    private func withAPI(
        _ backend: FakeBackend = FakeBackend(),
        maxBodyBytes: Int = 67_108_864,
        key: String? = nil,
        _ test: @Sendable (Int) async throws -> Void
    ) async throws {
        var configuration = AdminConfiguration(listen: ListenAddress(host: "127.0.0.1", port: 0), key: key)
        configuration.maxBodyBytes = maxBodyBytes
        let api = AdminAPI(backend: backend, configuration: configuration, maxMessageBytes: 65_536)
        let (ports, input) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let application = Application(
            router: api.makeRouter(),
            server: .http1(configuration: .init(additionalChannelHandlers: AdminListener.makeHandlers())),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in input.yield(channel.localAddress?.port ?? 0) },
            logger: logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            for await port in ports {
                try await test(port)
                break
            }
            group.cancelAll()
        }
    }

    private let json = ["Content-Type": "application/json"]
    private let lines = ["Content-Type": "application/x-ndjson"]

    /// The test is that the connection ends, though the client asks for no end.
    @Test func aConnectionEndsWithARequestThatEndsHTTP() async throws {
        try await self.withAPI { port in
            let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"
            let body = #"{"to":"a","text":"x"}"#
            for (request, status) in [
                ("GET /v1/clients HTTP/1.1\r\nHost: 127.0.0.1\r\n\(upgrade)\r\n", 200),
                (
                    "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n\(upgrade)Content-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)", 200
                ),
                ("CONNECT a:1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
            ] {
                let answer = try await RawHTTP.exchange(request, port: port)
                #expect(answer.status == status)
                #expect(answer.headers["connection"] == "close")
            }
        }
    }

    @Test func whoWaitsToBeAskedForTheBodyIsAsked() async throws {
        try await self.withAPI { port in
            let request = "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 20\r\n"
            let answer = try await RawHTTP.exchange(request + "Expect: 100-Continue\r\n\r\n", port: port, untilEnd: false)
            #expect(answer.status == 100)
        }
    }

    // MARK: One message

    @Test func aMessageIsSentAndItsReceiptIsTheAnswer() async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend) { port in
            let answer = try await RawHTTP.call(
                "POST",
                "/v1/messages",
                port: port,
                headers: self.json,
                body: #"{"to":"alice/phone","text":"hé\n","ttl":30000,"id":"order-17"}"#
            )
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            let epoch = FakeBackend.epoch
            #expect(
                answer.body
                    == #"{"time":1000,"clients":1,"deliveries":[{"client":"alice/phone","sequence":1,"epoch":"\#(epoch)"}]}"# + "\n"
            )
        }
        #expect(backend.sent == [OutgoingMessage("hé\n", to: "alice/phone", timeToLive: .seconds(30), id: "order-17")])
    }

    @Test func everyKindOfPayloadAndRecipientIsTaken() async throws {
        let backend = FakeBackend()
        let (a, b) = (try #require(ClientID("a")), try #require(ClientID("b/c")))
        try await self.withAPI(backend) { port in
            for body in [
                #"{"to":["a","b/c"],"text":""}"#, #"{"user":"alice","json":{"b":[1,2.50,"x"],"a":null}}"#, #"{"to":"a","base64":"AP8="}"#,
                #"{"to":"a","existingOnly":true,"text":"x"}"#,
            ] {
                let status = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: self.json, body: body).status
                #expect(status == 200)
            }
        }
        #expect(
            backend.sent == [
                OutgoingMessage("", to: .clients([a, b])), OutgoingMessage(#"{"b":[1,2.50,"x"],"a":null}"#, to: .user("alice")),
                OutgoingMessage([0x00, 0xff], to: "a"), OutgoingMessage("x", to: .existing([a])),
            ]
        )
    }

    @Test func aHeaderNamesTheIdempotencyKey() async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend) { port in
            let headers = self.json.merging(["Idempotency-Key": "k"]) { $1 }
            let agreeing = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: headers, body: #"{"to":"a","text":""}"#)
                .status
            #expect(agreeing == 200)
            let other = #"{"to":"a","text":"","id":"other"}"#
            let differing = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: headers, body: other).status
            #expect(differing == 400)
        }
        #expect(backend.sent.map(\.id) == ["k"])
    }

    @Test(arguments: [
        "", "{", "[]", #""x""#, "{}", #"{"to":"a"}"#, #"{"text":"x"}"#, #"{"to":"a","user":"a","text":"x"}"#,
        #"{"to":"a","text":"x","json":1}"#,
        #"{"to":"a/b/c","text":"x"}"#, #"{"to":"","text":"x"}"#, #"{"to":7,"text":"x"}"#, #"{"to":["a",7],"text":"x"}"#,
        #"{"user":"a/b","text":"x"}"#, #"{"to":"a","text":7}"#, #"{"to":"a","base64":"?"}"#, #"{"to":"a","base64":"===="}"#,
        #"{"to":"a","text":"x","ttl":"1s"}"#,
        #"{"to":"a","text":"x","ttl":1.5}"#, #"{"to":"a","text":"x","tll":1}"#, #"{"to":"a","text":"x","text":"y"}"#,
        #"{"to":"a","text":"\ud800"}"#, #"{"to":"a","text":"x"} {}"#, #"{"to":"a","text":null}"#,
    ])
    func whatIsNoMessageIsRefusedWith400(_ body: String) async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend) { port in
            let answer = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: self.json, body: body)
            #expect(answer.status == 400)
            #expect(answer.body.hasPrefix(#"{"error":{"code":"invalid","message":"#))
        }
        #expect(backend.sent.isEmpty)
    }

    @Test(arguments: [
        (SendError.Code.noSuchClient, 404), (.conflict, 409), (.tooLarge, 413), (.overloaded, 429), (.queueFull, 429), (.full, 507),
        (.unavailable, 503), (.unknown, 503), (.invalid, 400),
    ])
    func eachErrorHasItsStatusAndItsCode(_ code: SendError.Code, _ status: Int) async throws {
        try await self.withAPI(FakeBackend(failing: SendError(code, "No."))) { port in
            let answer = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: self.json, body: #"{"to":"a","text":"x"}"#)
            #expect(answer.status == status)
            #expect(answer.body == #"{"error":{"code":"\#(code)","message":"No."}}"# + "\n")
        }
    }

    // MARK: Many messages

    @Test func eachLineGetsItsLineInOrder() async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend) { port in
            let body = (1...2_500).map { #"{"to":"a","text":"\#($0)"}"# + "\n" }.joined()
            let answer = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: self.lines, body: body)
            #expect(answer.status == 200)
            let receipts = answer.body.split(separator: "\n")
            #expect(receipts.count == 2_500)
            #expect(receipts[0].contains(#""sequence":1,"#) && receipts[2_499].contains(#""sequence":2500,"#))
        }
        #expect(backend.sent.map(\.payload.text) == (1...2_500).map { String($0) })
    }

    @Test func aRefusedLineDoesNotStopThoseBehindIt() async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend) { port in
            let body = #"{"to":"a","text":"1"}"# + "\nnonsense\n" + #"{"to":"full","text":"2"}"# + "\n\n" + #"{"to":"a","text":"3"}"#
            let answer = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: self.lines, body: body)
            let receipts = answer.body.split(separator: "\n")
            #expect(receipts.count == 4)
            #expect(receipts[0].contains("sequence"))
            #expect(receipts[1].hasPrefix(#"{"error":{"code":"invalid""#))
            #expect(receipts[2].hasPrefix(#"{"error":{"code":"queueFull""#))
            #expect(receipts[3].contains("sequence"))
        }
        #expect(backend.sent.map(\.payload.text) == ["1", "3"])
    }

    @Test func aSequenceEndsWithTheFirstRefusal() async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend) { port in
            let headers = self.lines.merging(["Idempotency-Key": "batch-1"]) { $1 }
            let body = #"{"to":"a","text":"1"}"# + "\n" + #"{"to":"full","text":"2"}"# + "\n" + #"{"to":"a","text":"3"}"# + "\n"
            let answer = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: headers, body: body)
            let receipts = answer.body.split(separator: "\n")
            #expect(answer.status == 200)
            #expect(receipts.count == 3)
            #expect(receipts[0].contains("sequence"))
            #expect(receipts[1].hasPrefix(#"{"error":{"code":"queueFull""#))
            #expect(receipts[2].hasPrefix(#"{"error":{"code":"skipped""#))
        }
        #expect(backend.sent.map(\.payload.text) == ["1"])
        #expect(backend.sequenceKeys == ["batch-1"])
    }

    @Test func aSequenceWithALineThatIsNoMessageStoresNothing() async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend) { port in
            let headers = self.lines.merging(["Idempotency-Key": "batch-1"]) { $1 }
            let body = #"{"to":"a","text":"1"}"# + "\nnonsense\n"
            let answer = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: headers, body: body)
            #expect(answer.status == 400)
            #expect(answer.body.contains("Line 2: "))
        }
        #expect(backend.sent.isEmpty)
    }

    @Test func bodiesAreBounded() async throws {
        try await self.withAPI(maxBodyBytes: 100) { port in
            let long = #"{"to":"a","text":"\#(String(repeating: "x", count: 200))"}"#
            let answer = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: self.json, body: long)
            #expect(answer.status == 413)
            let stream = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: self.lines, body: long + "\n")
            #expect(stream.body.hasPrefix(#"{"error":{"code":"tooLarge""#))
        }
    }

    // MARK: Queues

    @Test func aQueueIsShownByItsEncodedAddress() async throws {
        try await self.withAPI { port in
            let answer = try await RawHTTP.call("GET", "/v1/clients/alice%2Fphone", port: port)
            #expect(answer.status == 200)
            #expect(answer.body.hasPrefix(#"{"client":"alice/phone","epoch":""#))
            #expect(answer.body.contains(#""head":7,"acknowledged":3,"discarded":0,"depth":4,"bytes":40"#))
        }
    }

    @Test(arguments: [
        "/v1/clients/alice/phone", "/v1/clients/nobody", "/v1/clients/%2F", "/v1/clients/%zz", "/v1/clients/", "/v1/other", "/",
    ])
    func whatIsNotThereIs404(_ path: String) async throws {
        try await self.withAPI { port in
            let answer = try await RawHTTP.call("GET", path, port: port)
            #expect(answer.status == 404 || path == "/v1/clients/" && answer.status == 200)
            if answer.status == 404 { #expect(answer.body.hasPrefix(#"{"error":{"code":"no"#)) }
        }
    }

    @Test func aQueueIsRemovedOnce() async throws {
        try await self.withAPI { port in
            let first = try await RawHTTP.call("DELETE", "/v1/clients/alice%2Fphone", port: port).status
            #expect(first == 204)
            let second = try await RawHTTP.call("DELETE", "/v1/clients/alice%2Fphone", port: port).status
            #expect(second == 404)
        }
    }

    @Test func queuesAreListedInPages() async throws {
        try await self.withAPI { port in
            let first = try await RawHTTP.call("GET", "/v1/clients?limit=1", port: port)
            #expect(first.status == 200)
            #expect(first.body.contains(#""next":"alice/phone""#))
            let second = try await RawHTTP.call("GET", "/v1/clients?limit=10&after=alice%2Fphone&user=alice", port: port)
            #expect(second.body == #"{"clients":[]}"# + "\n")
            for query in ["limit=0", "limit=1001", "limit=x", "after=%20", "user=a%2Fb", "sort=up"] {
                let status = try await RawHTTP.call("GET", "/v1/clients?\(query)", port: port).status
                #expect(status == 400, "\(query)")
            }
        }
    }

    // MARK: Clients

    @Test func aClientIsSentAwayAndLetInAgain() async throws {
        let backend = FakeBackend()
        let (alice, bob) = (try #require(ClientID("alice/phone")), try #require(ClientID("bob")))
        try await self.withAPI(backend) { port in
            let path = "/v1/clients/alice%2Fphone/disconnect"
            let plain = try await RawHTTP.call("POST", path, port: port, headers: self.json)
            #expect(plain.status == 200)
            #expect(plain.body == #"{"client":"alice/phone","code":4452,"for":3600000,"attached":true}"# + "\n")
            let bob = try await RawHTTP.call(
                "POST",
                "/v1/clients/bob/disconnect",
                port: port,
                headers: self.json,
                body: #"{"for":0,"code":4300}"#
            )
            #expect(bob.body == #"{"client":"bob","code":4300,"for":0,"attached":false}"# + "\n")
            #expect(try await RawHTTP.call("DELETE", path, port: port).body == #"{"client":"alice/phone","wasAway":true}"# + "\n")
            #expect(try await RawHTTP.call("DELETE", path, port: port).body == #"{"client":"alice/phone","wasAway":false}"# + "\n")
            for nobody in ["/v1/clients/%2F/disconnect", "/v1/clients/a%20b/disconnect"] {
                #expect(try await RawHTTP.call("POST", nobody, port: port, headers: self.json).status == 404)
                #expect(try await RawHTTP.call("DELETE", nobody, port: port).status == 404)
            }
            #expect(try await RawHTTP.call("POST", path, port: port).status == 415)
        }
        #expect(backend.away[alice] == nil)
        #expect(backend.away[bob]?.code == .tokenExpired && backend.away[bob]?.time == .zero)
    }

    @Test(arguments: [
        "[]", "x", #"{"code":4453,"for":1,"more":1}"#, #"{"code":"4452"}"#, #"{"for":1.5}"#, #"{"for":-1}"#, #"{"for":86400001}"#,
        #"{"code":4200}"#, #"{"code":4400}"#, #"{"code":4500}"#, #"{"code":4499}"#, #"{"code":1000}"#, #"{"code":69988}"#,
        #"{"code":null}"#,
        #"{"code":4452,"code":4452}"#,
    ])
    func whatSendsNobodyAwayIsRefusedWith400(_ body: String) async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend) { port in
            let answer = try await RawHTTP.call("POST", "/v1/clients/a/disconnect", port: port, headers: self.json, body: body)
            #expect(answer.status == 400 && answer.body.hasPrefix(#"{"error":{"code":"invalid","message":"#))
        }
        #expect(backend.away.isEmpty)
    }

    @Test func aBodyThatIsTooLongSendsNobodyAway() async throws {
        try await self.withAPI { port in
            let body = "{" + String(repeating: " ", count: 5_000) + "}"
            let answer = try await RawHTTP.call("POST", "/v1/clients/a/disconnect", port: port, headers: self.json, body: body)
            #expect(answer.status == 413)
        }
    }

    // MARK: The description

    @Test func theDescriptionIsServed() async throws {
        try await self.withAPI { port in
            let answer = try await RawHTTP.call("GET", "/openapi.json", port: port)
            #expect(answer.status == 200 && answer.headers["content-type"] == "application/json")
            let document = try JSONReader(maxDepth: 32).readObject(ByteBuffer(string: String(answer.body.dropLast())))
            #expect(document["openapi"] == .string("3.1.0"))
            #expect(document["paths"]?.object?["/v1/messages"] != nil)
        }
    }

    // MARK: Who may call

    @Test func theGuardStandsBeforeEveryCall() async throws {
        let backend = FakeBackend()
        try await self.withAPI(backend, key: "a key of many bytes") { port in
            let body = #"{"to":"a","text":"x"}"#
            let none = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: self.json, body: body)
            #expect(none.status == 401)
            #expect(none.headers["www-authenticate"] == "Bearer")
            let elsewhere = try await RawHTTP.call("GET", "/v1/other", port: port).status
            #expect(elsewhere == 401)
            let key = self.json.merging(["Authorization": "Bearer a key of many bytes"]) { $1 }
            let withKey = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: key, body: body).status
            #expect(withKey == 200)
            let page = key.merging(["Origin": "https://evil.example.com"]) { $1 }
            let fromPage = try await RawHTTP.call("POST", "/v1/messages", port: port, headers: page, body: body).status
            #expect(fromPage == 403)
        }
        #expect(backend.sent.count == 1)
    }

    @Test func aForeignNameIsRefused() async throws {
        try await self.withAPI { port in
            let foreign = try await RawHTTP.call("GET", "/v1/clients", port: port, headers: ["Host": "evil.example.com"]).status
            #expect(foreign == 403)
            let crossSite = try await RawHTTP.call("GET", "/v1/clients", port: port, headers: ["Sec-Fetch-Site": "cross-site"]).status
            #expect(crossSite == 403)
            let own = try await RawHTTP.call("GET", "/v1/clients", port: port).status
            #expect(own == 200)
        }
    }
}

/// A server that keeps what it is sent, refuses what is for `full`, and has one queue.
final class FakeBackend: AdminBackend {
    static let epoch = Epoch(incarnation: Incarnation(rawValue: 1), queue: 2)

    private struct State {
        var sent: [OutgoingMessage] = []
        var keys: [String?] = []
        var isRemoved = false
        var orders: [NodeOrder] = []
        var away: [ClientID: (code: CloseCode, time: Duration)] = [:]
    }

    private let state = Mutex(State())
    private let failure: SendError?

    init(failing failure: SendError? = nil) {
        self.failure = failure
    }

    var sent: [OutgoingMessage] { self.state.withLock { $0.sent } }
    var sequenceKeys: [String?] { self.state.withLock { $0.keys } }

    func send(_ message: OutgoingMessage) async throws(SendError) -> SendReceipt {
        if let failure { throw failure }
        if message.recipient == "full" { throw SendError(.queueFull, "The queue of full is full.") }
        let count = self.state.withLock { state in
            state.sent.append(message)
            return state.sent.count
        }
        let clients: [ClientID] = if case .clients(let clients, _) = message.recipient.recipients { clients } else { [] }
        let deliveries = clients.map { SendReceipt.Delivery(client: $0, sequence: SequenceNumber(UInt64(count)), epoch: Self.epoch) }
        return SendReceipt(time: Timestamp(milliseconds: 1_000), deliveries: deliveries)
    }

    func send(_ messages: [OutgoingMessage]) async -> [Result<SendReceipt, SendError>] {
        var results: [Result<SendReceipt, SendError>] = []
        for message in messages {
            do throws(SendError) { results.append(.success(try await self.send(message))) } catch { results.append(.failure(error)) }
        }
        return results
    }

    func send(inOrder messages: [OutgoingMessage], id: String?) async throws(SendError) -> SequenceReceipt {
        self.state.withLock { $0.keys.append(id) }
        var stored: [SendReceipt] = []
        for message in messages {
            do throws(SendError) {
                stored.append(try await self.send(message))
            } catch {
                return SequenceReceipt(stored: stored, refusal: error, isRepeat: false)
            }
        }
        return SequenceReceipt(stored: stored, refusal: nil, isRepeat: false)
    }

    private var snapshot: QueueSnapshot? {
        guard let client = ClientID("alice/phone"), !self.state.withLock({ $0.isRemoved }) else { return nil }
        return QueueSnapshot(
            client: client,
            epoch: Self.epoch,
            generation: Generation(1),
            head: SequenceNumber(7),
            floor: SequenceNumber(3),
            discardedThrough: .zero,
            overflowedThrough: .zero,
            messages: 4,
            bytes: 40,
            oldest: Timestamp(milliseconds: 900),
            holder: nil,
            created: Timestamp(milliseconds: 100),
            attached: nil,
            detached: nil
        )
    }

    func queue(of client: ClientID) async throws -> QueueDescription? {
        self.snapshot.flatMap { $0.client == client ? QueueDescription($0) : nil }
    }

    func queues(of user: UserID?, after: ClientID?, limit: Int) async throws -> [QueueDescription] {
        self.snapshot.flatMap { snapshot in
            guard user == nil || user == snapshot.client.user else { return nil }
            if let after, snapshot.client <= after { return nil }
            return [QueueDescription(snapshot)]
        } ?? []
    }

    func nodes() async throws -> [NodeDescription] {
        guard let name = NodeName("a") else { return [] }
        return [NodeDescription(name: name, state: .serving, notReady: ["starting"])]
    }

    func order(_ order: NodeOrder, _ name: NodeName) async throws(SendError) -> Bool {
        guard name.description == "b" else { return false }
        self.state.withLock { $0.orders.append(order) }
        return true
    }

    func metricsText() async throws -> String { "x 1\n" }

    var away: [ClientID: (code: CloseCode, time: Duration)] { self.state.withLock { $0.away } }

    func disconnect(_ client: ClientID, code: CloseCode, for time: Duration) async throws(SendError) -> Bool {
        if let failure { throw failure }
        self.state.withLock { $0.away[client] = (code, time) }
        return client.device != nil
    }

    func letIn(_ client: ClientID) async throws(SendError) -> Bool {
        if let failure { throw failure }
        return self.state.withLock { $0.away.removeValue(forKey: client) != nil }
    }

    func remove(_ client: ClientID) async throws(SendError) -> Bool {
        guard self.snapshot?.client == client else { return false }
        self.state.withLock { $0.isRemoved = true }
        return true
    }
}
