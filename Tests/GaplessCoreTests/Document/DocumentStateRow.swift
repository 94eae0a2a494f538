import Testing

/// A row of a state table of Protocol.md §12, by its state and its event, and what a machine has to show for it.
struct DocumentStateRow: Sendable, CustomTestStringConvertible {
    let state: String
    let event: String
    let check: @Sendable () -> Void

    init(_ state: String, _ event: String, _ check: @escaping @Sendable () -> Void) {
        self.state = state
        self.event = event
        self.check = check
    }

    var testDescription: String { "\(self.state): \(self.event)" }

    /// The rows of the table of a section, as they stand in the document.
    static func documented(_ section: String) -> [String] {
        ProtocolDocument.shared.table(section, "State", "Event", "Does", "Next").map { "\($0[0]): \($0[1])" }
    }
}
