import GaplessCore
import GaplessServer
import GaplessTesting

/// A client that knows from its own doings what is under way to it.
struct CountedClient {
    private let client: ClientID
    private var connection: RawClient?
    private var attempt = 0
    private var (head, floor, sent) = (0, 0, 0)

    init(_ client: ClientID) {
        self.client = client
    }

    var backlog: SessionBacklog {
        guard self.connection != nil else { return SessionBacklog() }
        return SessionBacklog(unacknowledged: self.sent - self.floor, waiting: self.head - self.floor)
    }

    /// A message is sent to it, and comes if it is there.
    mutating func sendOne(_ server: TestServer) async throws {
        try await server.server.send("x", to: .client(self.client))
        self.head += 1
        guard let connection else { return }
        try await connection.expectMessage(self.head, "x")
        self.sent = self.head
    }

    /// It acknowledges some of what it has, which is then committed.
    mutating func acknowledge(_ delivered: Mailbox<DeliveredEvent>, using random: inout TestRandom) async throws {
        guard let connection, self.floor < self.sent else { return }
        self.floor = .random(in: self.floor + 1...self.sent, using: &random)
        connection.send("ACK \(self.floor)")
        _ = try await delivered.next()
    }

    /// It attaches and is sent what it has not acknowledged, or goes.
    mutating func comeOrGo(_ server: TestServer, _ detached: Mailbox<DetachedEvent>) async throws {
        if let connection {
            connection.cut()
            _ = try await detached.next()
            self.connection = nil
        } else {
            self.attempt += 1
            let (connection, _) = try await RawClient.attach(server.url, Greeting(client: self.client.description, attempt: self.attempt))
            for number in self.floor..<self.head { try await connection.expectMessage(number + 1, "x") }
            self.sent = self.head
            self.connection = connection
        }
    }
}
