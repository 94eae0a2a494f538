import GaplessCore
import Synchronization

/// Whether the parts of a node still move: what `/live` tells whoever restarts processes that are stuck.
///
/// It takes no lock that others hold, so it can be asked while everything else hangs.
final class Liveness: Sendable {
    /// After so long without a sign of life a part counts as stuck.
    static let patience: Duration = .seconds(30)

    /// When the node's watch last came round, in nanoseconds. Each second it takes the node's mutex and turns to the first loop.
    private let lastLook: Atomic<Int64>

    init(now: Instant) {
        self.lastLook = Atomic(now.nanoseconds)
    }

    /// The watch came round.
    func looked(now: Instant) {
        self.lastLook.store(now.nanoseconds, ordering: .relaxed)
    }

    /// How long the watch has not come round.
    func silence(now: Instant) -> Duration {
        now - Instant(nanoseconds: self.lastLook.load(ordering: .relaxed))
    }
}

extension Node {
    /// Whether the mutex and all loops have given a sign of life lately.
    var isLive: Bool {
        let now = self.clock.monotonic()
        let silence = self.loops.reduce(self.liveness.silence(now: now)) { max($0, $1.silence(now: now)) }
        return silence < Liveness.patience
    }
}
