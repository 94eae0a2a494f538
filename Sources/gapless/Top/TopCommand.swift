import ArgumentParser
import Foundation

/// `gapless top`: the nodes and what they do, live.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch the nodes: their state, their load, and what they do each second.",
        discussion: """
            Each node tells its measures at its own admin listener alone, so name them all:

              gapless top --admin http://10.0.0.1:8401 --admin http://10.0.0.2:8401

            Keys: q quits, h tells the others and explains the columns, c, u and d cordon, uncordon and drain the chosen node after a \
            question. A node that does not answer is shown as such and comes back.

            With --once, and where standard output is no terminal, it looks twice, prints one plain snapshot and ends: with 0, or with 69 when \
            no node answered the second time. NO_COLOR=1 leaves colours out.
            """
    )

    @OptionGroup var admin: AdminOptions

    @Option(name: .long, help: ArgumentHelp("From one look to the next, at least 200ms.", valueName: "time"))
    var interval = DurationArgument(.seconds(1))

    @Flag(name: .long, help: "Print one snapshot and end.")
    var once = false

    func validate() throws {
        guard self.interval.duration >= .milliseconds(200) else { throw ValidationError("--interval is at least 200ms") }
    }

    func run() async throws {
        try await self.reportingFailure {
            let environment = ProcessInfo.processInfo.environment
            let isLive = !self.once && StandardOutput.isTerminal && environment["TERM"] != "dumb"
            try await AdminClient.each(self.admin) { clients in
                if isLive {
                    let session = TopSession(
                        clients: clients,
                        interval: self.interval.duration,
                        intervalText: self.interval.defaultValueDescription
                    )
                    await session.run(Terminal(.standardOutput))
                } else {
                    let isAnswered = try await self.printOnce(clients, width: Self.width(environment))
                    guard isAnswered else { throw ProgramError(.unreachable, "no node answers") }
                }
            }
        }
    }

    /// Prints a snapshot; whether a node answered.
    private func printOnce(_ clients: [AdminClient], width: Int) async throws -> Bool {
        let start = ContinuousClock.now
        var histories = clients.map { TopHistory($0.currentAddress) }
        for look in 1...2 {
            if look > 1 { try await Task.sleep(for: self.interval.duration) }
            let readings = await withTaskGroup(of: (Int, TopReading).self) { tasks in
                for (place, client) in clients.enumerated() {
                    tasks.addTask { (place, await TopReader(client: client, start: start).read()) }
                }
                return await tasks.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            for (place, reading) in readings { histories[place].add(reading) }
        }
        let snapshot = TopSnapshot(histories)
        for line in TopScreen.plain(snapshot, width: width) { try StandardOutput.write(line.painted(.standardOutput)) }
        return snapshot.answering > 0
    }

    /// That of the terminal, else what `COLUMNS` says, else 80.
    private static func width(_ environment: [String: String]) -> Int {
        if StandardOutput.isTerminal { return Terminal(.none).size.width }
        return environment["COLUMNS"].flatMap(Int.init).map { min(max(40, $0), 1_000) } ?? 80
    }
}
