/// The client's side of Protocol.md: one machine for all connections of an instance.
///
/// It decides everything and does nothing: each event appends what is to be done to the turn, in order. At most two connections are live at a
/// time: the newest welcomed one and one that is opening, or one that was just left. The shell reports what happens to each under the
/// `ConnectionID` of its `connect`, and moves its one timer to `nextDeadline` after every event.
///
/// What it is made of has tests of its own: `ClientDownlink` (positions, gaps, acknowledgements), `Outbox` (numbers, windows, marks),
/// `EndpointList` and `Backoff` (where to and when), `Move` (make before break), `Heartbeat`, `Authentication`, and `SaveLedger` (what waits for the disk).
package struct ClientSession: ~Copyable, Sendable {
    /// What the application wants, and whether the server lets it.
    enum Goal: Hashable, Sendable {
        /// Not started, or left. Next: attached, ended.
        case idle
        /// To be attached. Next: leaving, ended, stopped.
        case attached
        /// To be idle, once what was handled is acknowledged. Next: idle, attached.
        case leaving
        /// To say `BYE`. Next: stopped.
        case ended(ClientEnding)
        /// A code said stop, or the session has ended. Next: attached, ended.
        case stopped
    }

    let configuration: ClientSessionConfiguration
    var goal = Goal.idle
    var identity: ClientIdentity
    var ledger: SaveLedger
    var downlink: ClientDownlink
    var outbox: Outbox
    var endpoints: EndpointList
    var backoff: Backoff
    var authentication: Authentication

    /// The connection that is not welcomed yet.
    var opening: ClientConnection?
    /// The newest welcomed connection, while it is open.
    var newest: ClientConnection?
    /// The one welcomed before, left open for what is still on its way.
    var older: ClientConnection?
    /// The newest connection is to be left for a second one.
    var move: Move?
    /// The newest connection ended as superseded while the second one's `HELLO` waits for its answer: when the application is told, if none came.
    var handover: Instant?
    /// When the next connection is opened; nil while there is one.
    var waiting: Instant?

    /// Answers of 4103 to a `HELLO`, in a row.
    var failedResumes = 0
    /// How the newest connection ended while a second one was opening, if its code voids the position: it counts unless the second is welcomed.
    var unheeded: Ending?
    /// Whether the next `HELLO` takes the queue over.
    var isForcing = false
    /// When the last one was sent that did, and was not lost or refused for another reason than a takeover.
    var lastForce: Instant?
    /// The largest payload that the server takes.
    var maxPayloadBytes = Limits.maxPayloadBytes

    private var connections: UInt64 = 0
    /// What the application was told last.
    package private(set) var state = ClientState.idle

    /// A client with the record of its past, which is durable already; idle until `start`.
    package init(
        configuration: ClientSessionConfiguration,
        record: ClientRecord,
        random: inout some RandomNumberGenerator
    ) {
        self.configuration = configuration
        self.identity = record.identity
        self.ledger = SaveLedger(persistence: configuration.persistence)
        self.downlink = ClientDownlink(record.progress)
        self.outbox = Outbox(record.outbox)
        self.endpoints = EndpointList(configuration.endpoints, serverEndpoints: configuration.serverEndpoints, using: &random)
        self.backoff = configuration.backoff
        self.authentication = Authentication(
            source: configuration.tokenSource,
            token: configuration.token,
            hasToken: record.identity.token != nil
        )
    }

    /// Everything that is to outlive the process, as it is now; what `save` reported so far adds up to it.
    package var record: ClientRecord {
        ClientRecord(identity: self.identity, progress: self.downlink.progress, outbox: self.outbox.record)
    }

    /// How many uplink messages the server has not acknowledged, sent or not.
    package var unconfirmedMessages: Int { self.outbox.count }

    // MARK: What the application wants

    /// The application wants to be attached.
    package mutating func start(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        switch self.goal {
        case .idle, .stopped:
            self.goal = .attached
            self.begin(&turn)
        case .leaving:
            self.goal = .attached
        case .attached, .ended:
            return
        }
    }

    /// The application wants to be attached, whoever else holds the queue (Protocol.md [R5.3-13]).
    package mutating func takeOver(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        if self.newest == nil { self.isForcing = true }
        self.start(&turn)
    }

    /// The application leaves: what was handled is saved and acknowledged, then the connection is closed; the queue stays (Protocol.md §10.3).
    package mutating func leave(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        switch self.goal {
        case .idle, .stopped, .leaving:
            return
        case .attached, .ended:
            self.goal = .leaving
            if self.downlink.isUnsaved { self.saveProgress(.now, &turn) }
            self.proceed(&turn)
        }
    }

    /// The application wants the queue to end (Protocol.md [R10.3-4]).
    package mutating func end(_ ending: ClientEnding, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        switch self.goal {
        case .idle, .stopped:
            self.goal = .ended(ending)
            self.begin(&turn)
        case .attached, .leaving, .ended:
            self.goal = .ended(ending)
            self.proceed(&turn)
        }
    }

    private mutating func begin(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.waiting = self.endpoints.select(at: turn.now)
        self.connectIfDue(&turn)
    }

    // MARK: Time

    /// The next moment at which `timerFired` has something to do; nil when nothing waits for time.
    package var nextDeadline: Instant? {
        var deadline = self.authentication.need == nil ? self.waiting : nil
        let others = [
            self.opening?.nextDeadline, self.newest?.nextDeadline, self.older?.deadline,
            self.moveDeadline, self.handover, self.downlink.deadline,
        ]
        for case let other? in others {
            deadline = deadline.map { min($0, other) } ?? other
        }
        return deadline
    }

    /// The deadline is reached, or the shell woke for another reason.
    package mutating func timerFired(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.checkOpening(&turn)
        self.checkNewest(&turn)
        self.checkOlder(&turn)
        self.checkMove(&turn)
        self.checkHandover(&turn)
        self.connectIfDue(&turn)
        self.proceed(&turn)
    }

    // MARK: The record

    /// Everything through the version is durable.
    package mutating func saved(_ version: SaveVersion, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.ledger.confirm(through: version)
        self.downlink.saved(through: self.ledger.saved)
        self.outbox.saved(through: self.ledger.saved)
        self.proceed(&turn)
    }

    /// Hands out the newest progress to be saved; at once if something in it waits to be acknowledged.
    mutating func saveProgress(_ urgency: SaveUrgency, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        let urgency = self.downlink.isSettled ? urgency : .now
        self.downlink.saving(self.ledger.record(.progress(self.downlink.progress), urgency, &turn), urgency)
        self.downlink.saved(through: self.ledger.saved)
    }

    /// Hands out who the client is to be saved.
    mutating func saveIdentity(_ urgency: SaveUrgency, _ turn: inout ClientTurn<some RandomNumberGenerator>) -> SaveVersion {
        self.ledger.record(.identity(self.identity), urgency, &turn)
    }

    // MARK: Going on

    /// Does whatever nothing stands against any more.
    mutating func proceed(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        self.proceedOpening(&turn)
        self.acknowledge(&turn)
        self.moveIfSettled(&turn)
        self.flush(&turn)
        self.sayByeIfDue(&turn)
        self.leaveIfDone(&turn)
    }

    /// Tells the application a state that is another than it knows.
    mutating func tell(_ state: ClientState, _ turn: inout ClientTurn<some RandomNumberGenerator>) {
        guard state != self.state else { return }
        self.state = state
        turn.perform(.deliver(.state(state)))
    }

    /// The id of the next connection.
    mutating func nextConnectionID() -> ConnectionID {
        self.connections += 1
        return ConnectionID(self.connections)
    }
}

/// When the session says `BYE`.
package enum ClientEnding: Hashable, Sendable {
    /// As soon as the server handled the uplink.
    case afterUplink
    /// At once; what the server has not handled is discarded.
    case immediately
}
