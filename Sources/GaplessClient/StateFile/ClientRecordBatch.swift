import GaplessCore

/// The changes of a client's record that wait to be saved together, with what a later one made pointless left out.
///
/// The parts of a record do not depend on one another, so of identity and progress only the newest counts; the outbox keeps the order of
/// its changes.
struct ClientRecordBatch: Hashable, Sendable {
    /// The newest identity, if it changed.
    private(set) var identity: ClientIdentity?
    /// The newest progress, if it changed.
    private(set) var progress: ClientProgress?
    /// The changes of the outbox, oldest first.
    private(set) var outbox: [ClientRecordChange] = []

    /// Nothing to save.
    init() {}

    /// A whole record.
    init(_ record: ClientRecord) {
        self.identity = record.identity
        self.progress = record.progress
        self.outbox = [.outbox(record.outbox)]
    }

    /// The progress alone.
    init(_ progress: ClientProgress) {
        self.progress = progress
    }

    /// Whether nothing is to be saved.
    var isEmpty: Bool { self.identity == nil && self.progress == nil && self.outbox.isEmpty }

    /// The changes in an order in which they can be applied.
    var changes: [ClientRecordChange] {
        var changes: [ClientRecordChange] = []
        if let identity = self.identity { changes.append(.identity(identity)) }
        if let progress = self.progress { changes.append(.progress(progress)) }
        return changes + self.outbox
    }

    /// Adds a change behind the others.
    mutating func append(_ change: ClientRecordChange) {
        switch change {
        case .identity(let identity):
            self.identity = identity
        case .progress(let progress):
            self.progress = progress
        case .outbox:
            self.outbox = [change]
        case .acknowledged:
            if case .acknowledged = self.outbox.last { self.outbox.removeLast() }
            self.outbox.append(change)
        case .assigned:
            if case .assigned = self.outbox.last { self.outbox.removeLast() }
            self.outbox.append(change)
        case .queued:
            self.outbox.append(change)
        }
    }
}
