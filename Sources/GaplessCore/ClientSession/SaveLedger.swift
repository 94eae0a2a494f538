/// Counts what was handed out to be saved and what is durable, so that whatever depends on a change can wait for it.
struct SaveLedger: Hashable, Sendable {
    private let persistence: ClientPersistence

    /// The newest change.
    private(set) var issued = SaveVersion(0)

    /// Everything through this is durable, or need not be.
    private(set) var saved = SaveVersion(0)

    init(persistence: ClientPersistence) {
        self.persistence = persistence
    }

    /// Numbers a change and hands it out, unless nothing is kept beyond the process.
    mutating func record(
        _ change: ClientRecordChange,
        _ urgency: SaveUrgency,
        _ turn: inout ClientTurn<some RandomNumberGenerator>
    ) -> SaveVersion {
        self.issued = SaveVersion(self.issued.rawValue + 1)
        switch self.persistence {
        case .memory: self.saved = self.issued
        case .durable: turn.perform(.save(change, self.issued, urgency))
        }
        return self.issued
    }

    /// The shell made everything through the version durable.
    ///
    /// - Precondition: the version was handed out.
    mutating func confirm(through version: SaveVersion) {
        precondition(version <= self.issued, "only what was handed out can be saved")
        self.saved = max(self.saved, version)
    }

    /// Whether the change is durable.
    func holds(_ version: SaveVersion) -> Bool {
        version <= self.saved
    }
}
