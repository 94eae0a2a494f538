import GaplessCore

/// A balancer in front of the nodes, as haproxy does it: asks each for `/ready` every 2 s, believes the third answer of a kind, and repeats a
/// handshake that was refused once, on another node.
final class FleetBalancer {
    static let interval = Duration.seconds(2)
    static let patience = 3

    private struct Server {
        var isUp: Bool
        /// How many answers in a row said something else than what is believed.
        var doubts = 0
        var connections = 0
    }

    private unowned let world: FleetWorld
    private var servers: [Server]
    private var turn = 0

    init(_ world: FleetWorld, up: Int, of places: Int) {
        self.world = world
        self.servers = (0..<places).map { Server(isUp: $0 < up) }
    }

    /// Begins to ask.
    func start() {
        for place in self.servers.indices { self.world.after(.milliseconds(100 + 270 * place)) { self.ask(place) } }
    }

    private func ask(_ place: Int) {
        let process = self.world.nodes[place].process
        let isReady = process.map { $0.stalledUntil <= self.world.now && $0.logic.readiness(now: self.world.now).isReady } ?? false
        if isReady == self.servers[place].isUp {
            self.servers[place].doubts = 0
        } else {
            self.servers[place].doubts += 1
            if self.servers[place].doubts == Self.patience {
                self.servers[place].isUp = isReady
                self.servers[place].doubts = 0
                self.world.note(.state, UInt64(place), isReady ? 1 : 0, "balancer: n\(place) is \(isReady ? "up" : "down")")
            }
        }
        self.world.after(Self.interval) { self.ask(place) }
    }

    func isUp(_ place: Int) -> Bool { self.servers[place].isUp }
    func closed(_ place: Int) { self.servers[place].connections -= 1 }

    /// The process that a handshake ends at; nil when it fails.
    func route() -> FleetProcess? {
        var refused: Int?
        for _ in 0..<2 {
            guard let place = self.pick(besides: refused) else { break }
            if let process = self.world.nodes[place].process {
                if process.logic.takesHandshakes(now: self.world.now) {
                    self.servers[place].connections += 1
                    return process
                }
                self.world.counters.count(.refusedHandshake)
                self.world.checker.refusedHandshake(process)
            }
            refused = place
        }
        self.world.counters.count(.noServer)
        return nil
    }

    /// A handshake went past the balancer.
    func passedBy(_ place: Int) { self.servers[place].connections += 1 }

    private func pick(besides refused: Int?) -> Int? {
        let candidates = self.servers.indices.filter { self.servers[$0].isUp && $0 != refused }
        guard !candidates.isEmpty else { return nil }
        if self.world.options.isLeastConnections {
            return candidates.min { (self.servers[$0].connections, $0) < (self.servers[$1].connections, $1) }
        }
        let next = candidates.first { $0 >= self.turn } ?? candidates[0]
        self.turn = next + 1
        return next
    }
}
