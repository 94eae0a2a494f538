public import GaplessCore

/// A node of the service, as the node that is asked knows of it.
public struct NodeDescription: Hashable, Sendable {
    /// What a node does with clients.
    public enum State: String, Hashable, Sendable, CaseIterable {
        /// It takes them.
        case serving
        /// It takes newcomers only when no other node does.
        case cordoned
        /// It moves them away and ends.
        case draining
        /// It has given no sign for 8 s: nobody counts on it. After 60 s it counts as dead and is not listed any more.
        case silent
    }

    /// How many clients a node has.
    public struct Load: Hashable, Sendable {
        /// How many connections it has.
        public let connections: Int
        /// How many clients are attached to it.
        public let attached: Int
        /// The most connections that it takes.
        public let capacity: Int
    }

    /// Its name.
    public let name: NodeName

    /// What it does with clients.
    public let state: State

    /// How long ago its last sign was when the node that is asked looked last, which it does each 2 s; zero for that node itself.
    public let age: Duration

    /// How many clients it has; nil when its program, or the store's schema, is too old to tell.
    public let load: Load?

    /// Why a balancer should send nobody there, as `/ready` says it: `starting`, `draining`, `cordoned`, `store-cut-off`, `schema-unknown`,
    /// `full`, or what of its load is too much; empty when it is ready, and nil for another node than the one that is asked.
    public let notReady: [String]?

    /// What of its load is beyond `ServerConfiguration.readiness`: `connections`, `loop-lag`, `commits-slow`, `memory`, `disk`. Such a node is not
    /// ready as long as another one can take its clients.
    public let over: [String]

    package init(
        name: NodeName,
        state: State,
        age: Duration = .zero,
        load: Load? = nil,
        notReady: [String]? = nil,
        over: [String] = []
    ) {
        self.name = name
        self.state = state
        self.age = age
        self.load = load
        self.notReady = notReady
        self.over = over
    }
}

extension NodeDescription {
    /// The node that is asked.
    init(_ logic: NodeLogic, now: Instant) {
        self.init(
            name: logic.node.name,
            state: State(logic.report),
            load: Load(logic.report),
            notReady: logic.readiness(now: now).reasons.map(\.rawValue),
            over: logic.report.over
        )
    }

    /// Another node.
    init(_ peer: NodePeer, freshness: Duration) {
        self.init(
            name: peer.node.name,
            state: peer.isFresh(freshness) ? peer.report.map(State.init) ?? .serving : .silent,
            age: peer.age,
            load: peer.report.map(Load.init),
            over: peer.report?.over ?? []
        )
    }
}

extension NodeDescription.State {
    init(_ report: NodeReport) {
        self = report.isDraining ? .draining : report.isCordoned ? .cordoned : .serving
    }
}

extension NodeDescription.Load {
    init(_ report: NodeReport) {
        self.init(connections: report.connections, attached: report.attached, capacity: report.capacity)
    }
}
