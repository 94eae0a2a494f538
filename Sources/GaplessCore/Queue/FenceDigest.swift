/// Stands for a fence where there is room for a number only: two fences have the same digest as good as never.
///
/// A signal that ends a connection says with it which one is meant. The client may have attached again by the time at which its node hears of
/// it, and a connection that came later is not to be ended.
package struct FenceDigest: Hashable, Sendable {
    /// How many bits a digest has, so that it fits into a signal's row beside what the signal says.
    package static let bits = 46

    package let rawValue: UInt64

    /// - Parameter rawValue: only its lowest bits count.
    package init(rawValue: UInt64) {
        self.rawValue = rawValue & (1 << UInt64(Self.bits) - 1)
    }

    package init(_ fence: Fence) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in [fence.epoch.incarnation.rawValue, fence.epoch.queue, fence.generation.rawValue] {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                hash = (hash ^ (part >> shift & 0xff)) &* 0x0000_0100_0000_01b3
            }
        }
        self.init(rawValue: hash >> 18 ^ hash)
    }
}
