import GaplessCore
import GaplessStore

/// Watches the world from outside and knows the truth on its own: what was committed, what applications were handed, what they handled.
///
/// It is told what happens and never asks the nodes, the sessions or the store. What it concludes from is split by who is watched: the
/// store, the wire, the applications, the handlers, and the end.
final class Checker {
    unowned let world: World
    /// What is durable.
    var truth = Truth()
    var lines = TimeLines()
    /// What was durable on the time lines that ended when the store went back.
    var abandoned: [Truth] = []
    var clock: BelievableClock
    private(set) var violations: [Violation] = []
    /// Every version that ever was durable under a number.
    var versions: [Truth.Key: [UInt64: [Truth.Message]]] = [:]
    /// The operation that made the newest attachment of a numbering, and the head at that moment, for what was committed before it.
    var voices: [Truth.Key: (generation: UInt64, operation: UInt64, head: UInt64)] = [:]
    /// The clients that ever had a queue.
    var known: Set<ClientID> = []
    /// The clients whose queue ended at least once.
    var endedQueues: Set<ClientID> = []
    /// How often a text was appended for a client.
    var copies: [ClientID: [String: Int]] = [:]

    /// What processes of clients were handed, by process.
    var listeners: [UInt64: Listener] = [:]
    /// The HELLOs whose newest message is of another time line, of which the store no longer knew anything.
    var forgotten: Set<HelloName> = []
    /// The highest number that any process of a client handled.
    var handled: [Truth.Key: UInt64] = [:]
    /// The messages that its processes handled since one of them began with nothing.
    var handledMessages: [ClientID: [EpochToken: Set<UInt64>]] = [:]

    /// What became of uplink, by text, and the texts in the order in which they were sent.
    var uplink: [String: Uplink] = [:]
    var uplinkTexts: [String] = []
    /// What the handlers of nodes were given.
    var handlers = HandlerWatch()
    /// Counts up whenever something gets further, to tell slowness from standstill.
    var progress = 0

    init(world: World) {
        self.world = world
        self.clock = BelievableClock(nodes: world.plan.options.nodes)
    }

    var policy: StorePolicy { self.world.options.policy }

    /// Notes a broken promise; the first are enough.
    func require(_ holds: Bool, _ invariant: Invariant, _ message: @autoclosure () -> String) {
        guard !holds, self.violations.count < 20 else { return }
        self.violations.append(
            Violation(invariant: invariant, message: message(), milliseconds: (self.world.now - World.start).milliseconds)
        )
    }
}

extension Array {
    /// The element, or nil outside of the bounds.
    subscript(safe index: Int) -> Element? {
        self.indices.contains(index) ? self[index] : nil
    }
}
