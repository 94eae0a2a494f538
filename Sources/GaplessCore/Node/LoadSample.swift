/// What of its load a node watches, and what it is called wherever people are told.
package enum LoadMeasure: String, Hashable, Sendable, CaseIterable {
    /// How many connections there are of those that may be.
    case connections
    /// How long an event loop lets a task wait.
    case loopLag = "loop-lag"
    /// How long commits take.
    case commits = "commits-slow"
    /// How much memory is in use of what the process may have.
    case memory
    /// How little is free where the store is.
    case disk
}

/// What a shell measured of its process at one moment, for `NodeLogic.sampled`.
package struct LoadSample: Hashable, Sendable {
    /// The longest that a task had to wait for an event loop since the sample before, one that waits still included.
    package var loopLag: Duration
    /// How long commits take: the mean of the newest, or the age of the one under way if that is more.
    package var commitTime: Duration
    /// The memory in use, in bytes, and the most that the process may have; nil where the system does not tell, or sets no limit.
    package var memory: Int?
    package var memoryLimit: Int?
    /// How much room is left for the store, in bytes; nil for a store without a disk of its own.
    package var freeDisk: Int?

    package init(
        loopLag: Duration = .zero,
        commitTime: Duration = .zero,
        memory: Int? = nil,
        memoryLimit: Int? = nil,
        freeDisk: Int? = nil
    ) {
        self.loopLag = loopLag
        self.commitTime = commitTime
        self.memory = memory
        self.memoryLimit = memoryLimit
        self.freeDisk = freeDisk
    }
}
