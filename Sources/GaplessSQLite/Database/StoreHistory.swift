import GaplessCore
import Logging

/// What the progress file says about the past of a database.
enum StoreHistory: Hashable {
    /// The store goes on where it was, or begins.
    case regular
    /// A database that is not new has no progress file, or one that cannot be read.
    case unknown
    /// The database is behind what it once was: it went back in time.
    case past(known: UInt64)
    /// The progress file is that of another store.
    case exchanged(known: UInt64)

    static func compare(_ preparation: StoreDatabase.Preparation, with progress: ProgressFile.Content) -> StoreHistory {
        switch (preparation, progress) {
        case (.created, .missing): .regular
        case (.existing, .missing), (_, .unreadable): .unknown
        case (.created, .progress(let progress)): .exchanged(known: progress.number)
        case (.existing(let meta), .progress(let progress)):
            if progress.store != meta.store {
                .exchanged(known: progress.number)
            } else if progress.number > meta.number {
                .past(known: progress.number)
            } else {
                .regular
            }
        }
    }

    /// Whether the numbers that the store gives from now on may have been given before.
    var isPast: Bool {
        switch self {
        case .regular, .unknown: false
        case .past, .exchanged: true
        }
    }

    /// The highest commit number that is known of.
    var number: UInt64 {
        switch self {
        case .regular, .unknown: 0
        case .past(let known), .exchanged(let known): known
        }
    }

    /// Tells people what was found.
    func log(to logger: Logger, path: StorePath, incarnation: Incarnation) {
        let place: Logger.MetadataValue = "\(path.database)"
        switch self {
        case .regular:
            return
        case .unknown:
            logger.warning("The progress file was missing or damaged, and was made anew", metadata: ["store.path": place])
        case .past(let known):
            logger.warning(
                "The store went back in time and begins a new life",
                metadata: ["store.path": place, "store.incarnation": "\(incarnation)", "commit.known": "\(known)"]
            )
        case .exchanged(let known):
            logger.warning(
                "Another store stands where there was one before; it begins a new life",
                metadata: ["store.path": place, "store.incarnation": "\(incarnation)", "commit.known": "\(known)"]
            )
        }
    }
}
