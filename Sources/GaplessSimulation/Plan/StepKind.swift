/// The kinds of steps, each with its own draw.
enum StepKind: Int, CaseIterable {
    case publish, publishToAll, send
    case cut, halfOpen, oneWay, clog, loseClose
    case crashNode, drainNode, stallNode, cordonNode
    case crashClient, stallClient, twin, leave, probe, end
    case stallStore, failStore, fillStore, doubt, snapshot, rollBack, remove, moveClock

    /// A choice of kinds and how often each is drawn.
    struct Swarm {
        fileprivate var weights: [(kind: StepKind, weight: Int)]

        func draw(using random: inout SeededRandom) -> StepKind? {
            let total = self.weights.reduce(0) { $0 + $1.weight }
            guard total > 0 else { return nil }
            var draw = Int.random(in: 0..<total, using: &random)
            for (kind, weight) in self.weights {
                draw -= weight
                if draw < 0 { return kind }
            }
            return nil
        }
    }

    /// Traffic always; of the faults, whole kinds are left out.
    static func swarm(_ options: PlanOptions, using random: inout SeededRandom) -> Swarm {
        let weights = Self.allCases.map { kind -> (kind: StepKind, weight: Int) in
            let draw = Int.random(in: 1...20, using: &random)
            let isIn = random.happens(450)
            switch kind {
            case .publish, .send: return (kind, 20 + draw)
            case .publishToAll: return (kind, isIn ? draw : 0)
            case .snapshot, .rollBack: return (kind, options.hasRollbacks ? draw / 2 : 0)
            case .end, .remove: return (kind, isIn && random.happens(400) ? draw / 4 : 0)
            default: return (kind, isIn ? draw : 0)
            }
        }
        return Swarm(weights: weights)
    }

    func step(_ options: PlanOptions, using random: inout SeededRandom) -> Step {
        let client = Int.random(in: 0..<options.clients, using: &random)
        let node = Int.random(in: 0..<options.nodes, using: &random)
        let short = Int.random(in: 1...3_000, using: &random)
        let long = Int.random(in: 1...30_000, using: &random)
        let isUp = random.happens(500)
        let states: [Step.State] = [.kept, .kept, .kept, .old, .none]
        let state = states.randomElement(using: &random) ?? .kept
        switch self {
        case .publish:
            return .publish(
                client: client,
                count: Int.random(in: 1...12, using: &random),
                bytes: random.happens(100) ? 200 : 8,
                timeToLive: random.happens(150) ? short : nil
            )
        case .publishToAll: return .publishToAll(count: Int.random(in: 1...4, using: &random))
        case .send: return .send(client: client, count: Int.random(in: 1...8, using: &random))
        case .cut: return .cut(client: client)
        case .halfOpen: return .halfOpen(client: client)
        case .oneWay: return .oneWay(client: client, up: isUp)
        case .clog: return .clog(client: client, up: isUp, down: !isUp || random.happens(500), milliseconds: long)
        case .loseClose: return .loseClose(client: client)
        case .crashNode: return .crashNode(node, down: long)
        case .drainNode: return .drainNode(node, down: short)
        case .stallNode: return .stallNode(node, milliseconds: long)
        case .cordonNode: return .cordonNode(node, milliseconds: long)
        case .crashClient: return .crashClient(client, state, down: short)
        case .stallClient: return .stallClient(client, milliseconds: long)
        case .twin: return .twin(client: client, state, milliseconds: long)
        case .leave: return .leave(client: client, milliseconds: short)
        case .probe: return .probe(client: client)
        case .end: return .end(client: client)
        case .stallStore: return .stallStore(milliseconds: long / 2)
        case .failStore: return .failStore(milliseconds: long)
        case .fillStore: return .fillStore(milliseconds: long)
        case .doubt: return .doubt(commits: Int.random(in: 1...5, using: &random))
        case .snapshot: return .snapshot
        case .rollBack: return .rollBack(isNoticed: random.happens(500))
        case .remove: return .remove(client: client)
        case .moveClock: return .moveClock(node: node, milliseconds: Int.random(in: -20_000...20_000, using: &random))
        }
    }
}
