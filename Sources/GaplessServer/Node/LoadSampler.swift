import GaplessCore
import GaplessStore

/// Measures how much the process of a node has to do, for its logic and for people.
struct LoadSampler: Sendable {
    /// The most memory that the process may have, in bytes; nil when there is no limit.
    let memoryLimit: Int?
    /// How many bytes are free where the store is.
    let freeBytes: @Sendable () -> Int?

    /// What is now.
    func sample(_ health: GatewayHealth, _ loops: [LoopShell], now: Instant) -> LoadSample {
        LoadSample(
            loopLag: loops.map { $0.takeLag(now: now) }.max() ?? .zero,
            // The mean forgets a commit that hangs: it has not ended.
            commitTime: max(health.meanDuration, health.underWaySince.map { now - $0 } ?? .zero),
            memory: ProcessMemory.resident(),
            memoryLimit: self.memoryLimit,
            freeDisk: self.freeBytes()
        )
    }
}
