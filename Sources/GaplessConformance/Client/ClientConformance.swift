/// Plays servers, right and wrong ones, against a client, and judges it rule by rule.
package struct ClientConformance: Sendable {
    /// The checks, in the order of the document.
    package static let checks: [Check<ClientBench>] = [
        Self.transport, Self.frames, Self.resuming, Self.displaced, Self.downlink, Self.acknowledging, Self.uplink, Self.liveness,
        Self.authentication, Self.moving, Self.ending,
    ].flatMap { $0 }

    private let command: [String]
    private let patience: Duration

    /// A client that this command starts; it speaks the line protocol of Protocol.md §18.2.
    ///
    /// - Parameter patience: how long an answer may take.
    package init(command: [String], patience: Duration = .seconds(15)) {
        precondition(!command.isEmpty, "a command has a name")
        self.command = command
        self.patience = patience
    }

    /// Judges what is selected, and reports each finding.
    ///
    /// - Throws: when the command cannot be started.
    package func run(_ selection: Selection, width: Int = 12, report: (Finding) -> Void) async throws -> [Finding] {
        let book = ObservationBook()
        try await ClientBench.with(self.command, book: ObservationBook(), patience: self.patience) { _ in }
        let judge = Judge(checks: Self.checks, selection: selection, width: width, book: book) { trial in
            try await ClientBench.with(self.command, book: book, patience: self.patience, trial)
        }
        return await judge.run(report)
    }
}
