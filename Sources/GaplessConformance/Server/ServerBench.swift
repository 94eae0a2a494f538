import Foundation
import GaplessCore
import GaplessWebSocket
import NIOCore
import Synchronization

/// What one trial of a server works with: a client name of its own, connections, and the HTTP API.
package struct ServerBench: TrialBench {
    let endpoint: WebSocketEndpoint
    let admin: any AdminAccess
    let book: ObservationBook
    let patience: Duration
    /// What the server told a client that wished nothing.
    let told: Welcome
    /// The queue of this trial.
    let client = "kit-\(ServerBench.random())"
    let instance = ServerBench.random()
    private let sockets = SocketShelf()

    init(endpoint: WebSocketEndpoint, admin: any AdminAccess, book: ObservationBook, patience: Duration, told: Welcome) {
        self.endpoint = endpoint
        self.admin = admin
        self.book = book
        self.patience = patience
        self.told = told
    }

    /// Sixteen letters and digits.
    static func random() -> String {
        String((0..<16).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() ?? "x" })
    }

    // MARK: Connections

    /// Asks for a WebSocket; what was answered.
    func handshake(
        path: String? = nil,
        protocols: String? = "gapless.v1",
        fields: [String] = []
    ) async throws -> (HTTPHead, WireSocket) {
        let socket = try await WireSocket.connect(to: self.endpoint, within: self.patience)
        self.sockets.keep(socket)
        var random = SystemRandomNumberGenerator()
        let key = HandshakeKey(using: &random)
        var lines = [
            "GET \(path ?? self.endpoint.path) HTTP/1.1", "Host: \(self.endpoint.hostHeader)", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Key: \(key.rawValue)", "Sec-WebSocket-Version: 13",
        ]
        if let protocols { lines.append("Sec-WebSocket-Protocol: \(protocols)") }
        socket.send(ByteBuffer(string: (lines + fields + ["", ""]).joined(separator: "\r\n")))
        guard case .head(let head)? = await socket.next(within: self.patience) else {
            throw Broken("an answer to the handshake", came: "none")
        }
        if head.second == "101" { try require(head["sec-websocket-accept"], key.accept, "Sec-WebSocket-Accept") }
        return (head, socket)
    }

    /// A connection on which nothing was said yet.
    func connect(path: String? = nil) async throws -> ServerConnection {
        let (head, socket) = try await self.handshake(path: path)
        try require(head.second == "101", "101", came: head.line)
        return ServerConnection(socket, book: self.book, patience: self.patience)
    }

    /// The `HELLO` of the trial's instance, with what is to be changed.
    func hello(_ change: (inout HelloText) -> Void = { _ in }) -> HelloText {
        HelloText(self.client, instance: self.instance).with(change)
    }

    /// The first `HELLO` of another instance.
    func rival(_ change: (inout HelloText) -> Void = { _ in }) -> HelloText {
        HelloText(self.client, instance: Self.random()).with(change)
    }

    /// Connects and says `HELLO`.
    func greet(_ hello: HelloText) async throws -> ServerConnection {
        let connection = try await self.connect()
        connection.send(hello.frame)
        return connection
    }

    /// Connects, says `HELLO` and is welcomed.
    func attach(_ hello: HelloText? = nil) async throws -> (ServerConnection, Welcome) {
        let connection = try await self.greet(hello ?? self.hello())
        return (connection, try await connection.welcomed())
    }

    /// Attaches and leaves; where the queue stands.
    @discardableResult
    func visit(_ hello: HelloText? = nil) async throws -> Welcome {
        let (connection, welcome) = try await self.attach(hello)
        try await connection.close()
        return welcome
    }

    /// Ends all connections and removes the queue.
    package func tidyUp() async {
        self.sockets.clear()
        _ = try? await self.admin.ask("DELETE", "/v1/clients/\(self.client)", body: nil, kind: nil)
    }

    // MARK: The HTTP API

    /// Sends texts to the queue; the number of the last.
    @discardableResult
    func send(_ texts: String..., timeToLive: Int? = nil) async throws -> UInt64 {
        var number: UInt64 = 0
        for text in texts {
            let lifetime = timeToLive.map { ",\"ttl\":\($0)" } ?? ""
            number = try await self.post("{\"to\":\"\(self.client)\",\"text\":\"\(text)\"\(lifetime)}")
        }
        return number
    }

    /// Sends bytes to the queue.
    @discardableResult
    func send(bytes: [UInt8]) async throws -> UInt64 {
        try await self.post("{\"to\":\"\(self.client)\",\"base64\":\"\(Data(bytes).base64EncodedString())\"}")
    }

    private func post(_ body: String) async throws -> UInt64 {
        let answer = try await self.ask("POST", "/v1/messages", body: body, kind: "application/json")
        guard answer.status == 200, let view = try? JSONDecoder().decode(SendView.self, from: Data(answer.body.utf8)),
            let number = view.deliveries.first?.sequence
        else {
            throw Unjudged("the admin API did not send: \(answer.status) \(answer.body.prefix(200))")
        }
        return number
    }

    /// Sends as many messages in one call, the first `mortal` of them with a lifetime.
    func send(count: Int, mortal: Range<Int> = 0..<0, timeToLive: Int = 0) async throws {
        let lines = (0..<count).map { index in
            let lifetime = mortal.contains(index) ? ",\"ttl\":\(timeToLive)" : ""
            return "{\"to\":\"\(self.client)\",\"text\":\"\(index + 1)\"\(lifetime)}\n"
        }
        let answer = try await self.ask("POST", "/v1/messages", body: lines.joined(), kind: "application/x-ndjson")
        guard answer.status == 200, !answer.body.contains("\"error\"") else {
            throw Unjudged("the admin API did not send: \(answer.status) \(answer.body.prefix(200))")
        }
    }

    /// The queue; nil when there is none.
    func queue() async throws -> QueueView? {
        let answer = try await self.ask("GET", "/v1/clients/\(self.client)", body: nil, kind: nil)
        if answer.status == 404 { return nil }
        guard answer.status == 200, let view = try? JSONDecoder().decode(QueueView.self, from: Data(answer.body.utf8)) else {
            throw Unjudged("the admin API did not show the queue: \(answer.status) \(answer.body.prefix(200))")
        }
        return view
    }

    /// Removes the queue as an operator does.
    func remove() async throws {
        let answer = try await self.ask("DELETE", "/v1/clients/\(self.client)", body: nil, kind: nil)
        guard (200...299).contains(answer.status) else {
            throw Unjudged("the admin API did not remove the queue: \(answer.status) \(answer.body.prefix(200))")
        }
    }

    /// Sends the trial's client away as an operator does, for a minute: longer than a trial, and not for ever if that dies.
    func sendAway(code: Int) async throws {
        let body = "{\"code\":\(code),\"for\":60000}"
        let answer = try await self.ask("POST", "/v1/clients/\(self.client)/disconnect", body: body, kind: "application/json")
        guard answer.status == 200 else {
            throw Unjudged("the admin API did not send the client away: \(answer.status) \(answer.body.prefix(200))")
        }
    }

    /// Lets it come again.
    func letIn() async throws {
        let answer = try await self.ask("DELETE", "/v1/clients/\(self.client)/disconnect", body: nil, kind: nil)
        guard answer.status == 200 else {
            throw Unjudged("the admin API did not let the client in: \(answer.status) \(answer.body.prefix(200))")
        }
    }

    private func ask(_ method: String, _ path: String, body: String?, kind: String?) async throws -> AdminAnswer {
        do {
            return try await self.admin.ask(method, path, body: body, kind: kind)
        } catch {
            throw Unjudged("the admin API does not answer: \(error)")
        }
    }

    /// Waits until the queue is as it must become.
    func eventually(_ wanted: String, _ isSo: (QueueView?) -> Bool) async throws {
        let end = ContinuousClock.now + self.patience
        var view = try await self.queue()
        while !isSo(view) {
            guard ContinuousClock.now < end else {
                let came = view.map { "acknowledged \($0.acknowledged), head \($0.head), generation \($0.generation)" } ?? "no queue"
                throw Broken(wanted, came: came)
            }
            try await Task.sleep(for: .milliseconds(25))
            view = try await self.queue()
        }
    }
}

/// The sockets of one trial, which end with it.
final class SocketShelf: Sendable {
    private let sockets = Mutex<[WireSocket]>([])

    init() {}

    func keep(_ socket: WireSocket) {
        self.sockets.withLock { $0.append(socket) }
    }

    func clear() {
        for socket in self.sockets.withLock({ $0.drain() }) { socket.cut() }
    }
}

extension Array {
    fileprivate mutating func drain() -> [Element] {
        defer { self.removeAll() }
        return self
    }
}
