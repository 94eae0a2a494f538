/// What the end of a connection asks of the client (Protocol.md §11.2).
enum Demand: Hashable, Sendable {
    /// Resume within the jitter; with backoff if the connection did not live long.
    case resumeAtOnce
    /// Resume after `retryAfter`, else with backoff.
    case resumeLater
    /// Say `HELLO` without a position and tell the application.
    case startOver
    /// Get a new token, then resume.
    case renewToken
    /// Stop.
    case stop
    /// A higher attempt of this instance holds the queue.
    case superseded
    /// Another instance holds the queue.
    case takenOver
    /// Resume with backoff.
    case resumeWithBackoff
}

extension CloseCode {
    /// What the code asks for, by its range, so that codes of later versions are understood.
    var demand: Demand {
        #if MUTANTS
        if Mutant.supersededObeyed.isPlanted, self == .superseded { return .stop }
        #endif
        return switch self.rawValue {
        case 4000...4099: .resumeAtOnce
        case 4100...4199: .resumeLater
        case 4200...4299: .startOver
        case 4300...4399: .renewToken
        case 4400...4499: .stop
        case 4500: .superseded
        case 4501: .takenOver
        case 4502...4549: .stop
        default: .resumeWithBackoff
        }
    }

    /// Whether the code stops a client that has a second connection on its way (Protocol.md §10.1).
    var stopsMove: Bool {
        (4400...4499).contains(self.rawValue)
    }
}
