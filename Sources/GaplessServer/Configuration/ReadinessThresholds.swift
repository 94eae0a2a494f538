import GaplessCore

/// From which load on `/ready` says no and newcomers are refused, so that a balancer sends them to other nodes before this one is full.
///
/// A threshold must be exceeded for three seconds, and it counts as exceeded until for ten seconds the measure was well below (above, for the
/// disk): the way between keeps a node from changing its mind all the time. Nil switches one off. However high its load is, a node never becomes
/// unready when no other node could take the clients.
public struct ReadinessThresholds: Hashable, Sendable {
    /// Connections, in percent of the most that the node takes. Default 90, ended at eight ninths of it; 1 through 100.
    public var maxConnections: Int? = 90

    /// How long an event loop lets a task wait. Default 500 ms, ended at a fifth of it; 1 ms through 60 s.
    public var maxLoopLag: Duration? = .milliseconds(500)

    /// How long commits take, the one under way included. Default 2 s, ended at a quarter of it; 1 ms through 60 s.
    public var maxCommitTime: Duration? = .seconds(2)

    /// Memory in use, in percent of what the process may have by its control groups (Linux); no limit, no threshold. Default 90, ended at eight
    /// ninths of it; 1 through 100.
    public var maxMemory: Int? = 90

    /// Free bytes of the file system on which the store is. Default 256 MiB, ended at twice as much; from 1 byte through 1 TiB.
    public var minFreeDisk: Int? = 268_435_456

    /// The defaults.
    public init() {}

    /// No threshold: a node is ready until it is full.
    public static var none: ReadinessThresholds {
        var thresholds = ReadinessThresholds()
        thresholds.maxConnections = nil
        thresholds.maxLoopLag = nil
        thresholds.maxCommitTime = nil
        thresholds.maxMemory = nil
        thresholds.minFreeDisk = nil
        return thresholds
    }

    /// What the node's logic goes by.
    var policy: ReadinessPolicy {
        ReadinessPolicy(
            connections: self.maxConnections.map(Self.percent),
            loopLag: self.maxLoopLag.map { Self.time($0, endedAt: 5) },
            commitTime: self.maxCommitTime.map { Self.time($0, endedAt: 4) },
            memory: self.maxMemory.map(Self.percent),
            freeDisk: self.minFreeDisk.map { LoadThreshold(over: $0, under: $0 * 2) }
        )
    }

    private static func percent(_ percent: Int) -> LoadThreshold {
        LoadThreshold(over: percent * 10, under: percent * 80 / 9)
    }

    private static func time(_ time: Duration, endedAt part: Int) -> LoadThreshold {
        let over = Int(clamping: time.nanoseconds)
        return LoadThreshold(over: over, under: over / part)
    }

    /// Checks every threshold against its bounds.
    func validate() throws(ConfigurationError) {
        try ServerConfiguration.check("readiness.maxConnections", Self.isPercent(self.maxConnections), "1 through 100, or nil for none")
        try ServerConfiguration.check("readiness.maxMemory", Self.isPercent(self.maxMemory), "1 through 100, or nil for none")
        try ServerConfiguration.check("readiness.maxLoopLag", Self.isTime(self.maxLoopLag), "1 ms through 60 s, or nil for none")
        try ServerConfiguration.check("readiness.maxCommitTime", Self.isTime(self.maxCommitTime), "1 ms through 60 s, or nil for none")
        let isDisk = self.minFreeDisk.map { (1...1_099_511_627_776).contains($0) } ?? true
        try ServerConfiguration.check("readiness.minFreeDisk", isDisk, "1 through 1099511627776, or nil for none")
    }

    private static func isPercent(_ percent: Int?) -> Bool { percent.map { (1...100).contains($0) } ?? true }

    private static func isTime(_ time: Duration?) -> Bool { time.map { (.milliseconds(1)...(.seconds(60))).contains($0) } ?? true }
}
