import ArgumentParser

/// `gapless conformance-client`: this library's client behind the line protocol of the conformance kit. Hidden from the list of commands.
struct ConformanceClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance-client",
        abstract: "Be a client that the conformance kit can judge.",
        discussion: "Takes commands on standard input and reports on standard output, as Protocol.md, chapter 18, describes.",
        shouldDisplay: false
    )

    func run() async throws {
        try await self.reportingFailure {
            try await LineProtocolClient().run()
        }
    }
}
