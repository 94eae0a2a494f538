/// Names one connection of a node for as long as the process lives.
package struct ServedConnectionID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count of connections that this process accepted, from 1.
    package let rawValue: UInt64

    /// Wraps a count.
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: ServedConnectionID, right: ServedConnectionID) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String { String(self.rawValue) }
}

/// Where a connection lives: its name, and which of the node's event loops runs it.
package struct ConnectionAddress: Hashable, Sendable {
    package let id: ServedConnectionID
    /// The loop's place among the node's loops, from 0.
    package let loop: Int

    package init(id: ServedConnectionID, loop: Int) {
        self.id = id
        self.loop = loop
    }
}
