/// What one address told when it was asked, and when.
struct TopReading: Hashable, Sendable {
    /// What came back.
    enum Outcome: Hashable, Sendable {
        /// The nodes that it knows of, itself first, and its metrics.
        case answer(nodes: [NodeDescription], metrics: PrometheusReading)
        /// Nothing, and why.
        case failure(String)
    }

    /// Since `top` began, on a clock that only goes forward.
    let time: Duration
    let outcome: Outcome

    /// The nodes and the metrics, if it answered.
    var answer: (nodes: [NodeDescription], metrics: PrometheusReading)? {
        if case .answer(let nodes, let metrics) = self.outcome { (nodes, metrics) } else { nil }
    }
}

/// The last readings of one address, as far as rates and faults need them.
struct TopHistory: Sendable {
    /// The address.
    let address: String
    /// The newest reading.
    private(set) var latest: TopReading?
    /// The newest answer, and the one before it.
    private(set) var answers: (current: TopReading?, previous: TopReading?) = (nil, nil)
    /// The name of the node that answered last.
    private(set) var name: String?

    /// Nothing read yet.
    init(_ address: String) {
        self.address = address
    }

    /// Adds a reading.
    mutating func add(_ reading: TopReading) {
        // After a silence the next answer has nothing to be compared with: nobody knows what happened between.
        let isFirst = self.latest?.answer == nil
        self.latest = reading
        guard let answer = reading.answer else { return }
        self.answers = (reading, isFirst ? nil : self.answers.current)
        self.name = answer.nodes.first { $0.isAsked }?.name ?? self.name
    }

    /// Why the address does not answer; nil when it does.
    var failure: String? {
        if case .failure(let reason) = self.latest?.outcome { reason } else { nil }
    }
}
