import GaplessCore

/// The latest time that nodes may honestly give to the store: a wall clock that jumps far is believed only after it held for a while.
///
/// An upper bound that is found out apart from the nodes' own watch, so that a node that believes too early is seen.
struct BelievableClock {
    private struct Place {
        /// How far the wall clock is off, and how far it may be believed to be.
        var offset: Int64 = 0
        var believed: Int64 = 0
        /// When it jumped, and began to be watched.
        var jumped: Instant?
    }

    /// From so much on a step of the clock is a jump, and so long it has to hold.
    static let maxJump = Duration.seconds(10)
    static let pause = Duration.seconds(60)

    private var places: [Place]

    init(nodes: Int) {
        self.places = Array(repeating: Place(), count: nodes)
    }

    /// A node's wall clock is moved.
    mutating func move(_ place: Int, by milliseconds: Int64, now: Instant) {
        self.settle(place, now: now)
        self.places[place].offset += milliseconds
        // A node that stands still, or waits for its store, sees of several jumps only what they come to; the first one began the wait.
        let isWaiting = self.places[place].jumped.map { now - $0 < Self.pause } ?? false
        if abs(milliseconds) > Self.maxJump.milliseconds, !isWaiting { self.places[place].jumped = now }
        self.settle(place, now: now)
    }

    /// A process that starts knows no other time than what its clock says.
    mutating func start(_ place: Int) {
        self.places[place].believed = max(self.places[place].believed, self.places[place].offset)
    }

    /// The furthest that any node's time may be ahead of the true one, in milliseconds.
    mutating func lead(now: Instant) -> Int64 {
        var lead = Int64(0)
        for place in self.places.indices {
            self.settle(place, now: now)
            lead = max(lead, self.places[place].believed)
        }
        return lead
    }

    private mutating func settle(_ index: Int, now: Instant) {
        let place = self.places[index]
        let holds = place.jumped.map { now - $0 >= Self.pause } ?? true
        if holds || place.offset <= place.believed + Self.maxJump.milliseconds {
            self.places[index].believed = max(place.believed, place.offset)
        }
    }
}
