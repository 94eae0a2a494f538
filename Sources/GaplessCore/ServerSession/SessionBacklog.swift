/// What is under way to clients that are attached.
package struct SessionBacklog: Hashable, Sendable {
    /// Messages that were sent on the connection and not acknowledged.
    package var unacknowledged = 0
    /// How many numbers lie between the last acknowledgement and the newest message of the queue; what retention dropped counts too.
    package var waiting = 0

    /// Nothing.
    package init() {}

    /// One or several connections' backlog.
    package init(unacknowledged: Int, waiting: Int) {
        self.unacknowledged = unacknowledged
        self.waiting = waiting
    }

    /// Adds what is under way to others.
    package static func += (left: inout SessionBacklog, right: SessionBacklog) {
        left.unacknowledged += right.unacknowledged
        left.waiting += right.waiting
    }
}
