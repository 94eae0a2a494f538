import GaplessCore

/// What one process of a client was handed.
struct Listener {
    /// The numbering that it is in; nil before the first.
    var epoch: EpochToken?
    /// The numbering that it was in before the application was told that the numbering is new.
    var former: EpochToken?
    /// The highest number handed over in it.
    var last: UInt64 = 0
    /// The newest message handed over, to see whether the next one follows it on a time line.
    var version: Truth.Message?
    /// The numbering that a WELCOME began: its epoch and where it goes on.
    var next: (epoch: EpochToken, after: UInt64)?
    /// How many messages it was handed that a process before it handled.
    var repeats: UInt64 = 0
    /// Whether it goes on from the state that its predecessor saved.
    var isSuccessor = false
}

/// Which `HELLO` of all.
struct HelloName: Hashable {
    let instance: InstanceID
    let attempt: Attempt

    init(_ instance: InstanceID, _ attempt: Attempt) {
        (self.instance, self.attempt) = (instance, attempt)
    }
}
