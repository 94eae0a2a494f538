import GaplessCore

/// What is known of the moves by load.
struct FleetLoadChecker {
    /// The moves of one round.
    struct Moves {
        var pace: PaceWatch
        var count = 0
        let most: Int
        /// How many clients there were when it began, and how many of them above the shares of their nodes.
        let clients: Int
        let excess: Int
    }

    /// The newest round of each process.
    var rounds: [NodeIdentity: Moves] = [:]
    /// When a process began a round though the one before had brought nothing.
    var fruitless: [NodeIdentity: [Instant]] = [:]
    /// How much each place held above its share, each second of the last ones.
    var excesses: [[Int]] = []
    /// When each place held less than its share last.
    var below: [Instant?] = []
    var firstExcess: Int?
    var moved = 0
    var lastMove = World.start
}

// Moves by load. [R10.2-1, R10.2-2]
extension FleetChecker {
    /// What a node knows of the others is at most so many seconds old, with the way of its own heartbeat.
    private static let memory = 12
    /// Rounds of fewer moves are not judged by what they brought.
    private static let fewMoves = 20
    /// How long a node rests that moves clients without fruit.
    private static let rest = Duration.seconds(3_600)

    /// A process begins to move clients away.
    func roundBegan(_ process: FleetProcess, moves: Int) {
        self.world.counters.count(.round)
        let now = self.world.now
        let held = self.excess(of: process.place)
        let largest = ([held] + (self.load.excesses.isEmpty ? [] : self.load.excesses[process.place])).max() ?? 0
        let most = largest * 3 / 4 + 10 + self.world.clients.count / 50
        self.require(moves <= most, .balance, "n\(process.place) moves \(moves) in a round, of \(most) at the most")
        let (clients, excess) = (self.attached, self.excess)
        if let former = self.load.rounds[process.identity] {
            let expected = former.excess * clients / max(1, former.clients)
            // What few moves brought cannot be told: whoever is on the way counts at two nodes, and others move clients as well.
            let isFruitless = former.most >= Self.fewMoves && (expected - excess) * 16 < former.most
            if isFruitless, self.settled != nil { self.requireRest(process) }
        }
        self.load.rounds[process.identity] = FleetLoadChecker.Moves(
            pace: PaceWatch(count: moves, spread: .seconds(60), now: now),
            most: moves,
            clients: clients,
            excess: excess
        )
    }

    /// Where clients come straight back, a node tries twice and then lets them be for an hour.
    private func requireRest(_ process: FleetProcess) {
        let now = self.world.now
        var moments = self.load.fruitless[process.identity] ?? []
        moments.removeAll { now - $0 >= Self.rest }
        moments.append(now)
        self.load.fruitless[process.identity] = moments
        self.require(
            moments.count <= 2,
            .balance,
            "n\(process.place) moves clients that come straight back, \(moments.count) times an hour"
        )
    }

    func askedByLoad(_ connection: FleetConnection) {
        let (process, now) = (connection.process, self.world.now)
        self.world.counters.count(.rebalanced)
        self.load.lastMove = now
        // R10.2-2
        let isServing = !process.isCordoned && process.drainBegan == nil
        self.require(isServing, .oneMove, "n\(process.place) moves by load while it is cordoned or drains")
        for other in self.world.nodes.compactMap(\.process) where other !== process {
            guard let signs = self.signs[other.identity], let since = signs.outSince, now - signs.last < .seconds(8) else { continue }
            self.require(
                now - since < Self.freshness,
                .oneMove,
                "n\(process.place) moves by load while n\(other.place) is cordoned or drains"
            )
        }
        let age = connection.attached.map { now - $0 } ?? .zero
        self.require(
            age >= .seconds(60) - .milliseconds(1),
            .oneMove,
            "n\(process.place) moves a client that attached \(age.milliseconds) ms before"
        )
        self.countMove(process)
        connection.client.askedByLoad = now
        if self.isDeploying, self.isMoveExcused { connection.client.excused += 1 }
        self.countSettled(process)
    }

    private func countMove(_ process: FleetProcess) {
        guard var moves = self.load.rounds[process.identity] else {
            return self.require(false, .pace, "n\(process.place) moves by load outside of a round")
        }
        moves.count += 1
        self.require(moves.pace.isKept(now: self.world.now), .pace, "n\(process.place) moves by load in a burst")
        self.require(moves.count <= moves.most, .balance, "n\(process.place) moves \(moves.count) in a round of \(moves.most)")
        self.load.rounds[process.identity] = moves
    }

    /// How many moves it takes until all is even. Where nodes differ, a balancer that knows nothing of that may send everybody straight back.
    private func countSettled(_ process: FleetProcess) {
        let now = self.world.now
        guard let settled = self.settled, self.world.options.firstCapacity == 100 else { return }
        self.load.moved += 1
        if self.load.firstExcess == nil { self.load.firstExcess = self.excess }
        if now - settled > .seconds(60), let below = self.load.below[process.place] {
            self.require(now - below >= .seconds(60), .balance, "n\(process.place) sends what it was sent")
        }
        let drift = self.world.counters[.left] + self.world.clients.count - self.world.clientsAtSettling
        let most = 2 * (self.load.firstExcess ?? 0) + 25 * self.world.options.nodes + 2 * drift
        self.require(self.load.moved <= most, .balance, "more than \(most) moves by load")
    }

    // MARK: Shares

    /// Notes, each second, how much each place holds.
    func noteShares() {
        let places = self.world.nodes.indices
        if self.load.excesses.isEmpty {
            self.load.excesses = places.map { _ in [] }
            self.load.below = places.map { _ in nil }
        }
        for place in places {
            self.load.excesses[place].append(self.excess(of: place))
            if self.load.excesses[place].count > Self.memory { self.load.excesses[place].removeFirst() }
        }
        guard self.settled != nil else { return }
        for process in self.world.nodes.compactMap(\.process) {
            let share = self.share(of: process.place)
            if process.logic.attachedCount < share * 9 / 10 - 5 { self.load.below[process.place] = self.world.now }
        }
    }

    private var serving: [FleetProcess] {
        self.world.nodes.compactMap(\.process).filter { $0.drainBegan == nil && !$0.isCordoned }
    }

    private var attached: Int { self.serving.reduce(0) { $0 + $1.logic.attachedCount } }

    private func share(of place: Int) -> Int {
        let capacity = self.serving.reduce(0) { $0 + self.world.capacity(of: $1.place) }
        return self.attached * self.world.capacity(of: place) / max(1, capacity)
    }

    private func excess(of place: Int) -> Int {
        self.world.nodes[place].process.map { max(0, $0.logic.attachedCount - self.share(of: place)) } ?? 0
    }

    /// What all nodes together hold above their shares.
    private var excess: Int { self.world.nodes.indices.reduce(0) { $0 + self.excess(of: $1) } }

    /// In the end nobody holds clearly more than its share.
    func requireBalance() {
        guard self.world.options.firstCapacity == 100 else { return }
        for process in self.world.nodes.compactMap(\.process) {
            let (attached, share) = (process.logic.attachedCount, self.share(of: process.place))
            let most = max(share + 25, share * 6 / 5) + 5
            self.require(attached <= most, .balance, "n\(process.place) holds \(attached), its share is \(share)")
        }
    }
}
