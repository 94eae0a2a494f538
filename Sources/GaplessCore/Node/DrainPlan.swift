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
}
