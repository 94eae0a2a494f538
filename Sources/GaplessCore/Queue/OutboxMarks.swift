/// The marks of the outboxes that a client used last, at most `Limits.maxOutboxes` (Protocol.md §7.2, R7.2-7).
///
/// An outbox enters with its first mark; before that there is nothing to remember of it. Naming it in a `HELLO` or moving its mark
/// counts as use; when there is one too many, the one used longest ago goes.
package struct OutboxMarks: Hashable, Sendable {
    /// One outbox and its mark.
    package struct Entry: Hashable, Sendable {
        package var outbox: OutboxID
        /// Highest number handled, at least 1.
        package var mark: SequenceNumber

        package init(outbox: OutboxID, mark: SequenceNumber) {
            self.outbox = outbox
            self.mark = mark
        }
    }

    /// The outboxes in order of use, the one used last at the end.
    package private(set) var entries: [Entry]

    /// The entries in order of use, the one used last at the end.
    ///
    /// - Precondition: no more than `Limits.maxOutboxes`.
    package init(_ entries: [Entry] = []) {
        precondition(entries.count <= Limits.maxOutboxes, "a client has at most \(Limits.maxOutboxes) outboxes")
        self.entries = entries
    }

    /// The mark of an outbox; zero when it is not known.
    package subscript(outbox: OutboxID) -> SequenceNumber {
        #if MUTANTS
        if Mutant.marksByName.isPlanted { return self.entries.map(\.mark).max() ?? .zero }
        #endif
        return self.entries.first { $0.outbox == outbox }?.mark ?? .zero
    }

    /// Notes that a known outbox is in use; does nothing for an unknown one.
    package mutating func use(_ outbox: OutboxID) {
        guard let index = self.entries.firstIndex(where: { $0.outbox == outbox }) else { return }
        self.entries.append(self.entries.remove(at: index))
    }

    /// Sets a mark and notes the use; the outbox used longest ago gives way when there is no place.
    package mutating func set(_ outbox: OutboxID, to mark: SequenceNumber) {
        self.entries.removeAll { $0.outbox == outbox }
        if self.entries.count == Limits.maxOutboxes {
            self.entries.removeFirst()
        }
        self.entries.append(Entry(outbox: outbox, mark: mark))
    }
}
