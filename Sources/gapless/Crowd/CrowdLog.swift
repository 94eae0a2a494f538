import Logging

/// Writes what happens to the connections of one client of a crowd to standard error, a line each.
///
/// It listens to the client's log, where the beginning, the `WELCOME` and the end of each connection are told at the moment they happen: a
/// consumer of the client's events sees only the newest state, and none where a connection follows another one on the same node.
struct CrowdLog: LogHandler {
    var logLevel = Logger.Level.debug
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?

    private let client: String
    private let write: @Sendable (String) -> Void

    /// Writes the lines of `client` with `write`.
    init(client: String, write: @escaping @Sendable (String) -> Void = { StandardError.write($0) }) {
        self.client = client
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let place = "\(MonotonicClock.nanoseconds) \(self.client)"
        func line(_ name: String, _ keys: String...) {
            // A code brings its name along.
            let words = keys.map { key in event.metadata?[key].flatMap { "\($0)".split(separator: " ").first.map(String.init) } ?? "-" }
            self.write(([name, place] + words).joined(separator: " "))
        }
        switch "\(event.message)" {
        case "Connection opens": line("opens", "connection.id")
        case "Connection welcomed": line("welcome", "connection.id", "connection.role", "generation", "node")
        case "Connection ended": line("ended", "connection.id", "connection.role", "code", "closed.by")
        case "Client stopped": line("stopped", "code")
        default: if event.level >= .warning { self.write("\(event.level) \(place) \(event.message)") }
        }
    }
}
