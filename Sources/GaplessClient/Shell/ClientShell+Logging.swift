import GaplessCore
import Logging

// What a client says of its connections, for whoever looks into a move: the state that the application sees does not tell one from the next.
extension ClientShell {
    func logOpening(of id: ConnectionID) {
        self.logger.debug("Connection opens", metadata: ["connection.id": "\(id)"])
    }

    /// - Precondition: the session was not told of the `WELCOME` yet.
    func logWelcome(_ welcome: Welcome, _ id: ConnectionID) {
        self.logger.debug(
            "Connection welcomed",
            metadata: [
                "connection.id": "\(id)", "connection.role": "\(self.session.role(of: id)?.rawValue ?? "-")",
                "generation": "\(welcome.generation)", "node": "\(welcome.node)",
            ]
        )
    }

    /// Remembers what connections are to the session: a `WELCOME` changes that, and nothing else does but their end.
    func learnRoles() {
        for id in self.sockets.keys {
            if let role = self.session.role(of: id) { self.sockets[id]?.role = role }
        }
    }

    /// - Parameter code: of the Close; an `ERROR` that came before it counts more.
    func logEnd(of id: ConnectionID, _ socket: Socket, _ code: CloseCode?, by side: Side) {
        self.logger.debug(
            "Connection ended",
            metadata: [
                "connection.id": "\(id)", "connection.role": "\(socket.role.rawValue)",
                "code": "\((socket.error ?? code)?.description ?? "-")", "closed.by": "\(side.rawValue)",
            ]
        )
    }

    /// Who ends a connection; the network counts as the server.
    enum Side: String {
        case client, server
    }
}
