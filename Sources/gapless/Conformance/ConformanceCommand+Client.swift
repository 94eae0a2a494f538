import ArgumentParser
import GaplessConformance

extension ConformanceCommand {
    /// `gapless conformance client`.
    struct Client: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Judge a client.",
            discussion: """
                Plays servers that do everything right and servers that do everything wrong, on free ports of this machine. Each trial starts \
                the command anew, tells it what to do by a line protocol on its standard input, and reads what it reports on its standard \
                output; Protocol.md, chapter 18, describes the lines.

                  gapless conformance client -- python3 my-client.py --conformance

                It takes about half a minute.
                """
        )

        @OptionGroup var options: ConformanceOptions

        @Argument(
            parsing: .postTerminator,
            help: ArgumentHelp("The client, with its arguments, behind two hyphens.", valueName: "command")
        )
        var command: [String] = []

        func validate() throws {
            guard !self.command.isEmpty else { throw ValidationError("name the client behind --, such as: -- python3 my-client.py") }
        }

        func run() async throws {
            try await self.reportingFailure {
                let selection = try self.options.selection(of: ClientConformance.checks.map(\.rule))
                do {
                    try await self.options.tell { try await ClientConformance(command: self.command).run(selection, report: $0) }
                } catch let error as ClientProcess.NotStarted {
                    throw ProgramError(.misconfigured, error.description)
                }
            }
        }
    }
}
