import GaplessWebSocket
import NIOCore

/// Writes down what it is told, in order, and does what the test gave it to do.
final class RecordingDelegate: WebSocketConnectionDelegate {
    enum Call: Equatable {
        case opened
        case text(String)
        case binary([UInt8])
        case batchEnded
        case inbound
        case writable(Bool)
        case violation(WebSocketViolation.Kind)
        case stalled(TimeAmount)
        case shutdown
        case closed(UInt16?, String, isClean: Bool)
    }

    var calls: [Call] = []
    var connection: WebSocketConnectionHandler<RecordingDelegate>?
    var onOpen: (WebSocketConnectionHandler<RecordingDelegate>) -> Void = { _ in }
    var onMessage: (WebSocketConnectionHandler<RecordingDelegate>, String) -> Void = { _, _ in }
    var onViolation: (WebSocketConnectionHandler<RecordingDelegate>, WebSocketViolation) -> (code: WebSocketCloseCode, reason: String)? = {
        _,
        _ in nil
    }
    var onWritable: (WebSocketConnectionHandler<RecordingDelegate>, Bool) -> Void = { _, _ in }
    var onClosed: (WebSocketClosure) -> Void = { _ in }
    var closure: WebSocketClosure?
    /// How deep calls to the delegate are nested, at most; more than 1 means that a call came from inside one of its own.
    private(set) var deepest = 0
    private var depth = 0

    /// The calls without those that only mark time.
    var essentials: [Call] { self.calls.filter { $0 != .batchEnded && $0 != .inbound } }

    private func note(_ call: Call, _ body: () -> Void = {}) {
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        self.calls.append(call)
        body()
        self.depth -= 1
    }

    func connectionOpened(_ connection: WebSocketConnectionHandler<RecordingDelegate>) {
        self.note(.opened) {
            self.connection = connection
            self.onOpen(connection)
        }
    }

    func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        let text = String(buffer: payload)
        self.note(kind == .text ? .text(text) : .binary(Array(buffer: payload))) {
            if let connection = self.connection { self.onMessage(connection, text) }
        }
    }

    func readBatchEnded() { self.note(.batchEnded) }
    func anyInbound() { self.note(.inbound) }
    func shutdownRequested() { self.note(.shutdown) }
    func writeStalled(for duration: TimeAmount) { self.note(.stalled(duration)) }

    func writabilityChanged(_ isWritable: Bool) {
        self.note(.writable(isWritable)) {
            if let connection = self.connection { self.onWritable(connection, isWritable) }
        }
    }

    func violation(_ violation: WebSocketViolation) -> (code: WebSocketCloseCode, reason: String) {
        var answer = (code: violation.closeCode, reason: "refused")
        self.note(.violation(violation.kind)) {
            if let connection = self.connection, let own = self.onViolation(connection, violation) { answer = own }
        }
        return answer
    }

    func connectionClosed(_ closure: WebSocketClosure) {
        self.note(.closed(closure.code?.rawValue, closure.reason, isClean: closure.isClean)) {
            self.closure = closure
            self.connection = nil
            self.onClosed(closure)
        }
    }
}
