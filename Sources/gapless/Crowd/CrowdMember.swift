import GaplessClient
import GaplessCore
import Logging

/// One client of a crowd.
struct CrowdMember: Sendable {
    /// Its address.
    let name: String
    /// The client.
    let client: GaplessClient
    /// Whether its lines tell when.
    private let hasTimes: Bool

    /// Makes the client; with `hasTimes` its lines tell when, and standard error tells what happens to its connections.
    init(_ name: String, urls: [String], token: String?, hasTimes: Bool) throws {
        var configuration = ClientConfiguration(endpoints: urls, client: name)
        configuration.acknowledgement = .explicit
        if let token { configuration.token = .fixed(token) }
        var logger = Logger(label: "gapless")
        logger.logLevel = .error
        if hasTimes { logger = Logger(label: "gapless") { _ in CrowdLog(client: name) } }
        self.name = name
        self.hasTimes = hasTimes
        self.client = try GaplessClient(configuration, logger: logger)
    }

    /// Writes what the client gets, and counts it as handled once it is written.
    func note() async throws {
        for try await batch in self.client.batches() {
            let now = MonotonicClock.nanoseconds
            var lines = ""
            var newest: GaplessClient.Message?
            for event in batch {
                switch event {
                case .message(let message):
                    lines += "\(self.name) \(message.sequence) \(self.hasTimes ? "\(now) " : "")\(message.text ?? "")\n"
                    newest = message
                case .gap(let gap):
                    StandardError.write("gap \(self.name) \(gap.range) \(gap.reason)")
                    gap.acknowledge()
                case .reset(let reason):
                    StandardError.write("reset \(self.name) \(reason)")
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
