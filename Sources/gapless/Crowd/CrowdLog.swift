import Logging
import Synchronization

/// Writes what happens to the connections of one client of a crowd to standard error, a line each.
///
/// It listens to the client's log, where every change is told at the moment it happens; of its events a consumer who is late sees only the newest.
struct CrowdLog: LogHandler {
    /// How often a client was welcomed.
    final class Welcomes: Sendable {
        private let value = Mutex(0)

        /// The number of the newest connection; 0 before the first.
        var count: Int { self.value.withLock { $0 } }

        /// Counts another one.
        func next() -> Int {
            self.value.withLock { count in
                count += 1
                return count
            }
        }
    }

    var logLevel = Logger.Level.debug
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?

    private let client: String
    private let welcomes: Welcomes
    private let write: @Sendable (String) -> Void

    /// Writes the lines of `client` with `write`, and counts its welcomes.
    init(client: String, welcomes: Welcomes, write: @escaping @Sendable (String) -> Void = { StandardError.write($0) }) {
        self.client = client
        self.welcomes = welcomes
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let words = event.metadata ?? [:]
        func word(_ key: String) -> String { words[key].map { "\($0)" } ?? "-" }
        let place = "\(WallClock.nanoseconds) \(self.client)"
        switch "\(event.message)" {
        case "Client attached": self.write("welcome \(place) \(self.welcomes.next()) \(word("node"))")
        case "Client connects": self.write("connecting \(place)")
        case "Client is offline": self.write("offline \(place) \(word("cause")) \(word("code"))")
        case "Client stopped": self.write("stopped \(place) \(word("code"))")
        default: if event.level >= .warning { self.write("\(event.level) \(place) \(event.message)") }
        }
    }
}
