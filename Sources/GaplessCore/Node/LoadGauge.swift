/// From where on a measure is too much, and from where on it is no more; the way between the two keeps a node from changing its mind all the time.
package struct LoadThreshold: Hashable, Sendable {
    /// Here, and beyond, it is too much.
    package let over: Int
    /// Here, and before, it is not.
    package let under: Int

    /// - Precondition: the two differ. Where `over` is the larger one, more is worse; otherwise less is.
    package init(over: Int, under: Int) {
        precondition(over != under, "a threshold without a way between its two sides changes its mind all the time")
        self.over = over
        self.under = under
    }

    /// Which side a level is on; nil for the way between.
    fileprivate func isOver(_ level: Int) -> Bool? {
        let isMoreWorse = self.over > self.under
        if isMoreWorse ? level >= self.over : level <= self.over { return true }
        return (isMoreWorse ? level <= self.under : level >= self.under) ? false : nil
    }
}

/// Watches one measure of a node's load: says that it is too much when several samples in a row said so, and takes that back after many that did not.
package struct LoadGauge: Hashable, Sendable {
    /// So many samples in a row make it too much.
    package static let samplesToTrip = 3
    /// So many in a row end that.
    package static let samplesToClear = 10

    /// Nil for a measure that nobody minds.
    private let threshold: LoadThreshold?
    /// How many samples in a row spoke against what it says.
    private var streak = 0
    package private(set) var isOver = false

    package init(_ threshold: LoadThreshold?) {
        self.threshold = threshold
    }

    /// A new sample.
    ///
    /// - Parameter level: nil when it could not be measured; that counts as little.
    package mutating func take(_ level: Int?) {
        guard let threshold else { return }
        let side = level.map(threshold.isOver) ?? false
        guard side == !self.isOver else {
            self.streak = 0
            return
        }
        self.streak += 1
        guard self.streak >= (self.isOver ? Self.samplesToClear : Self.samplesToTrip) else { return }
        self.isOver.toggle()
        self.streak = 0
    }
}
