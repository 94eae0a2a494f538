/// How a node is drained (Protocol.md §10.1). All times begin with the drain.
package struct DrainPlan: Hashable, Sendable {
    /// How long the node goes on taking clients, so that its balancer notices that it is not ready. A node that is alone does not wait.
    package var wait: Duration
    /// Over how long the `DRAIN`s are spread then.
    package var spread: Duration
    /// How long each client has to move: `within` of its `DRAIN`.
    package var within: Duration
    /// When everything is over, whatever the other times are.
    package var hardStop: Duration
    /// Where clients are sent; nil when they choose.
    package var endpoints: [String]?
    /// `jitter` of 4000.
    package var jitter: Duration

    package init(
        wait: Duration = .seconds(15),
        spread: Duration = .seconds(30),
        within: Duration = .seconds(10),
        hardStop: Duration = .seconds(60),
        endpoints: [String]? = nil,
        jitter: Duration = .seconds(5)
    ) {
        self.wait = wait
        self.spread = spread
        self.within = within
        self.hardStop = hardStop
        self.endpoints = endpoints
        self.jitter = jitter
    }

    /// How much of the time is kept for the end: the last connections have it for their Close.
    package var closeTime: Duration { min(.seconds(5), self.hardStop / 10) }

    /// When whoever is left is closed at the latest, counted from the drain's beginning.
    package var lastClose: Duration { self.hardStop - self.closeTime }

    /// Whether each client has its whole time to move before the rest are closed.
    package var isRoomy: Bool { self.wait + self.spread + self.within <= self.lastClose }
}
