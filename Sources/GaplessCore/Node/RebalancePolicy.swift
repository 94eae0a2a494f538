/// When a node that holds more than its share of the clients moves some away, and how fast (Protocol.md §10.2).
package struct RebalancePolicy: Hashable, Sendable {
    /// A node moves nobody before it holds so much of its share, in thousandths. Default 1,200.
    package var threshold: Int
    /// And no fewer clients than this above it. Default 25.
    package var minExcess: Int
    /// For so long no node may have come, left, started again, been cordoned or drained. Default 120 s, which is longer than a step of a
    /// deploy: so nothing is moved by load between its steps.
    package var calm: Duration
    /// Nobody is moved who attached less than this before. Default 60 s.
    package var minAge: Duration
    /// Over how long the `DRAIN`s of one round are spread. Default 60 s.
    package var spread: Duration
    /// How long each client has to move: `within` of its `DRAIN`. Default 10 s.
    package var within: Duration
    /// `jitter` of 4001. Default 5 s.
    package var jitter: Duration
    /// How long a node rests after a round that brought next to nothing, because whoever moved came back. Default 1 h.
    package var rest: Duration

    /// The defaults, or other values.
    package init(
        threshold: Int = 1_200,
        minExcess: Int = 25,
        calm: Duration = .seconds(120),
        minAge: Duration = .seconds(60),
        spread: Duration = .seconds(60),
        within: Duration = .seconds(10),
        jitter: Duration = .seconds(5),
        rest: Duration = .seconds(3_600)
    ) {
        precondition(threshold >= 1_000 && minExcess >= 1, "who holds no more than its share moves nobody")
        self.threshold = threshold
        self.minExcess = minExcess
        self.calm = calm
        self.minAge = minAge
        self.spread = spread
        self.within = within
        self.jitter = jitter
        self.rest = rest
    }
}
