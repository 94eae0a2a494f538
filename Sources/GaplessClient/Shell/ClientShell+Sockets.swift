import GaplessCore
import GaplessWebSocket
import Logging
import NIOCore

// The WebSockets of a client.
extension ClientShell {
    /// A connection that the session asked for and has not closed.
    struct Socket {
        var attempt: WebSocketConnectAttempt?
        var webSocket: ClientSocket?
        /// Whether frames wait to be flushed.
        var isDirty = false
        /// What it is to the session, or was when the session let it go.
        var role = ClientSession.Role.opening
        /// The code of its `ERROR`, which counts whatever Close follows (Protocol.md [R3.7-5]).
        var error: CloseCode?
    }

    func connect(_ id: ConnectionID, _ url: String) {
        self.logOpening(of: id)
        let endpoint: ClientEndpoint
        do {
            endpoint = try ClientEndpoint(url)
        } catch {
            // Only a server can have told it: the client's own were checked when it was made.
            self.logger.warning("Endpoint told by the server is of no use", metadata: ["error": "\(error)"])
            self.logEnd(of: id, Socket(), nil, by: .client)
            return self.feed { $0.connectFailed(id, retryAfter: nil, &$1) }
        }
        let eventLoop = self.surroundings.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let connector = self.surroundings.connector
        let attempt = connector.connect(to: endpoint.webSocket, headers: self.surroundings.headers, on: eventLoop) { _ in
            bound.value.makeSocket(id)
        }
        self.sockets[id] = Socket(attempt: attempt)
        attempt.opened.assumeIsolated().whenFailure { self.connectFailed(id, $0) }
    }

    private func makeSocket(_ id: ConnectionID) -> ClientSocket {
        let socket = ClientSocket(id: id, shell: self)
        self.sockets[id]?.attempt = nil
        self.sockets[id]?.webSocket = socket
        self.openSockets += 1
        return socket
    }

    private func connectFailed(_ id: ConnectionID, _ error: any Error) {
        guard let socket = self.sockets.removeValue(forKey: id) else { return }
        self.logger.debug("Connection could not be opened", metadata: ["error": "\(error)"])
        self.logEnd(of: id, socket, nil, by: .server)
        self.lastFault = "\(error)"
        var retryAfter: Duration?
        if case .refused(_, let seconds?) = (error as? WebSocketConnectError)?.code { retryAfter = .seconds(seconds) }
        self.feed { $0.connectFailed(id, retryAfter: retryAfter, &$1) }
        self.settle()
    }

    /// Closes or gives up what the session is done with.
    func closeSocket(_ id: ConnectionID, _ code: CloseCode) {
        guard let socket = self.sockets.removeValue(forKey: id) else { return }
        self.logEnd(of: id, socket, code, by: .client)
        socket.attempt?.cancel()
        socket.webSocket?.close(code)
    }

    /// Stops reading while the consumer has too much, and reads again when it has not.
    func throttle() {
        let isFull = self.surroundings.events.isFull
        guard isFull != self.isThrottled else { return }
        self.isThrottled = isFull
        for socket in self.sockets.values { socket.webSocket?.pause(isFull) }
    }

    // MARK: What a socket reports

    func connectionOpened(_ id: ConnectionID) {
        guard self.sockets[id] != nil else { return }
        self.feed { $0.opened(id, subprotocol: ClientSession.subprotocol, &$1) }
        self.settle()
    }

    func signOfLife(_ id: ConnectionID) {
        guard self.sockets[id] != nil else { return }
        self.feed { $0.signOfLife(id, &$1) }
    }

    func received(_ frame: ServerFrame, _ id: ConnectionID) {
        guard self.sockets[id] != nil else { return }
        if case .welcome(let welcome) = frame { self.logWelcome(welcome, id) }
        if case .error(let error) = frame { self.sockets[id]?.error = error.code }
        self.feed { $0.received(frame, on: id, &$1) }
        if case .welcome = frame { self.learnRoles() }
        // A socket that was closed for what it brought reports no end of its batch.
        if self.sockets[id] == nil { self.settle() }
    }

    func misread(_ id: ConnectionID, _ fault: String) {
        guard self.sockets[id] != nil else { return }
        self.logger.warning("Server broke the protocol", metadata: ["fault": "\(fault)"])
        self.lastFault = fault
        self.feed { $0.misread(id, &$1) }
        self.settle()
    }

    func connectionClosed(_ id: ConnectionID, _ closure: WebSocketClosure) {
        self.openSockets -= 1
        if self.openSockets == 0 {
            for waiter in self.socketWaiters { waiter.succeed() }
            self.socketWaiters.removeAll()
        }
        guard let socket = self.sockets.removeValue(forKey: id) else { return }
        if let error = closure.error { self.logger.debug("Connection broke", metadata: ["error": "\(error)"]) }
        self.logEnd(of: id, socket, closure.code.map { CloseCode(rawValue: $0.rawValue) }, by: .server)
        self.lastFault = closure.error.map { "\($0)" } ?? ""
        self.feed { $0.closed(id, code: closure.code.map { CloseCode(rawValue: $0.rawValue) }, &$1) }
        self.settle()
    }

    /// Completes when no socket is left, or when that takes too long: then the process may end.
    func whenSocketsClosed(within limit: TimeAmount) -> EventLoopFuture<Void> {
        let promise = self.surroundings.eventLoop.makePromise(of: Void.self)
        guard self.openSockets > 0 else {
            promise.succeed()
            return promise.futureResult
        }
        self.socketWaiters.append(promise)
        let timer = self.setTimer(in: limit) { shell in
            for waiter in shell.socketWaiters { waiter.succeed() }
            shell.socketWaiters.removeAll()
        }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }
}
