import GaplessCore

/// What has to hold in a fleet, judged by what happens and not by what nodes think.
final class FleetChecker {
    /// So long after the last change somebody has to take clients: the time in which a node that is gone counts, and a heartbeat.
    private static let notice = Duration.seconds(12)
    /// Nobody acts on what he asked for longer ago.
    static let freshness = Duration.milliseconds(8_100)
    /// An order that was given has been obeyed after so long, where nothing was wrong.
    private static let obedience = Duration.seconds(12)
    /// So long after a change anywhere nobody is moved by load: the calm that nodes wait for, less what they need to hear of the change.
    static let calm = Duration.seconds(105)
    /// A wait that covers what the balancer needs to notice.
    private static let balancerNotice = 9_000

    /// The signs of life that a process gave to the store.
    struct Signs {
        var last: Instant
        /// Since when it has told, without a break, that it is cordoned or drains.
        var outSince: Instant?
    }

    /// The moves of one drain.
    private struct Drain {
        var pace: PaceWatch
        /// When the last of those that were there has been asked, and when the rest are closed, at the latest and at the soonest.
        let asked: Instant
        let closes: Instant
        /// What time each has to move, at the least.
        let within: Duration
        /// How many there were to ask, and how many have been asked.
        var count: Int
        var done = 0
    }

    unowned let world: FleetWorld
    private(set) var violations: [Violation] = []
    var signs: [NodeIdentity: Signs] = [:]
    private var drains: [NodeIdentity: Drain] = [:]
    var load = FleetLoadChecker()
    /// The last order that each process was given, and how many there were.
    private var orders: [NodeIdentity: (newest: NodeOrder, count: Int)] = [:]
    /// The clients of a deploy, with how often each was welcomed before.
    private var before: [(client: FleetClient, welcomes: Int)] = []
    private var hasSurge = false
    private var deployBegan = World.start
    private(set) var isDeploying = false
    private(set) var settled: Instant?

    init(_ world: FleetWorld) {
        self.world = world
    }

    var lastMoveByLoad: Instant { self.load.lastMove }

    func require(_ holds: Bool, _ invariant: Invariant, _ message: @autoclosure () -> String) {
        guard !holds, self.violations.count < 10 else { return }
        let time = (self.world.now - World.start).milliseconds
        self.violations.append(Violation(invariant: invariant, message: message(), milliseconds: time))
    }

    // MARK: Drains

    /// A process begins to send its clients away.
    func movesBegan(_ process: FleetProcess, clients: Int) {
        let (options, now) = (self.world.options, self.world.now)
        let (spread, within) = (Duration.milliseconds(options.spread), Duration.milliseconds(options.within))
        let hardStop = Duration.milliseconds(options.hardStop)
        let last = (process.drainBegan ?? now) + (hardStop - min(.seconds(5), hardStop / 10))
        let room = max(.zero, min(spread + within, last - now))
        let time = min(spread, room / 2)
        self.drains[process.identity] = Drain(
            pace: PaceWatch(count: clients, spread: time, now: now),
            asked: now + time,
            closes: now + room,
            within: min(within, room / 2),
            count: clients
        )
        // R10.1-11
        let wait = now - (process.drainBegan ?? now)
        let isDone = wait >= min(.milliseconds(options.wait), hardStop * 9 / 10) - .milliseconds(1) || process.isExcused
        self.require(isDone, .makeBeforeBreak, "n\(process.place) waits \(wait.milliseconds) ms for its balancer")
    }

    /// A connection attached whose node sends its clients away: the pace is what it takes to ask all in time.
    func cameLate(_ connection: FleetConnection) {
        guard var drain = self.drains[connection.process.identity] else { return }
        let now = self.world.now
        drain.count += 1
        let time = max(drain.asked - now, (drain.closes - now) / 2)
        drain.pace.quicken(count: drain.count - drain.done, in: time, now: now)
        self.drains[connection.process.identity] = drain
    }

    /// A process asked a connection to move.
    func asked(_ connection: FleetConnection, _ order: DrainOrder) {
        let (process, now) = (connection.process, self.world.now)
        self.world.note(
            .sentDown,
            UInt64(connection.client.number),
            UInt64(order.code.rawValue),
            "n\(process.place) asks \(connection.client.id) to move, \(order.code.rawValue)"
        )
        if order.code == .rebalance { return self.askedByLoad(connection) }
        guard var drain = self.drains[process.identity] else {
            return self.require(false, .pace, "n\(process.place) sends a DRAIN before its moves begin")
        }
        connection.asked = now
        drain.done += 1
        self.require(drain.pace.isKept(now: now), .pace, "n\(process.place) sends DRAINs in a burst, \(drain.done) of \(drain.count)")
        self.drains[process.identity] = drain
        let isLate = connection.attached.map { attached in process.movesBegan.map { attached >= $0 } ?? false } ?? false
        self.world.counters.count(isLate ? .late : .drained)
    }

    /// A draining process closes a connection that is left.
    func closed(_ connection: FleetConnection) {
        let (process, now) = (connection.process, self.world.now)
        guard !process.isExcused, let began = process.movesBegan, let drain = self.drains[process.identity] else { return }
        guard let attached = connection.attached, attached < began else { return }
        // R10.1-9. Timers may be late, and the pace is kept all the same.
        let least = drain.within - .milliseconds(400 + 2 * self.world.options.lateness)
        let time = connection.asked.map { now - $0 }
        let isAsked = time.map { $0 >= least } ?? false
        let asked = time.map { "asked \($0.milliseconds) ms before" } ?? "never asked"
        self.require(isAsked, .makeBeforeBreak, "n\(process.place) closes \(connection.client.id), \(asked)")
    }

    /// A client has not moved in time.
    func timeIsOver(_ connection: FleetConnection, _ order: DrainOrder) {
        let options = self.world.options
        let isFast = options.authentication + 3 * options.latency + 2 * options.commit < options.within / 2
        guard self.world.plan.isOrderly, isFast, options.wait + (self.hasSurge ? options.afterCordon : 0) >= Self.balancerNotice else {
            return
        }
        guard !connection.process.isExcused, order.within >= .milliseconds(options.within) else { return }
        self.require(false, .makeBeforeBreak, "\(connection.client.id) is closed by n\(connection.process.place): it found nowhere to go")
    }

    // MARK: Who is taken

    /// The balancer was refused: by a process that drains only when it had time to notice, unless it has too much to do.
    func refusedHandshake(_ process: FleetProcess) {
        guard self.world.options.wait >= Self.balancerNotice, !process.isExcused, !process.isCordoned, !process.shedsLoad,
            let began = process.drainBegan
        else { return }
        let time = self.world.now - began
        self.require(false, .makeBeforeBreak, "n\(process.place) refuses a client \(time.milliseconds) ms after its drain began")
    }

    func welcomed(_ client: FleetClient, _ connection: FleetConnection) {
        self.world.counters.count(.welcomed)
        let process = connection.process
        if let began = process.movesBegan {
            self.require(connection.opened <= began, .oneMove, "n\(process.place) takes \(client.id) while it sends its clients away")
        }
        if process.drainBegan != nil, process.isRunning { client.allowance += 1 }
    }

    // MARK: Orders

    /// An order is durable: these are to obey it.
    func given(_ order: NodeOrder, to nodes: [NodeIdentity]) {
        for node in nodes {
            let former = self.orders[node]
            // Nothing takes a drain back.
            let newest = former.map { $0.newest.isDrain && !order.isDrain ? $0.newest : order } ?? order
            let count = (former?.count ?? 0) + 1
            self.orders[node] = (newest, count)
            let given = self.world.now
            self.world.after(Self.obedience) { self.requireObeyed(node, count, since: given) }
        }
    }

    private func requireObeyed(_ node: NodeIdentity, _ count: Int, since given: Instant) {
        guard let orders = self.orders[node], orders.count == count, self.settled == nil, !self.world.isHealed else { return }
        guard let process = self.world.nodes.compactMap(\.process).first(where: { $0.identity == node }) else { return }
        // Where something was wrong meanwhile, it takes longer.
        guard process.stalledUntil <= given, process.node.trouble.until <= given, !process.node.hasTrouble else { return }
        let isObeyed: Bool
        switch orders.newest {
        case .cordon: isObeyed = process.isCordoned || process.drainBegan != nil
        case .uncordon: isObeyed = !process.isCordoned || process.drainBegan != nil
        case .drain, .drainNow: isObeyed = process.drainBegan != nil
        }
        self.require(isObeyed, .liveness, "n\(process.place) has not obeyed: \(orders.newest.rawValue)")
    }

    // MARK: Deploys

    func drainBegan(_ process: FleetProcess) {
        guard self.isDeploying else { return }
        for client in self.world.clients where client.connection?.process === process { client.allowance += 1 }
    }

    func deployBegan(withSurge: Bool) {
        self.isDeploying = true
        self.deployBegan = self.world.now
        self.hasSurge = withSurge
        for client in self.world.clients { (client.allowance, client.excused) = (0, 0) }
        // Who is on its way already is not counted.
        let staying = self.world.clients.filter { client in
            let wasAsked = client.askedByLoad.map { self.world.now - $0 < .seconds(20) } ?? false
            return client.connection?.isOpen == true && client.pending == nil && !wasAsked
        }
        self.before = staying.map { ($0, $0.welcomes) }
    }

    /// Whether a move by load that happens in a deploy is nobody's fault: its node did not know of the deploy yet, or the operator let it soak.
    var isMoveExcused: Bool {
        let now = self.world.now
        return now - self.world.lastChange >= Self.calm || now - max(self.deployBegan, self.world.calmEnded) < Self.notice
    }

    func deployEnded() {
        self.isDeploying = false
        guard self.world.plan.isOrderly else { return }
        for (client, welcomes) in self.before {
            let moves = client.welcomes - welcomes
            // What was asked by load in between is bound by R10.2-2.
            let most = (self.hasSurge ? 1 : client.allowance) + client.excused
            let isRight = moves <= most && (!self.hasSurge || moves >= 1)
            let right = self.hasSurge ? "once" : "\(most) times at the most"
            self.require(isRight, .oneMove, "\(client.id) was welcomed \(moves) times, not \(right)")
        }
    }

    /// A heartbeat is durable.
    func told(_ heartbeat: HeartbeatOperation) {
        let now = self.world.now
        let isOut = heartbeat.report.map { $0.isDraining || $0.isCordoned } ?? false
        var signs = self.signs[heartbeat.node] ?? Signs(last: now)
        if !isOut { signs.outSince = nil } else if signs.outSince == nil || now - signs.last >= .seconds(8) { signs.outSince = now }
        signs.last = now
        self.signs[heartbeat.node] = signs
    }

    // MARK: Each second

    func look() {
        self.noteShares()
        let now = self.world.now
        guard now - self.world.lastChange > Self.notice else { return }
        // Others know within that time of a node that drains, and of one whose store fails; one that is slow may be counted on.
        let running = self.world.nodes.compactMap(\.process).filter { process in
            let isFailing = process.node.hasTrouble && process.node.trouble.delay == nil
            return process.stalledUntil <= now && process.drainBegan == nil && !isFailing
        }
        let able = running.filter { !$0.node.hasTrouble }
        guard !able.isEmpty else { return }
        let isTaken = running.contains { $0.logic.admit(authentications: 0, now: now) == .accepted }
        self.require(isTaken, .somebodyTakes, "none of \(able.map { "n\($0.place)" }.joined(separator: ", ")) takes clients")
    }

    // MARK: The end

    /// The faults are over, and everybody is attached.
    func settleBegan() {
        self.settled = self.world.now
    }

    func finish(isQuiet: Bool) {
        let lost = self.world.clients.filter { $0.connection?.isOpen != true && !$0.isGone }
        self.require(lost.isEmpty, .liveness, "\(lost.prefix(3).map { "\($0.id)" }) and \(lost.count) in all are not connected")
        self.require(isQuiet, .balance, "clients are moved by load without end")
        self.requireBalance()
    }
}
