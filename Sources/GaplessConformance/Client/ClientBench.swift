import Foundation
import GaplessCore
import GaplessWebSocket
import NIOCore
import Synchronization

/// What one trial of a client works with: a process of its own, and a server that does what the trial says.
package final class ClientBench: TrialBench {
    private let command: [String]
    private let process: ClientProcess
    private let connections: Mailbox<WireSocket>
    private let listener: any Channel
    private let history: ClientHistory
    private let patience: Duration
    private let sockets = SocketShelf()
    /// The client of this trial.
    let client = "kit/\(ServerBench.random())"

    private init(
        _ command: [String],
        _ process: ClientProcess,
        _ connections: Mailbox<WireSocket>,
        _ listener: any Channel,
        _ book: ObservationBook,
        _ patience: Duration
    ) {
        self.command = command
        self.process = process
        self.connections = connections
        self.listener = listener
        self.history = ClientHistory(book)
        self.patience = patience
    }

    /// Starts the command and a server, and ends both after the trial.
    static func with(
        _ command: [String],
        book: ObservationBook,
        patience: Duration,
        _ trial: @Sendable (ClientBench) async throws -> Void
    ) async throws {
        let connections = Mailbox<WireSocket>()
        let listener = try await WireSocket.listen(into: connections)
        let process: ClientProcess
        do {
            process = try await ClientProcess.start(command)
        } catch {
            try? await listener.close()
            throw error
        }
        try await ClientBench(command, process, connections, listener, book, patience).perform(trial)
    }

    /// Ends the process, its connections and the server.
    package func tidyUp() async {
        self.process.kill()
        self.sockets.clear()
        try? await self.listener.close()
    }

    /// The same trial with another process.
    func another(_ trial: @Sendable (ClientBench) async throws -> Void) async throws {
        try await Self.with(self.command, book: self.history.book, patience: self.patience, trial)
    }

    // MARK: The line protocol

    /// Where the kit listens.
    var url: String { "ws://127.0.0.1:\(self.listener.localAddress?.port ?? 0)/gapless" }

    /// Tells the client something.
    func tell(_ line: String) {
        self.process.tell(line)
    }

    /// Makes the client hold its handlers back, so that nothing is handled any more until it is told `release`.
    func hold() async throws {
        self.tell("hold")
        try await self.reports(.done)
    }

    /// Gives the client a token, its first or another one.
    func give(token: String) async throws {
        self.tell("token \(token)")
        try await self.reports(.done)
    }

    /// Tells the client to connect.
    func start() {
        self.tell("connect \(self.client) \(self.url)")
    }

    /// Tells the client to send texts.
    func send(_ texts: String...) {
        for text in texts { self.tell("send text \(Data(text.utf8).base64EncodedString())") }
    }

    /// Stops the process in its tracks, or lets it go on.
    func setStopped(_ isStopped: Bool) {
        self.process.setStopped(isStopped)
    }

    /// The next report must be this one; reports about the uplink may come before it.
    func reports(_ wanted: ClientReport, within patience: Duration? = nil) async throws {
        while true {
            guard let report = await self.process.reports.next(within: patience ?? self.patience) else {
                throw Broken("the report '\(wanted.told)'", came: "nothing for \(patience ?? self.patience)")
            }
            if report == wanted { return }
            if report == .unsupported { throw Unjudged("the client does not support what the check needs") }
            if report.isAside { continue }
            // A client whose session ended may say with which code before it says that it is closed.
            if wanted == .closed, report == .stopped(4_502) { continue }
            throw Broken("the report '\(wanted.told)'", came: report.told)
        }
    }

    /// The next report, whatever it is.
    func anyReport(_ wanted: String) async throws -> ClientReport {
        guard let report = await self.process.reports.next(within: self.patience) else {
            throw Broken("the reports \(wanted)", came: "nothing for \(self.patience)")
        }
        if report == .unsupported { throw Unjudged("the client does not support what the check needs") }
        return report
    }

    /// Nothing is reported for a moment.
    func reportsNothing(_ why: String, for duration: Duration = .milliseconds(300)) async throws {
        while let report = await self.process.reports.next(within: duration) {
            if report == .unsupported { throw Unjudged("the client does not support what the check needs") }
            if !report.isAside { throw Broken("no report: \(why)", came: report.told) }
        }
    }

    // MARK: Connections

    /// A connection that the client opens: the request of its WebSocket, not answered yet.
    func request(within patience: Duration? = nil) async throws -> (HTTPHead, WireSocket) {
        guard let socket = await self.connections.next(within: patience ?? self.patience * 2) else {
            throw Broken("a connection of the client", came: "none for \(patience ?? self.patience * 2)")
        }
        self.sockets.keep(socket)
        guard case .head(let head)? = await socket.next(within: self.patience) else {
            throw Broken("the request of a WebSocket", came: "none")
        }
        let offers = head.list("sec-websocket-protocol")
        self.history.book.note("R3.1-1", offers.contains("gapless.v1"), "the subprotocol gapless.v1", came: offers.joined(separator: ","))
        return (head, socket)
    }

    /// Answers the request of a WebSocket.
    ///
    /// - Parameter subprotocol: what is selected; nil for nothing.
    static func accept(_ request: HTTPHead, _ socket: WireSocket, subprotocol: String? = "gapless.v1") throws {
        guard let key = HandshakeKey(request["sec-websocket-key"] ?? "") else {
            throw Broken("a Sec-WebSocket-Key of 16 bytes", came: request["sec-websocket-key"] ?? "none")
        }
        var lines = [
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: \(key.accept)",
        ]
        if let subprotocol { lines.append("Sec-WebSocket-Protocol: \(subprotocol)") }
        socket.send(ByteBuffer(string: (lines + ["", ""]).joined(separator: "\r\n")))
    }

    /// The next connection of the client, with its `HELLO`.
    func greeted(within patience: Duration? = nil) async throws -> (ServedConnection, Hello) {
        let (request, socket) = try await self.request(within: patience)
        try Self.accept(request, socket)
        let connection = ServedConnection(socket, request: request, client: self.client, history: self.history, patience: self.patience)
        return (connection, try await connection.greeted())
    }

    /// Nobody connects for a while.
    func staysAway(_ why: String, for duration: Duration) async throws {
        guard await self.connections.next(within: duration) == nil else {
            throw Broken("no connection: \(why)", came: "a connection")
        }
    }

    /// The next connection, welcomed.
    @discardableResult
    func welcomed(_ welcome: WelcomeText = WelcomeText(), within patience: Duration? = nil) async throws -> (ServedConnection, Hello) {
        let (connection, hello) = try await self.greeted(within: patience)
        connection.welcome(welcome)
        return (connection, hello)
    }

    /// The client connects for the first time and is welcomed.
    func attached(_ welcome: WelcomeText = WelcomeText(resume: "new")) async throws -> ServedConnection {
        self.start()
        return try await self.welcomed(welcome).0
    }
}
