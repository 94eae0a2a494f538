import GaplessStore
import Hummingbird

/// Why a call of the HTTP API failed: a code for the caller's program, which has a status for its library, and a sentence for people.
struct AdminError: Error, Hashable, Sendable {
    /// The kinds of failures; the raw value is what a program reads.
    enum Code: String, Hashable, Sendable, CaseIterable {
        case invalid
        case unauthorized
        case forbidden
        case notFound, noSuchNode, noSuchClient
        case conflict
        /// A line of a sequence behind one that was refused.
        case skipped
        case tooLarge
        case mediaType
        // Two codes and one status: the first waits for the client.
        case queueFull, overloaded
        case `internal`
        case unavailable, unknown
        case full

        /// The status of an answer that holds nothing else.
        var status: Int {
            switch self {
            case .invalid: 400
            case .unauthorized: 401
            case .forbidden: 403
            case .notFound, .noSuchNode, .noSuchClient: 404
            case .conflict, .skipped: 409
            case .tooLarge: 413
            case .mediaType: 415
            case .queueFull, .overloaded: 429
            case .internal: 500
            case .unavailable, .unknown: 503
            case .full: 507
            }
        }

        /// What it means, for the description of the API.
        var meaning: String {
            switch self {
            case .invalid: "what was asked is malformed"
            case .unauthorized: "the call has not the admin key"
            case .forbidden: "such calls are not taken from there: another web page, or a Host that is not served"
            case .notFound: "there is no such call"
            case .noSuchNode: "no node of that name is alive"
            case .noSuchClient: "there is no such client"
            case .conflict: "the idempotency key was used for something else"
            case .skipped: "an earlier line of the sequence was refused"
            case .tooLarge: "the body, a line, the payload or the list of recipients is too large"
            case .mediaType: "a POST needs a content type of JSON, or the key"
            case .queueFull: "the queue is full and takes nothing new until its client acknowledges"
            case .overloaded: "the node has too much to do; try again"
            case .internal: "the server failed"
            case .unavailable: "the store is not there, or not ready for it; nothing was done"
            case .unknown: "whether it was done cannot be known; repeat it, a message under the same key"
            case .full: "the store has no room"
            }
        }
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The status of an answer that holds nothing else.
    var status: Int { self.code.status }

    static func invalid(_ message: String) -> AdminError { AdminError(.invalid, message) }
    static let notFound = AdminError(.notFound, "There is nothing here.")
    static let noSuchNode = AdminError(.noSuchNode, "No node of that name is alive.")
    static let noSuchClient = AdminError(.noSuchClient, "There is no such client.")

    /// Why a send failed.
    init(_ error: SendError) {
        self.init(Code(rawValue: error.code.description) ?? .unavailable, error.message)
    }

    /// What any error comes to.
    init(_ error: any Error) {
        switch error {
        case let error as AdminError: self = error
        case let error as SendError: self.init(error)
        case let error as QueueStoreError: self.init(.unavailable, error.message)
        case let error as HTTPError: self = error.status == .notFound ? .notFound : .invalid("The call is not valid.")
        default: self.init(.internal, "The server failed.")
        }
    }
}
