import GaplessCore
import GaplessWebSocket
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A server that keeps to the protocol, and to nothing else: it cuts connections whenever its luck says so, in the middle of anything.
///
/// It has one queue that grows as it is told, and one handler that keeps what it was given.
final class ModelServer: Sendable {
    fileprivate struct State {
        var random: TestRandom
        var head: UInt64 = 0
        var floor: UInt64 = 0
        var generation: UInt64 = 0
        var marks: [OutboxID: UInt64] = [:]
        var handled: [String] = []
        var cuts = 0
        var attached: ModelSocket?
        var attempts: [InstanceID: Attempt] = [:]
        /// Whether nobody is listened to.
        var isFrozen = false
    }

    let url: String
    let window: Window
    private let listener: WebSocketListener
    private let box: NIOLoopBoundBox<State>
    private let eventLoop: any EventLoop

    /// Opens a free port; one event loop does everything.
    static func start(seed: UInt64, window: Window) async throws -> ModelServer {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let box = NIOLoopBoundBox.makeBoxSendingValue(State(random: TestRandom(seed: seed)), as: State.self, eventLoop: eventLoop)
        let service = WebSocketService<ModelSocket>(
            admit: { _, channel in .accept(ModelSocket(box: box, window: window)) }
        )
        let listener = try await WebSocketListener.bind(.init(host: "127.0.0.1", port: 0), group: eventLoop, service: service).get()
        return ModelServer(listener: listener, box: box, eventLoop: eventLoop, window: window)
    }

    private init(listener: WebSocketListener, box: NIOLoopBoundBox<State>, eventLoop: any EventLoop, window: Window) {
        self.url = "ws://127.0.0.1:\(listener.port)/gapless"
        self.listener = listener
        self.box = box
        self.eventLoop = eventLoop
        self.window = window
    }

    /// Commits so many messages.
    func commit(_ count: UInt64) async throws {
        try await self.eventLoop.submit {
            self.box.value.head += count
            self.box.value.attached?.deliver()
        }
        .get()
    }

    /// Listens to nobody: what clients say from now on is never heard. Or listens again.
    func freeze(_ isFrozen: Bool) async throws {
        try await self.eventLoop.submit {
            self.box.value.isFrozen = isFrozen
            if isFrozen { self.box.value.attached?.cut() }
        }
        .get()
    }

    /// What the handler was given, in order.
    func handled() async throws -> [String] {
        try await self.eventLoop.submit { self.box.value.handled }.get()
    }

    /// How far the client acknowledged, and how often it was cut off.
    func progress() async throws -> (floor: UInt64, cuts: Int) {
        try await self.eventLoop.submit { (self.box.value.floor, self.box.value.cuts) }.get()
    }

    /// Closes everything.
    func stop() async throws {
        try await self.listener.stopAccepting().get()
        self.listener.closeAll()
        try await self.listener.whenEmpty.get()
    }
}

/// One connection of the model.
final class ModelSocket: WebSocketConnectionDelegate {
    private let box: NIOLoopBoundBox<ModelServer.State>
    private let window: Window
    private let decoder = ClientFrameDecoder(limits: WireLimits(message: Limits.maxPayloadBytes), validation: .checked)
    private var connection: WebSocketConnectionHandler<ModelSocket>?
    private var cursor: UInt64 = 0
    private var acknowledged: UInt64 = 0
    private var outbox: OutboxID?
    private var isAttached = false

    fileprivate init(box: NIOLoopBoundBox<ModelServer.State>, window: Window) {
        self.box = box
        self.window = window
    }

    func connectionOpened(_ connection: WebSocketConnectionHandler<ModelSocket>) {
        self.connection = connection
    }

    func received(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) {
        do {
            switch try self.decoder.decode(kind == .text ? .text : .binary, payload) {
            case .hello(let hello): try self.attach(hello)
            case .acknowledge(let through): self.acknowledged(through.rawValue)
            case .message(let sequence, let payload): self.handle(sequence.rawValue, payload)
            case .ping(let number): self.send(.pong(number))
            case .pong, .authenticate, .bye: break
            }
        } catch {
            Issue.record("the client sent a bad frame: \(error)")
        }
    }

    func readBatchEnded() {
        if self.isAttached { self.deliver() }
    }

    func connectionClosed(_ closure: WebSocketClosure) {
        self.detach()
    }

    /// Ends the connection without a word.
    func cut() {
        let connection = self.connection
        self.detach()
        connection?.abort()
    }

    private func detach() {
        self.isAttached = false
        self.connection = nil
        if self.box.value.attached === self { self.box.value.attached = nil }
    }

    private func attach(_ hello: Hello) throws {
        guard !self.box.value.isFrozen else { return self.cut() }
        if let newest = self.box.value.attempts[hello.instance], hello.attempt <= newest {
            Issue.record("attempt \(hello.attempt) of \(hello.instance) was used before")
        }
        self.box.value.attempts[hello.instance] = hello.attempt
        self.box.value.attached?.connection?.close(WebSocketCloseCode(CloseCode.superseded.rawValue))
        self.box.value.attached?.detach()
        self.box.value.generation += 1
        self.box.value.attached = self
        let handled = hello.position?.handled.rawValue ?? self.box.value.floor
        if handled < self.box.value.floor || handled > self.box.value.head { Issue.record("the position \(handled) is none") }
        self.box.value.floor = handled
        self.cursor = handled
        self.acknowledged = handled
        self.outbox = hello.outbox
        self.isAttached = true
        self.send(
            try .welcome(
                generation: self.box.value.generation,
                after: handled,
                head: self.box.value.head,
                mark: hello.outbox.map { self.box.value.marks[$0] ?? 0 } ?? 0,
                window: self.window,
                uplinkWindow: Window(messages: 8, bytes: 4_096)
            )
        )
    }

    private func acknowledged(_ number: UInt64) {
        guard self.isAttached else { return }
        if number > self.cursor { Issue.record("\(number) was acknowledged and never sent") }
        self.acknowledged = max(self.acknowledged, number)
        self.box.value.floor = max(self.box.value.floor, number)
    }

    private func handle(_ number: UInt64, _ payload: Payload) {
        guard self.isAttached, let outbox = self.outbox else { return }
        let mark = self.box.value.marks[outbox] ?? 0
        if number > mark + 1 { Issue.record("uplink \(number) came after \(mark)") }
        if number == mark + 1 {
            self.box.value.handled.append(payload.text ?? "")
            self.box.value.marks[outbox] = number
        }
        // The mark is committed; whether the client hears of it is luck.
        if !self.cutIfUnlucky() { self.send(.acknowledge(max(number, mark))) }
    }

    /// Sends what the window lets out, as far as luck holds.
    func deliver() {
        while self.isAttached, self.cursor < self.box.value.head, self.cursor - self.acknowledged < self.window.messages {
            self.cursor += 1
            self.send(.message(self.cursor))
            _ = self.cutIfUnlucky()
        }
        self.connection?.flush()
    }

    private func cutIfUnlucky() -> Bool {
        guard self.isAttached, UInt64.random(in: 0..<60, using: &self.box.value.random) == 0 else { return false }
        self.box.value.cuts += 1
        // Sometimes what was said before still arrives.
        if Bool.random(using: &self.box.value.random) { self.connection?.flush() }
        self.cut()
        return true
    }

    private func send(_ frame: ServerFrame) {
        self.connection?.send(.text) { FrameEncoder.append(frame, to: &$0) }
    }
}
