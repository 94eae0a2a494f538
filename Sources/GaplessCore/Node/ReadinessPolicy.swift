/// From which load on a node wants its clients to go elsewhere; nil for a measure that does not matter.
package struct ReadinessPolicy: Hashable, Sendable {
    /// Connections, of 1,000 that may be.
    package var connections: LoadThreshold?
    /// How long an event loop lets a task wait, in nanoseconds.
    package var loopLag: LoadThreshold?
    /// How long commits take, in nanoseconds.
    package var commitTime: LoadThreshold?
    /// Memory in use, of 1,000 parts of what the process may have.
    package var memory: LoadThreshold?
    /// Free bytes where the store is: the less, the worse.
    package var freeDisk: LoadThreshold?

    /// No measure matters.
    package static let none = ReadinessPolicy(connections: nil, loopLag: nil, commitTime: nil, memory: nil, freeDisk: nil)

    /// The defaults, or other thresholds.
    package init(
        connections: LoadThreshold? = LoadThreshold(over: 900, under: 800),
        loopLag: LoadThreshold? = LoadThreshold(over: 500_000_000, under: 100_000_000),
        commitTime: LoadThreshold? = LoadThreshold(over: 2_000_000_000, under: 500_000_000),
        memory: LoadThreshold? = LoadThreshold(over: 900, under: 800),
        freeDisk: LoadThreshold? = LoadThreshold(over: 268_435_456, under: 536_870_912)
    ) {
        self.connections = connections
        self.loopLag = loopLag
        self.commitTime = commitTime
        self.memory = memory
        self.freeDisk = freeDisk
    }

    func threshold(of measure: LoadMeasure) -> LoadThreshold? {
        switch measure {
        case .connections: self.connections
        case .loopLag: self.loopLag
        case .commits: self.commitTime
        case .memory: self.memory
        case .disk: self.freeDisk
        }
    }
}

extension LoadSample {
    /// What a threshold of the measure is compared with; nil when it is not known. Connections are no part of a sample: the node counts them.
    func level(of measure: LoadMeasure) -> Int? {
        switch measure {
        case .connections: nil
        case .loopLag: Int(clamping: self.loopLag.nanoseconds)
        case .commits: Int(clamping: self.commitTime.nanoseconds)
        case .memory: self.memoryLimit.flatMap { limit in self.memory.map { Self.perMille($0, of: limit) } }
        case .disk: self.freeDisk
        }
    }

    /// The part of a whole, of 1,000.
    static func perMille(_ part: Int, of whole: Int) -> Int {
        let (product, isOver) = max(0, part).multipliedReportingOverflow(by: 1_000)
        return isOver ? max(0, part) / max(1, whole / 1_000) : product / max(1, whole)
    }
}
