/// Whether a node has too much to do, and whether it keeps newcomers away because of that (Protocol.md §5.1).
///
/// It never does so as the last one. A node that has too much to do tells the others with its heartbeat, and becomes unready only by the
/// answer to *that* heartbeat, when it shows another node that takes clients and has not too much to do itself. The store has all heartbeats
/// in one order: of two nodes that are over a threshold at once, the second sees the first, and stays. Each answer is judged anew; when all have
/// too much to do, all of them take clients.
package struct LoadWatch: Hashable, Sendable {
    private var gauges: [LoadGauge]
    /// How long what was heard of the others counts.
    private let freshness: Duration
    /// What is too much, in the order of `LoadMeasure`.
    package private(set) var over: [LoadMeasure] = []
    /// The newest sample; nil before the first.
    package private(set) var sample: LoadSample?
    /// Whether the heartbeat that is under way tells that the node has too much to do.
    private var isTold = false
    /// When the others were heard of, if clients should go to them since; nil otherwise.
    private var shedSince: Instant?
    /// What people were told last.
    private var reported = Report(over: [], sheds: false)

    /// What is to be told to people.
    package struct Report: Hashable, Sendable {
        /// What is too much.
        package let over: [LoadMeasure]
        /// Whether newcomers are sent to other nodes.
        package let sheds: Bool
    }

    package init(_ policy: ReadinessPolicy, freshness: Duration) {
        self.gauges = LoadMeasure.allCases.map { LoadGauge(policy.threshold(of: $0)) }
        self.freshness = freshness
    }

    /// Whether something is too much.
    package var isOver: Bool { !self.over.isEmpty }

    /// Whether newcomers should go elsewhere, and can.
    package func sheds(now: Instant) -> Bool {
        guard self.isOver, let since = self.shedSince else { return false }
        // Without news of the others nobody knows whether they are still there.
        return now - since < self.freshness
    }

    /// The node was measured.
    ///
    /// - Parameter connections: how many there are, of 1,000 that may be.
    /// - Returns: whether the others should hear at once.
    package mutating func sampled(_ sample: LoadSample, connections: Int) -> Bool {
        self.sample = sample
        let wasOver = self.isOver
        self.over = zip(LoadMeasure.allCases, self.gauges.indices).compactMap { measure, index in
            self.gauges[index].take(measure == .connections ? connections : sample.level(of: measure))
            return self.gauges[index].isOver ? measure : nil
        }
        // Others may count on this node from the moment at which it says that it has not too much to do.
        if !self.isOver { self.shedSince = nil }
        return self.isOver != wasOver
    }

    /// A heartbeat is sent off.
    package mutating func asked() {
        self.isTold = self.isOver
    }

    /// It was answered.
    ///
    /// - Parameter hasSpare: whether another node takes clients and has not too much to do.
    package mutating func heard(hasSpare: Bool, now: Instant) {
        var sheds = self.isTold && self.isOver && hasSpare
        #if MUTANTS
        if Mutant.lastReadyUnready.isPlanted { sheds = self.isOver }
        #endif
        self.shedSince = sheds ? now : nil
        self.isTold = false
    }

    /// What people should be told, if that is news. Before the others were heard of, it is not known whether newcomers can be sent away.
    package mutating func news(now: Instant) -> Report? {
        let report = Report(over: self.over, sheds: self.sheds(now: now))
        guard report != self.reported else { return nil }
        self.reported = report
        return report
    }
}
