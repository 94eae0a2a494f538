/// The kinds of steps, each with its own draw.
enum StepKind: Int, CaseIterable {
    case publish, publishToAll, publishToUser, publishToExisting, publishSequence, sendAgain, send
    case cut, halfOpen, oneWay, clog, swizzle, linger, loseClose
    case crashNode, drainNode, deploy, stallNode, cordonNode, outdateNode
    case crashClient, stallClient, twin, takeOver, leave, probe, end, forgetKeys
    case stallStore, failStore, fillStore, doubt, snapshot, rollBack, loseCommits, loseAndPublish, remove, removeAndPublish, moveClock
    case moveClocks

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
            let isIn = random.happens(400)
            switch kind {
            case .publish, .send: return (kind, 20 + draw)
            case .snapshot, .rollBack, .loseCommits, .loseAndPublish: return (kind, options.hasRollbacks ? (draw + 2) / 3 : 0)
            case .end: return (kind, isIn ? (draw + 3) / 4 : 0)
            case .remove, .removeAndPublish, .deploy, .outdateNode: return (kind, isIn && random.happens(400) ? (draw + 3) / 4 : 0)
            case .forgetKeys: return (kind, options.isAnonymous ? (draw + 3) / 4 : 0)
            // A store that went back unnoticed is told by the times of its messages. While the clocks are behind, it gives a time twice, and
            // nothing tells; so one world does not have both.
            case .moveClock, .moveClocks: return (kind, isIn && !options.hasRollbacks ? (draw + 1) / 2 : 0)
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
        let few = Int.random(in: 1...5, using: &random)
        let isSo = random.happens(500)
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
        case .publishToAll: return .publishToAll(count: few)
        case .publishToUser: return .publishToUser(user: client % 2, count: few)
        case .publishToExisting: return .publishToExisting(client: client, count: few)
        case .publishSequence: return .publishSequence(client: client, count: few)
        case .sendAgain: return .sendAgain(isChanged: random.happens(200))
        case .send: return .send(client: client, count: Int.random(in: 1...8, using: &random))
        case .cut: return .cut(client: client)
        case .halfOpen: return .halfOpen(client: client)
        case .oneWay: return .oneWay(client: client, up: isSo)
        case .clog: return .clog(client: client, up: isSo, down: !isSo || random.happens(500), milliseconds: long)
        case .swizzle: return .swizzle(milliseconds: short * 3)
        case .linger: return .linger(client: client, milliseconds: short * 2)
        case .loseClose: return .loseClose(client: client)
        case .crashNode: return .crashNode(node, down: long)
        case .drainNode: return .drainNode(node, down: short)
        case .deploy: return .deploy(milliseconds: long)
        case .stallNode: return .stallNode(node, milliseconds: long)
        case .cordonNode: return .cordonNode(node, milliseconds: long)
        case .outdateNode: return .outdateNode(node, milliseconds: long)
        case .crashClient: return .crashClient(client, state, down: short)
        case .stallClient: return .stallClient(client, milliseconds: long)
        case .twin: return .twin(client: client, state, milliseconds: long)
        case .takeOver: return .takeOver(client: client)
        case .leave: return .leave(client: client, milliseconds: short)
        case .probe: return .probe(client: client)
        case .end: return .end(client: client, isImmediate: isSo, milliseconds: random.happens(700) ? short : nil)
        case .forgetKeys: return .forgetKeys
        case .stallStore: return .stallStore(milliseconds: long / 2)
        case .failStore: return .failStore(milliseconds: long)
        case .fillStore: return .fillStore(milliseconds: long)
        case .doubt: return .doubt(commits: few)
        case .snapshot: return .snapshot
        case .rollBack: return .rollBack(isNoticed: isSo)
        case .loseCommits: return .loseCommits(count: few * 3, isNoticed: isSo)
        case .loseAndPublish: return .loseAndPublish(count: few * 3)
        case .remove: return .remove(client: client)
        case .removeAndPublish: return .removeAndPublish(client: client, count: few)
        case .moveClock: return .moveClock(node: node, milliseconds: Self.jump(using: &random))
        case .moveClocks: return .moveClocks(milliseconds: Self.jump(using: &random))
        }
    }

    /// A few seconds most often; now and then an hour.
    private static func jump(using random: inout SeededRandom) -> Int {
        let size = random.happens(150) ? 3_600_000 : 20_000
        return Int.random(in: -size...size, using: &random)
    }
}
