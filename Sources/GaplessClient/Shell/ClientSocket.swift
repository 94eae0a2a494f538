import GaplessCore
import GaplessWebSocket
import NIOCore

/// One WebSocket of a client: turns its messages into frames for the session, and the session's frames into messages.
final class ClientSocket: WebSocketConnectionDelegate {
    let id: ConnectionID
    private let decoder = ServerFrameDecoder()
    /// Nil once the session let the connection go: nothing that comes from it counts any more.
    private weak var shell: ClientShell?
    private var connection: WebSocketConnectionHandler<ClientSocket>?

    init(id: ConnectionID, shell: ClientShell) {
        self.id = id
        self.shell = shell
    }

    // MARK: From the session

    /// Adds a frame to the batch.
    func send(_ frame: ClientFrame) {
        self.connection?.send(FrameEncoder.kind(of: frame).webSocketKind, expectedBytes: FrameEncoder.encodedSize(of: frame)) { buffer in
            FrameEncoder.append(frame, to: &buffer)
        }
    }

    /// Writes the batch to the socket.
    func flush() {
        self.connection?.flush()
    }

    /// Stops reading, or reads again.
    func pause(_ isPaused: Bool) {
        if isPaused { self.connection?.pauseReading() } else { self.connection?.resumeReading() }
    }

    /// Ends the connection; nothing is reported of it any more but that it is gone.
    func close(_ code: CloseCode) {
        self.connection?.close(WebSocketCloseCode(code.rawValue), reason: code.name ?? "")
    }

    // MARK: From the WebSocket

    func connectionOpened(_ connection: WebSocketConnectionHandler<ClientSocket>) {
        self.connection = connection
        connection.maxMessageBytes = Limits.maxPayloadBytes + Limits.maxMessageHeadBytes
        self.shell?.connectionOpened(self.id)
    }

    func anyInbound() {
        self.shell?.signOfLife(self.id)
    }

    func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        guard let shell = self.shell else { return }
        do {
            guard let frame = try self.decoder.decode(kind.payloadKind, payload) else { return }
            shell.received(frame.independent(of: payload), self.id)
        } catch {
            shell.misread(self.id, "\(error)")
        }
    }

    func readBatchEnded() {
        self.shell?.settle()
    }

    func violation(_ violation: WebSocketViolation) -> (code: WebSocketCloseCode, reason: String) {
        self.shell?.misread(self.id, violation.message)
        // Protocol.md [R3.7-6]: to a client every fault of the server is this one.
        return (WebSocketCloseCode(CloseCode.malformed.rawValue), "malformed")
    }

    func writeStalled(for duration: TimeAmount) {
        // The silence deadline decides: a server that reads nothing also says nothing.
    }

    func connectionClosed(_ closure: WebSocketClosure) {
        self.connection = nil
        self.shell?.connectionClosed(self.id, closure)
    }
}

extension ServerFrame {
    /// The frame with a payload that does not hold on to the much larger buffer that it was read into.
    fileprivate func independent(of buffer: ByteBuffer) -> ServerFrame {
        guard case .message(let message) = self, buffer.storageCapacity > 4 * message.payload.count + 1_024 else { return self }
        let copy = ByteBuffer(bytes: message.payload.bytes.readableBytesView)
        let payload = Payload(unchecked: copy, kind: message.payload.kind)
        return .message(StoredMessage(sequence: message.sequence, time: message.time, payload: payload))
    }
}

extension PayloadKind {
    /// The WebSocket message that such a payload travels in.
    fileprivate var webSocketKind: WebSocketMessageKind {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}

extension WebSocketMessageKind {
    fileprivate var payloadKind: PayloadKind {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}
