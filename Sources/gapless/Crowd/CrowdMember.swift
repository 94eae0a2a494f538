import GaplessClient
import GaplessCore
import Logging

/// One client of a crowd.
struct CrowdMember: Sendable {
    /// Its address.
    let name: String
    /// The client.
    let client: GaplessClient
    /// Counts its connections; nil when nobody asked for times.
    private let welcomes: CrowdLog.Welcomes?

    /// Makes the client; with `hasTimes` its lines tell when and on which connection.
    init(_ name: String, urls: [String], token: String?, hasTimes: Bool) throws {
        var configuration = ClientConfiguration(endpoints: urls, client: name)
        configuration.acknowledgement = .explicit
        if let token { configuration.token = .fixed(token) }
        var logger = Logger(label: "gapless")
        logger.logLevel = .error
        self.welcomes = hasTimes ? CrowdLog.Welcomes() : nil
        if let welcomes = self.welcomes {
            logger = Logger(label: "gapless") { _ in CrowdLog(client: name, welcomes: welcomes) }
        }
        self.name = name
        self.client = try GaplessClient(configuration, logger: logger)
    }

    /// Writes what the client gets, and counts it as handled once it is written.
    func note() async throws {
        var connection = 0
        for try await batch in self.client.batches() {
            let now = WallClock.nanoseconds
            var lines = ""
            var newest: GaplessClient.Message?
            for event in batch {
                switch event {
                case .message(let message):
                    let times = self.welcomes == nil ? "" : "\(now) \(connection) "
                    lines += "\(self.name) \(message.sequence) \(times)\(message.text ?? "")\n"
                    newest = message
                case .gap(let gap):
                    StandardError.write("gap \(self.name) \(gap.range) \(gap.reason)")
                    gap.acknowledge()
                case .reset(let reason):
                    StandardError.write("reset \(self.name) \(reason)")
                case .state(.online):
                    connection = self.welcomes?.count ?? 0
                default:
                    break
                }
            }
            guard let newest else { continue }
            guard writeAll(Array(lines.utf8), to: 1) else { throw ProgramError(.inputOutput, "standard output cannot be written") }
            newest.acknowledgeThrough()
        }
    }
}
