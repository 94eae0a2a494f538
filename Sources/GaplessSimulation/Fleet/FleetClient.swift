import GaplessCore

/// One WebSocket between a client and a process.
final class FleetConnection {
    let client: FleetClient
    let process: FleetProcess
    let address: ConnectionAddress
    let opened: Instant
    var isOpen = true
    /// Under what it attached, and when.
    var fence: Fence?
    var attached: Instant?
    /// When it was asked to move because its node drains.
    var asked: Instant?

    init(_ client: FleetClient, _ process: FleetProcess, address: ConnectionAddress, opened: Instant) {
        self.client = client
        self.process = process
        self.address = address
        self.opened = opened
    }
}

/// A client that wants to be connected, and no more than that: it moves when it is asked to, opening the second connection first.
final class FleetClient {
    private unowned let world: FleetWorld
    let number: Int
    let id: ClientID
    private let instance: InstanceID
    private var attempt: UInt64 = 0
    private var failures = 0
    private var isTrying = false
    private var moveUntil = World.start
    /// The newest that was welcomed, and the one that waits for its answer.
    private(set) var connection: FleetConnection?
    private(set) var pending: FleetConnection?
    /// Under what it attached last, as the store knows.
    var newest: Fence?
    private(set) var welcomes = 0
    /// How often it may be welcomed again, since the deploy began.
    var allowance = 0
    /// How often it was asked to move by load since then, by a node that did not know of the deploy yet.
    var excused = 0
    /// When it was asked to move by load last.
    var askedByLoad: Instant?
    /// Whether it has left for good.
    private(set) var isGone = false

    init(_ world: FleetWorld, number: Int) {
        self.world = world
        self.number = number
        guard let user = UserID("u\(number)"), let instance = InstanceID("i\(number)") else { preconditionFailure("valid names") }
        self.id = ClientID(user: user)
        self.instance = instance
    }

    private func draws() -> SeededRandom {
        SeededRandom(seed: self.world.plan.seed, stream: "client", UInt64(self.number), self.attempt)
    }

    /// Connects after a time, past the balancer when a place is named.
    func connect(after wait: Duration, to place: Int? = nil) {
        guard !self.isTrying, self.pending == nil, !self.isGone else { return }
        self.isTrying = true
        self.world.after(wait) {
            self.isTrying = false
            guard self.pending == nil, !self.isGone else { return }
            self.attempt += 1
            let direct = place.flatMap { self.world.nodes[$0].process }
            if let place, direct != nil { self.world.balancer.passedBy(place) }
            guard let process = direct ?? self.world.balancer.route() else { return self.failed(after: nil) }
            let connection = process.accept(self)
            self.pending = connection
            var random = self.draws()
            self.world.after(random.latency(1_000...(self.world.options.latency * 1_000))) {
                process.run { process.hello(connection, self.operation(at: process)) }
            }
            self.world.after(.milliseconds(6_000 + self.world.options.authentication)) {
                guard self.pending === connection else { return }
                self.pending = nil
                process.lose(connection)
                self.failed(after: nil)
            }
        }
    }

    private func operation(at process: FleetProcess) -> AttachOperation {
        AttachOperation(client: self.id, node: process.identity, instance: self.instance, attempt: Attempt(self.attempt))
    }

    /// Tries again: with backoff, or as it was told.
    private func failed(after told: Duration?) {
        var random = self.draws()
        self.failures += 1
        let most = min(5_000, 500 << min(self.failures, 5))
        let wait = Duration.milliseconds(Int.random(in: 0...most, using: &random))
        if self.connection != nil, self.world.now >= self.moveUntil { return }
        self.connect(after: (told ?? .zero) + wait)
    }

    func welcomed(_ connection: FleetConnection) {
        guard self.pending === connection else { return }
        let old = self.connection
        self.pending = nil
        self.connection = connection
        self.failures = 0
        self.welcomes += 1
        self.world.checker.welcomed(self, connection)
        if let old { self.world.after(.seconds(5)) { old.process.lose(old) } }
    }

    /// It was asked to move.
    func move(_ order: DrainOrder, _ connection: FleetConnection) {
        guard self.connection === connection, connection.isOpen else { return }
        self.moveUntil = self.world.now + order.within
        self.connect(after: .milliseconds(5))
    }

    /// It leaves, and does not come back.
    func leave() {
        self.isGone = true
        for connection in [self.connection, self.pending] { connection.map { $0.process.lose($0) } }
        (self.connection, self.pending) = (nil, nil)
    }

    /// A connection ended.
    func closed(_ connection: FleetConnection, retryAfter: Duration?, jitter: Duration?) {
        var random = self.draws()
        if self.pending === connection {
            self.pending = nil
            self.failed(after: retryAfter)
        } else if self.connection === connection {
            self.connection = nil
            let most = Int((jitter ?? .milliseconds(500)).milliseconds)
            if self.pending == nil { self.connect(after: (retryAfter ?? .zero) + .milliseconds(Int.random(in: 0...most, using: &random))) }
        }
    }

    func dismantle() {
        (self.connection, self.pending) = (nil, nil)
    }
}
