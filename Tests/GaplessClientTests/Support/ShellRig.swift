import GaplessCore
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import GaplessClient
@testable import GaplessWebSocket

/// A client's shell on an event loop that stands still until told to go on, with a clock that may run ahead of it, and the test as network.
final class ShellRig {
    /// The loop; `advance` moves it.
    let loop = EmbeddedEventLoop()
    let shell: ClientShell
    private let network: RigNetwork
    private let clock: RigClock
    private let buffer: EventBuffer
    private let states = StateLog()
    /// Held, as the client holds it: a mailbox knows it weakly.
    private let box: NIOLoopBoundBox<ClientShell>

    init(
        endpoints: [String] = ["ws://a.example.com/gapless"],
        logger: Logger = .quiet,
        configure: (inout ClientSessionConfiguration) -> Void = { _ in }
    ) throws {
        let (loop, clock) = (self.loop, RigClock(self.loop))
        var random = TestRandom(seed: 7)
        var configuration = ClientSessionConfiguration(endpoints: endpoints)
        configure(&configuration)
        let mailbox = ClientMailbox(eventLoop: loop)
        let states = self.states
        self.clock = clock
        self.network = RigNetwork(loop)
        self.buffer = EventBuffer(mailbox: mailbox, acknowledgement: .explicit)
        self.shell = ClientShell(
            ClientSession(configuration: configuration, record: try .fresh(), random: &random),
            restored: 0,
            surroundings: ClientShell.Surroundings(
                eventLoop: loop,
                clock: clock.clock,
                connector: self.network,
                headers: [:],
                mailbox: mailbox,
                events: self.buffer,
                writer: nil,
                logger: logger,
                leaveTimeout: .seconds(5),
                requestToken: { _ in },
                publishState: { states.append($0) }
            )
        )
        self.box = NIOLoopBoundBox(self.shell, eventLoop: loop)
        mailbox.attach(self.box)
        self.ask { $0.start(.resume) }
    }

    /// Asks the shell for something, as its mailbox does.
    func ask(_ body: (ClientShell) -> Void) {
        body(self.shell)
        self.shell.settle()
        self.loop.run()
    }

    /// The application handled the message of epoch `e1`, the first that the client is welcomed with.
    func handle(_ number: UInt64) throws {
        // The client counts numberings from 0, and 0 is the one before the first WELCOME.
        let reference = EventReference(epoch: try #require(EpochToken("e1")), numbering: 1, through: SequenceNumber(number))
        self.ask { shell in shell.feed { $0.handled(reference, &$1) } }
    }

    /// The disk has everything that the session wanted to be saved.
    func confirmSaves() {
        self.ask { $0.saved(.success($0.saves.issued)) }
    }

    /// Lets time pass, for the loop and for the clock.
    func advance(_ time: TimeAmount) {
        self.loop.advanceTime(by: time)
    }

    /// Lets time pass while the loop stands still, as when the machine sleeps: what was due meanwhile happens when the loop goes on.
    func stall(_ time: TimeAmount) {
        self.clock.ahead = self.clock.ahead + time
    }

    /// The attempt that waits for the network, if there is one.
    func attempt() -> RigAttempt? {
        self.network.waiting.isEmpty ? nil : self.network.waiting.removeFirst()
    }

    /// Advances by tenths of a second until the client tries again.
    func nextAttempt(within limit: TimeAmount = .minutes(2)) throws -> RigAttempt {
        var waited = TimeAmount.zero
        while waited < limit {
            if let attempt = self.attempt() { return attempt }
            self.advance(.milliseconds(100))
            waited = waited + .milliseconds(100)
        }
        return try #require(self.attempt(), "the client did not come back")
    }

    /// Opens the next attempt, reads its `HELLO` and welcomes it.
    @discardableResult
    func attach(_ welcome: ServerFrame? = nil) throws -> RigConnection {
        let connection = try self.nextAttempt().open()
        guard case .hello = try connection.received().first else {
            Issue.record("there is no HELLO")
            return connection
        }
        try connection.send(try welcome ?? .welcome())
        return connection
    }

    /// What the client said of itself last.
    var state: GaplessClient.State? { self.states.all.last }

    /// How long the client said that it would stay away, the last time that it was offline.
    var lastAbsence: Duration? {
        for state in self.states.all.reversed() {
            if case .offline(let absence) = state { return absence.retryAfter }
        }
        return nil
    }
}

/// What a client said of itself.
private final class StateLog: Sendable {
    private let states = Mutex<[GaplessClient.State]>([])

    var all: [GaplessClient.State] { self.states.withLock { $0 } }

    func append(_ state: GaplessClient.State) {
        self.states.withLock { $0.append(state) }
    }
}

/// The loop's clock, or one that is ahead of it.
private final class RigClock: Sendable {
    private let loop: EmbeddedEventLoop
    private let lead = Mutex(TimeAmount.zero)

    init(_ loop: EmbeddedEventLoop) {
        self.loop = loop
    }

    /// How far it is ahead.
    var ahead: TimeAmount {
        get { self.lead.withLock { $0 } }
        set { self.lead.withLock { $0 = newValue } }
    }

    /// The clock as a shell sees it; its timers are set on the loop, by the time that is left.
    var clock: LoopClock {
        LoopClock(now: { self.loop.now + self.ahead }) { moment, _, body in
            let left = moment - (self.loop.now + self.ahead)
            let task = self.loop.scheduleTask(in: max(.zero, left), body)
            return LoopTimer { task.cancel() }
        }
    }
}

/// A network on which nothing happens but what the test does.
private final class RigNetwork: ClientConnector {
    private let loop: EmbeddedEventLoop
    var waiting: [RigAttempt] = []

    init(_ loop: EmbeddedEventLoop) {
        self.loop = loop
    }

    func connect(
        to endpoint: WebSocketEndpoint,
        headers: HTTPHeaders,
        on eventLoop: any EventLoop,
        makeSocket: @escaping @Sendable (any EventLoop) -> ClientSocket
    ) -> WebSocketConnectAttempt {
        let attempt = WebSocketConnectAttempt(eventLoop: eventLoop)
        self.waiting.append(RigAttempt(url: endpoint.description, attempt: attempt, loop: self.loop, makeSocket: makeSocket))
        return attempt
    }
}

/// A connection that the client tries to open.
struct RigAttempt {
    let url: String
    fileprivate let attempt: WebSocketConnectAttempt
    fileprivate let loop: EmbeddedEventLoop
    fileprivate let makeSocket: @Sendable (any EventLoop) -> ClientSocket

    /// The network or the server says no.
    func fail(_ code: WebSocketConnectError.Code = .transport) {
        self.attempt.fail(WebSocketConnectError(code, "said the test"))
        self.loop.run()
    }

    /// The handshake is through.
    func open() throws -> RigConnection {
        guard self.attempt.claim() else { throw RigError.cancelled }
        let connection = try RigConnection(self.makeSocket(self.loop), loop: self.loop)
        self.attempt.succeed()
        self.loop.run()
        return connection
    }
}

/// What a rig cannot do.
enum RigError: Error {
    /// The client gave the attempt up before.
    case cancelled
}

/// A connection of the client, seen from the server.
final class RigConnection {
    private let channel: EmbeddedChannel
    private let loop: EmbeddedEventLoop
    private var inbound = WebSocketFrameDecoder(role: .server, maxMessageBytes: 1 << 21, maxFragments: 1)
    private let decoder = ClientFrameDecoder(limits: WireLimits(message: Limits.maxPayloadBytes), validation: .checked)
    /// The code of the client's Close, once it came.
    private(set) var closeCode: UInt16?

    fileprivate init(_ socket: ClientSocket, loop: EmbeddedEventLoop) throws {
        self.loop = loop
        let handler = WebSocketConnectionHandler(role: .client, delegate: socket, configuration: WebSocketConnectionConfiguration())
        self.channel = EmbeddedChannel(handler: handler, loop: loop)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// Whether TCP stands.
    var isActive: Bool { self.channel.isActive }

    /// The frames that the client sent since the last call.
    func received() throws -> [ClientFrame] {
        var frames: [ClientFrame] = []
        while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) {
            self.inbound.append(bytes)
            while let event = try self.inbound.next() {
                switch event {
                case .message(let kind, let payload): frames.append(try self.decoder.decode(kind == .text ? .text : .binary, payload))
                case .close(let code, _): self.closeCode = code?.rawValue
                case .ping, .pong: break
                }
            }
        }
        return frames
    }

    /// Sends frames in one read.
    func send(_ frames: ServerFrame...) throws {
        var bytes = ByteBuffer()
        var random = SystemRandomNumberGenerator()
        for frame in frames {
            var payload = ByteBuffer()
            FrameEncoder.append(frame, to: &payload)
            let opcode: WebSocketOpcode = FrameEncoder.kind(of: frame) == .text ? .text : .binary
            WebSocketFrameEncoder(role: .server).write(opcode, payload: payload, into: &bytes, using: &random)
        }
        try self.send(bytes: bytes)
    }

    /// Sends bytes as they are, right or wrong.
    func send(bytes: ByteBuffer) throws {
        guard self.channel.isActive else { return }
        try self.channel.writeInbound(bytes)
        self.loop.run()
    }

    /// Refuses the client: `ERROR`, the Close with its code, and the end of TCP.
    func refuse(_ code: CloseCode) throws {
        try self.send(.error(ErrorFrame(code: code, message: "No.")))
        try self.close(code.rawValue)
    }

    /// Sends a Close and ends TCP.
    func close(_ code: UInt16) throws {
        var bytes = ByteBuffer()
        var random = SystemRandomNumberGenerator()
        WebSocketFrameEncoder(role: .server).write(.close, payload: ByteBuffer(integer: code), into: &bytes, using: &random)
        try self.send(bytes: bytes)
        try self.cut()
    }

    /// Cuts TCP.
    func cut() throws {
        guard self.channel.isActive else { return }
        try self.channel.close().wait()
        self.loop.run()
    }
}
