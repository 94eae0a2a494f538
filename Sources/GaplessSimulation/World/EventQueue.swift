import GaplessCore
import HeapModule

/// What is still to happen, by time and then by the order in which it was arranged.
struct EventQueue {
    private struct Entry: Comparable {
        let time: Instant
        let order: UInt64
        let action: () -> Void

        static func == (left: Entry, right: Entry) -> Bool {
            left.order == right.order
        }

        static func < (left: Entry, right: Entry) -> Bool {
            (left.time, left.order) < (right.time, right.order)
        }
    }

    private var heap = Heap<Entry>()
    private var orders: UInt64 = 0

    /// When the next one happens; nil when nothing is to come.
    var nextTime: Instant? { self.heap.min?.time }

    mutating func schedule(at time: Instant, _ action: @escaping () -> Void) {
        self.orders += 1
        self.heap.insert(Entry(time: time, order: self.orders, action: action))
    }

    mutating func popFirst() -> (time: Instant, action: () -> Void)? {
        self.heap.popMin().map { ($0.time, $0.action) }
    }
}
