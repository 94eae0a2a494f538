import GRDB
import GaplessStore

extension QueueStoreError {
    /// Tells what a failure of SQLite means for whoever asked for the work, which did not happen.
    ///
    /// - Parameter place: what was being done, as a short phrase.
    init(_ error: any Error, while place: String) {
        switch error {
        case let error as QueueStoreError:
            self = error
        case let error as DamagedRow:
            self.init(.corrupt, "The database is damaged: \(error) (\(place)). Run `gapless store check`.", cause: error)
        case let error as DatabaseError:
            self.init(Self.code(of: error.extendedResultCode), Self.sentence(for: error.resultCode, place), cause: error)
        default:
            self.init(.unavailable, "The database cannot be used (\(place)).", cause: error)
        }
    }

    private static func code(of code: ResultCode) -> Code {
        switch code.primaryResultCode {
        case .SQLITE_FULL: .full
        case .SQLITE_CORRUPT: .corrupt
        case .SQLITE_NOTADB: .foreign
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN, .SQLITE_AUTH: .misconfigured
        default: .unavailable
        }
    }

    private static func sentence(for code: ResultCode, _ place: String) -> String {
        switch code {
        case .SQLITE_FULL: "The disk is full (\(place))."
        case .SQLITE_IOERR: "The disk failed (\(place))."
        case .SQLITE_BUSY, .SQLITE_LOCKED: "The database is busy (\(place))."
        case .SQLITE_CORRUPT: "The database is damaged (\(place)). Run `gapless store check`."
        case .SQLITE_NOTADB: "The file is not an SQLite database (\(place))."
        case .SQLITE_READONLY: "The database cannot be written to (\(place))."
        case .SQLITE_CANTOPEN: "The database cannot be opened (\(place))."
        default: "The database cannot be used (\(place))."
        }
    }
}

/// Whether a failure of SQLite means that what is on the disk may differ from what was written, so that the database must be opened anew.
func isDiskFailure(_ error: any Error) -> Bool {
    guard let error = error as? DatabaseError else { return false }
    return error.resultCode == .SQLITE_IOERR
}
