import GaplessCore

/// What has to hold in a fleet, judged by what happens and not by what nodes think.
final class FleetChecker {
    /// So long after the last change somebody has to take clients: the time in which a node that is gone counts, and a heartbeat.
    private static let notice = Duration.seconds(12)
    /// What a draining node tells the others has come to them after so long, as long as their heartbeats succeed.
    private static let told = Duration.seconds(12)
    /// A wait that covers what the balancer needs to notice.
    private static let balancerNotice = 9_000

    /// The signs of life that a process gave to the store.
    private struct Signs {
        var last: Instant
        /// Since when it has told, without a break, that it is cordoned or drains.
        var outSince: Instant?
    }

    /// The moves of one drain or of one round.
    private struct Moves {
        var pace: PaceWatch
        var last: Instant
        var count = 0
        var most = Int.max
    }

    private unowned let world: FleetWorld
    private(set) var violations: [Violation] = []
    private var signs: [NodeIdentity: Signs] = [:]
    private var drains: [NodeIdentity: Moves] = [:]
    private var rounds: [NodeIdentity: Moves] = [:]
    /// When a process first asked somebody to move because it drains.
    private var movesBegan: [NodeIdentity: Instant] = [:]
    /// The clients of a deploy, with how often each was welcomed before.
    private var before: [(client: FleetClient, welcomes: Int)] = []
    private var hasSurge = false
    private var isDeploying = false
    /// When each place held less than its share last.
    private var below: [Instant?]
    private var settled: Instant?
    private var firstExcess: Int?
    private var movedByLoad = 0
    private(set) var lastMoveByLoad = World.start

    init(_ world: FleetWorld) {
        self.world = world
        self.below = Array(repeating: nil, count: world.nodes.count)
    }

    private func require(_ holds: Bool, _ invariant: Invariant, _ message: @autoclosure () -> String) {
        guard !holds, self.violations.count < 10 else { return }
        let time = (self.world.now - World.start).milliseconds
        self.violations.append(Violation(invariant: invariant, message: message(), milliseconds: time))
    }

    // MARK: Moves

    /// A process asked a connection to move.
    func asked(_ connection: FleetConnection, _ order: DrainOrder, isLate: Bool, attached: Int) {
        let (process, now) = (connection.process, self.world.now)
        self.world.note(
            .sentDown,
            UInt64(connection.client.number),
            UInt64(order.code.rawValue),
            "n\(process.place) asks \(connection.client.id) to move, \(order.code.rawValue)"
        )
        if order.code == .rebalance { return self.askedByLoad(connection) }
        if self.movesBegan[process.identity] == nil { self.movesBegan[process.identity] = now }
        if isLate { return }
        self.world.counters.count(.drained)
        let spread = Duration.milliseconds(self.world.options.spread)
        var moves = self.drains[process.identity] ?? Moves(pace: PaceWatch(count: attached, spread: spread), last: now)
        self.require(moves.pace.isKept(at: now - World.start), .pace, "n\(process.place) sends DRAINs faster than \(attached) in \(spread)")
        self.drains[process.identity] = moves
    }

    private func askedByLoad(_ connection: FleetConnection) {
        let (process, now) = (connection.process, self.world.now)
        self.world.counters.count(.rebalanced)
        self.lastMoveByLoad = now
        // R10.2-2
        let isServing = !process.isCordoned && process.drainBegan == nil
        self.require(isServing, .oneMove, "n\(process.place) moves by load while it is cordoned or drains")
        for other in self.world.nodes.compactMap(\.process) where other !== process {
            guard let signs = self.signs[other.identity], let since = signs.outSince, now - signs.last < .seconds(8) else { continue }
            self.require(now - since < Self.told, .oneMove, "n\(process.place) moves by load while n\(other.place) is cordoned or drains")
        }
        let age = connection.attached.map { now - $0 } ?? .zero
        self.require(
            age >= .seconds(60) - .milliseconds(1),
            .oneMove,
            "n\(process.place) moves a client that attached \(age.milliseconds) ms before"
        )
        self.countRound(process)
        connection.client.askedByLoad = now
        if self.isDeploying { connection.client.excused += 1 }
        // Where the nodes differ, a balancer that knows nothing of that may send everybody straight back.
        guard let settled, self.world.options.firstCapacity == 100 else { return }
        self.movedByLoad += 1
        if self.firstExcess == nil { self.firstExcess = self.excess }
        if now - settled > .seconds(60), let below = self.below[process.place] {
            self.require(now - below >= .seconds(60), .balance, "n\(process.place) sends what it was sent")
        }
        let most = 2 * (self.firstExcess ?? 0) + 25 * self.world.options.nodes
        self.require(self.movedByLoad <= most, .balance, "more than \(most) moves by load")
    }

    /// A round moves half of what is above the share; what a node knows of that is a few seconds old.
    private func countRound(_ process: FleetProcess) {
        let now = self.world.now
        var moves: Moves
        if let known = self.rounds[process.identity], now - known.last < .seconds(20) {
            moves = known
        } else {
            let (attached, share) = (process.logic.attachedCount, self.share(of: process.place))
            // Of what changed a moment ago the node may not know.
            let isKnown = now - self.world.lastChange > Self.notice
            let most = isKnown ? max(0, attached - share) * 3 / 4 + 10 + self.world.clients.count / 50 : attached
            moves = Moves(pace: PaceWatch(count: most, spread: .seconds(60)), last: now, most: most)
        }
        moves.last = now
        moves.count += 1
        self.require(moves.pace.isKept(at: now - World.start), .pace, "n\(process.place) moves by load in a burst")
        self.require(moves.count <= moves.most, .balance, "n\(process.place) moves \(moves.count) in a round, of \(moves.most) at the most")
        self.rounds[process.identity] = moves
    }

    // MARK: Who is taken

    /// The balancer was refused by a process that drains.
    func refusedHandshake(_ process: FleetProcess) {
        self.requireNoticed(process)
    }

    func refusedHello(_ process: FleetProcess, _ connection: FleetConnection) {
        if process.drainBegan != nil { self.requireNoticed(process) }
    }

    private func requireNoticed(_ process: FleetProcess) {
        guard self.world.plan.isOrderly, self.world.options.wait >= Self.balancerNotice, let began = process.drainBegan else { return }
        let time = self.world.now - began
        self.require(false, .makeBeforeBreak, "n\(process.place) refuses a client \(time.milliseconds) ms after its drain began")
    }

    func welcomed(_ client: FleetClient, _ connection: FleetConnection) {
        self.world.counters.count(.welcomed)
        let process = connection.process
        if let began = self.movesBegan[process.identity] {
            self.require(connection.opened <= began, .oneMove, "n\(process.place) takes \(client.id) while it sends its clients away")
        }
        if process.drainBegan != nil, process.isRunning { client.allowance += 1 }
    }

    // MARK: Deploys

    func drainBegan(_ process: FleetProcess) {
        guard self.isDeploying else { return }
        for client in self.world.clients where client.connection?.process === process { client.allowance += 1 }
    }

    func deployBegan(withSurge: Bool) {
        self.isDeploying = true
        self.hasSurge = withSurge
        for client in self.world.clients { (client.allowance, client.excused) = (0, 0) }
        // Who is on its way already is not counted.
        let staying = self.world.clients.filter { client in
            let wasAsked = client.askedByLoad.map { self.world.now - $0 < .seconds(20) } ?? false
            return client.connection?.isOpen == true && client.pending == nil && !wasAsked
        }
        self.before = staying.map { ($0, $0.welcomes) }
    }

    func deployEnded() {
        self.isDeploying = false
        guard self.world.plan.isOrderly else { return }
        for (client, welcomes) in self.before {
            let moves = client.welcomes - welcomes
            // What was asked by load before the deploy was known is bound by R10.2-2.
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
        let able = self.world.nodes.filter { !$0.hasTrouble }.compactMap(\.process).filter {
            $0.stalledUntil <= now && $0.drainBegan == nil
        }
        guard !able.isEmpty else { return }
        let running = self.world.nodes.compactMap(\.process).filter { $0.stalledUntil <= now }
        let isTaken = running.contains { $0.logic.admit(authentications: 0, now: now) == .accepted }
        self.require(isTaken, .somebodyTakes, "none of \(able.map { "n\($0.place)" }.joined(separator: ", ")) takes clients")
    }

    private func noteShares() {
        guard self.settled != nil else { return }
        for process in self.world.nodes.compactMap(\.process) {
            let share = self.share(of: process.place)
            if process.logic.attachedCount < share * 9 / 10 - 5 { self.below[process.place] = self.world.now }
        }
    }

    // MARK: Balance

    private func share(of place: Int) -> Int {
        let serving = self.world.nodes.compactMap(\.process).filter { $0.drainBegan == nil && !$0.isCordoned }
        let attached = serving.reduce(0) { $0 + $1.logic.attachedCount }
        let capacity = serving.reduce(0) { $0 + self.world.capacity(of: $1.place) }
        return attached * self.world.capacity(of: place) / max(1, capacity)
    }

    /// What all nodes together hold above their shares.
    private var excess: Int {
        self.world.nodes.compactMap(\.process).reduce(0) { $0 + max(0, $1.logic.attachedCount - self.share(of: $1.place)) }
    }

    /// The faults are over, and everybody is attached.
    func settleBegan() {
        self.settled = self.world.now
    }

    func finish() {
        let lost = self.world.clients.filter { $0.connection?.isOpen != true }
        self.require(lost.isEmpty, .liveness, "\(lost.prefix(3).map { "\($0.id)" }) and \(lost.count) in all are not connected")
        guard self.world.options.firstCapacity == 100 else { return }
        for process in self.world.nodes.compactMap(\.process) {
            let (attached, share) = (process.logic.attachedCount, self.share(of: process.place))
            self.require(attached <= share * 5 / 4 + 25, .balance, "n\(process.place) holds \(attached), its share is \(share)")
        }
    }
}

/// Whether something is spread evenly: in any time at most one more than the share of that time and of the slack. [R10.1-10]
struct PaceWatch {
    private let count: Int64
    private let spread: Int64
    private var done: Int64 = 0
    /// The most that the pace was behind before.
    private var most: Int64?

    init(count: Int, spread: Duration) {
        self.count = Int64(count)
        self.spread = spread.microseconds
    }

    /// One more is done, so long after the beginning of the world.
    mutating func isKept(at time: Duration) -> Bool {
        let key = time.microseconds * self.count - self.done * self.spread
        self.done += 1
        // A little more than the slack: gaps are cut to whole nanoseconds.
        let slack = (SpreadSchedule.slack.microseconds + 1_000) * self.count
        let isKept = self.most.map { key - $0 >= -slack } ?? true
        self.most = max(self.most ?? key, key)
        return isKept
    }
}
