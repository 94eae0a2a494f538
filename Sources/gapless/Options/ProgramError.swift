import ArgumentParser

/// A failure that ends the program: one sentence for people, one exit code for programs.
struct ProgramError: Error, CustomStringConvertible {
    /// The kinds of failure, with the exit codes of `sysexits.h`, and that of `timeout(1)`.
    enum Kind: Int32 {
        case wrongInput = 65
        case unreachable = 69
        case cannotCreate = 73
        case inputOutput = 74
        case tryAgain = 75
        case notAllowed = 77
        case misconfigured = 78
        case tookTooLong = 124
    }

    /// The kind.
    let kind: Kind
    /// The sentence, without a full stop.
    let description: String

    /// Joins the two.
    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Prints the sentence and gives the code to end with.
    func exit() -> ExitCode {
        StandardError.write("gapless: \(self.description)")
        return ExitCode(self.kind.rawValue)
    }
}

extension AsyncParsableCommand {
    /// Runs the body and turns its failure into a sentence and an exit code.
    func reportingFailure(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as ProgramError {
            throw error.exit()
        }
    }
}
