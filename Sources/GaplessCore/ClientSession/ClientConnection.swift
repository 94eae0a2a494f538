/// One connection of a session, from the moment at which its attempt is counted.
struct ClientConnection: Sendable {
    /// How far a connection is.
    enum Phase: Sendable {
        /// Its attempt is being saved; nothing is open. Next: connecting.
        case recording(SaveVersion)
        /// TCP, TLS and the WebSocket's handshake. Next: opened.
        case connecting
        /// Open; the position is being saved before `HELLO` tells it. Next: greeting.
        case opened(SaveVersion)
        /// `HELLO` was sent. Next: attached.
        case greeting(outbox: OutboxID, since: Instant)
        /// `WELCOME` came.
        case attached(Attachment)
    }

    /// What a `WELCOME` settled.
    struct Attachment: Sendable {
        /// The epoch of every number on the connection.
        let epoch: EpochToken
        /// The outbox that `HELLO` named.
        let outbox: OutboxID
        /// When it came.
        let since: Instant
        /// The windows in force.
        let downlinkWindow: Window
        let uplinkWindow: Window
        /// The highest number that the server knows to be handled.
        var acknowledged: SequenceNumber
        /// Whether `BYE` was sent, after which nothing is.
        var isEnding = false
    }

    let id: ConnectionID
    let attempt: Attempt
    let endpoint: String
    var phase: Phase

    /// `ERROR` came: the connection is about to be closed, and nothing on it counts any more.
    var error: ErrorFrame?

    /// When it is given up: no `WELCOME` came, no Close followed an `ERROR`, or it is an older one that was left open long enough.
    var deadline: Instant?

    /// Whether the deadline fired late once and was moved (Protocol.md [R8-5]).
    var isOverdue = false

    /// Signs of life; nil until it is open.
    var liveness: Heartbeat?

    /// When its `HELLO` took the queue over; nil when it did not.
    var forced: Instant?

    /// The `PING` that came before `HELLO` could be sent.
    var owedPong: UInt64?

    init(id: ConnectionID, attempt: Attempt, endpoint: String, recording version: SaveVersion) {
        self.id = id
        self.attempt = attempt
        self.endpoint = endpoint
        self.phase = .recording(version)
    }

    /// Whether it lived long enough after its `WELCOME` to count as a success (Protocol.md [R11.4-2]).
    func isHealthy(now: Instant) -> Bool {
        self.attachment.map { ClientTimes.healthy <= now - $0.since } ?? false
    }

    /// What `WELCOME` settled; nil before.
    var attachment: Attachment? {
        get {
            switch self.phase {
            case .attached(let attachment): attachment
            case .recording, .connecting, .opened, .greeting: nil
            }
        }
        set {
            if let newValue { self.phase = .attached(newValue) }
        }
    }

    /// Whether the shell was asked to open it.
    var isOpening: Bool {
        switch self.phase {
        case .recording: false
        case .connecting, .opened, .greeting, .attached: true
        }
    }

    /// Whether frames may be sent: `HELLO` was, and neither `ERROR` came nor `BYE` was said.
    var isSpeaking: Bool {
        guard self.error == nil else { return false }
        return switch self.phase {
        case .recording, .connecting, .opened: false
        case .greeting: true
        case .attached(let attachment): !attachment.isEnding
        }
    }

    /// Whether `HELLO` was sent and no answer came.
    var isGreeting: Bool {
        switch self.phase {
        case .greeting: true
        case .recording, .connecting, .opened, .attached: false
        }
    }

    /// Speaks or gives up when nothing was sent or heard for long; says whether the connection is dead.
    mutating func checkLiveness(_ turn: inout ClientTurn<some RandomNumberGenerator>) -> Bool {
        switch self.liveness?.timerFired(now: turn.now) {
        case .ping(let number):
            self.send(.ping(number), &turn)
            // Even if nothing may be sent any more: the deadline is past.
            self.liveness?.sent(now: turn.now)
            return false
        case .silent: return true
        case nil: return false
        }
    }

    /// Asks for a sign of life within 5 s (Protocol.md §8).
    mutating func probe(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard self.isSpeaking, let number = self.liveness?.probe(now: turn.now) else { return }
        self.send(.ping(number), &turn)
    }

    /// Writes a frame, if frames may be sent.
    mutating func send(_ frame: ClientFrame, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard self.isSpeaking else { return }
        self.liveness?.sent(now: turn.now)
        turn.perform(.send(self.id, frame))
    }

    /// Closes it, if the shell was asked to open it.
    func close(_ code: CloseCode, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard self.isOpening else { return }
        turn.perform(.close(self.id, code))
    }

    /// The next moment at which something is to be checked.
    var nextDeadline: Instant? {
        // Before HELLO only the time of the opening counts, after ERROR only the wait for the Close.
        guard self.error == nil, self.isGreeting || self.attachment != nil, let liveness = self.liveness else { return self.deadline }
        return self.deadline.map { min($0, liveness.nextDeadline) } ?? liveness.nextDeadline
    }
}
