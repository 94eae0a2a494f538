import GaplessStore
import Hummingbird

/// Why a call of the HTTP API failed: a status for the caller's library, a code for its program, a sentence for people.
struct AdminError: Error, Hashable, Sendable {
    let status: Int
    let code: String
    let message: String

    init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    static func invalid(_ message: String) -> AdminError { AdminError(400, "invalid", message) }
    static let notFound = AdminError(404, "notFound", "There is nothing here.")
    static let noSuchNode = AdminError(404, "noSuchNode", "No node of that name is alive.")
    static let noSuchClient = AdminError(404, "noSuchClient", "There is no such client.")

    /// Why a send failed. A full queue and an overloaded server have one status and two codes: the first waits for the client.
    init(_ error: SendError) {
        let status =
            switch error.code {
            case .invalid: 400
            case .noSuchClient: 404
            case .conflict: 409
            case .tooLarge: 413
            case .queueFull, .overloaded: 429
            case .full: 507
            default: 503
            }
        self.init(status, error.code.description, error.message)
    }

    /// What any error comes to.
    init(_ error: any Error) {
        switch error {
        case let error as AdminError: self = error
        case let error as SendError: self.init(error)
        case let error as QueueStoreError: self.init(503, "unavailable", error.message)
        default: self.init(500, "internal", "The server failed.")
        }
    }
}
