package import GaplessCore

/// The bounds of the way into a store.
package struct GatewayConfiguration: Hashable, Sendable {
    /// The most operations of callers that wait; more are refused.
    package var maxOperations: Int
    /// The most bytes that they hold; one operation is always taken.
    package var maxBytes: Int
    /// The most operations of callers, and of connections, in one commit.
    package var maxBatchOperations: Int
    /// The most bytes of callers' operations in one commit; one operation always goes.
    package var maxBatchBytes: Int
    /// The longest that a commit waits for company while commits are frequent. Zero for never.
    package var maxSpacing: Duration

    /// The defaults, or other values.
    package init(
        maxOperations: Int = 65_536,
        maxBytes: Int = 67_108_864,
        maxBatchOperations: Int = 4_096,
        maxBatchBytes: Int = 8_388_608,
        maxSpacing: Duration = .microseconds(500)
    ) {
        precondition(maxOperations >= 1 && maxBatchOperations >= 1, "a gateway takes something")
        self.maxOperations = maxOperations
        self.maxBytes = maxBytes
        self.maxBatchOperations = maxBatchOperations
        self.maxBatchBytes = maxBatchBytes
        self.maxSpacing = maxSpacing
    }
}

/// How the way into a store fares, for `/ready`, `/load` and metrics.
package struct GatewayHealth: Hashable, Sendable {
    /// Commits that succeeded, and the operations in them.
    package var commits: UInt64 = 0
    package var operations: UInt64 = 0
    /// Commits that failed since the last that succeeded.
    package var failuresInARow = 0
    /// When a commit last succeeded.
    package var lastSuccess: Instant?
    /// How long the newest commit took, and how many operations it held.
    package var lastDuration: Duration = .zero
    package var lastBatch = 0
    /// How long commits take, the newest counting for an eighth.
    package var meanDuration: Duration = .zero
    /// Since when the commit under way is; nil when none is.
    package var underWaySince: Instant?
    /// What waits: operations of all kinds, and the bytes that callers' operations hold.
    package var waitingOperations = 0
    package var waitingBytes = 0

    package init() {}

    mutating func succeeded(operations: Int, since start: Instant, now: Instant) {
        self.commits += 1
        self.operations += UInt64(operations)
        self.failuresInARow = 0
        self.lastSuccess = now
        self.ended(operations: operations, since: start, now: now)
    }

    mutating func failed(operations: Int, since start: Instant, now: Instant) {
        self.failuresInARow += 1
        self.ended(operations: operations, since: start, now: now)
    }

    private mutating func ended(operations: Int, since start: Instant, now: Instant) {
        self.lastDuration = now - start
        self.lastBatch = operations
        self.meanDuration = (self.meanDuration * 7 + self.lastDuration) / 8
        self.underWaySince = nil
    }
}
