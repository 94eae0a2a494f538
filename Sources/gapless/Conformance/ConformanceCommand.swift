import ArgumentParser
import GaplessConformance

/// `gapless conformance`: judges other implementations of the protocol.
struct ConformanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Judge a client or a server of your own by the rules of Protocol.md.",
        discussion: """
            Each rule is reported as passed, failed with what was expected and what came, or skipped with the reason.

              gapless conformance server ws://127.0.0.1:8400/gapless \\
                --admin http://127.0.0.1:8401
              gapless conformance client -- python3 my-client.py

            Exit codes beside the common ones: 1 at least one rule failed.
            """,
        subcommands: [Server.self, Client.self]
    )
}

/// Which rules are judged, and in which form that is told.
struct ConformanceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only these rules or sections, with commas between: R5.3-2,R6.2,§3.", valueName: "rules"))
    var only: String?

    @Flag(help: "One line of JSON for each finding, and one that counts them.")
    var json = false

    var report: ConformanceReport { ConformanceReport(self.json ? .json : .text) }

    /// The selection.
    ///
    /// - Throws: `ProgramError` when it names what none of the checks is about.
    func selection(of rules: [String]) throws -> Selection {
        let names = (self.only ?? "").split(separator: ",").map { $0.trimmingPrefix(" ") }.map(String.init)
        let selection = Selection(names)
        if let unknown = selection.unknown(among: rules).first {
            throw ProgramError(.misconfigured, "no check is about '\(unknown)'")
        }
        return selection
    }

    /// Tells the findings of a run as they come, and counts them in the end.
    ///
    /// - Throws: the exit code 1 when a rule failed, and what the run throws; `ProgramError` when not all could be told.
    func tell(_ run: ((Finding) -> Void) async throws -> [Finding]) async throws {
        let report = self.report
        var failure: ProgramError?
        let findings = try await run { finding in
            do throws(ProgramError) {
                try StandardOutput.write(report.lines(finding))
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        try StandardOutput.write(report.summary(findings))
        let hasFailed = findings.contains { if case .failed = $0.verdict { true } else { false } }
        if hasFailed { throw ExitCode.failure }
    }
}
