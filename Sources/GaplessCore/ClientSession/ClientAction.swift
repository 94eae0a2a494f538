/// What a shell does for a `ClientSession`, in the order given.
package enum ClientAction: Hashable, Sendable {
    /// Open a WebSocket to the URL and report `opened` or `connectFailed`, then frames, then `closed`.
    case connect(ConnectionID, endpoint: String)
    /// Write the frame.
    case send(ConnectionID, ClientFrame)
    /// Close with the code, or give up opening; what is reported of the connection from now on is ignored.
    case close(ConnectionID, CloseCode)
    /// Hand the event to the application, behind everything handed over before.
    case deliver(ClientEvent)
    /// The server handled these uplink messages.
    case confirmed([UplinkTicket])
    /// These uplink messages left the outbox without being handled.
    case discarded([UplinkTicket], UplinkRefusal)
    /// Make the change durable and report `saved` with the version; versions count up, and a report covers all below it.
    case save(ClientRecordChange, SaveVersion, SaveUrgency)
    /// Ask the application for a token and report `tokenObtained` or `tokenUnavailable`. At most one request is under way.
    case obtainToken(TokenPurpose)
}

/// Names one connection of a session. Unlike attempts, which start anew with a new instance, these count up for as long as the session lives.
package struct ConnectionID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count, from 1.
    package let rawValue: UInt64

    /// Wraps a count.
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: ConnectionID, right: ConnectionID) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String { String(self.rawValue) }
}

/// Names one uplink message towards the application for as long as the session lives, whatever number and outbox it has on the wire.
package struct UplinkTicket: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count of messages that were ever queued in this session, from 1; messages that a record brought along come first.
    package let rawValue: UInt64

    /// Wraps a count.
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: UplinkTicket, right: UplinkTicket) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String { String(self.rawValue) }
}

/// Why an uplink message is not accepted, or not kept.
package enum UplinkRefusal: Error, Hashable, Sendable {
    /// The outbox holds as many messages or bytes as it may.
    case queueFull
    /// The payload is larger than the server takes; the limit in bytes.
    case tooLarge(limit: Int)
    /// The session was ended with `BYE`, or is about to be.
    case sessionEnded
}

/// What a token is wanted for.
package enum TokenPurpose: Hashable, Sendable {
    /// The next `HELLO`; no connection is opened without it.
    case hello
    /// The answer to `AUTH`, within the time given.
    case renewal(within: Duration)
}

/// One event's moment, its luck, and what the session wants done.
///
/// A shell keeps one, sets `now` before each event, performs `actions` in order after it, and empties them.
package struct ClientTurn<Random: RandomNumberGenerator> {
    /// The moment of the event on the shell's monotonic clock.
    package var now: Instant
    /// Where luck comes from.
    package var random: Random
    /// What is to be done, oldest first.
    package var actions: [ClientAction] = []

    /// A turn without actions.
    package init(now: Instant, random: Random) {
        self.now = now
        self.random = random
    }

    /// Hands out the actions and forgets them.
    package mutating func takeActions() -> [ClientAction] {
        var actions: [ClientAction] = []
        swap(&actions, &self.actions)
        return actions
    }

    /// Adds an action to the end.
    mutating func perform(_ action: ClientAction) {
        self.actions.append(action)
    }
}

extension ClientTurn: Sendable where Random: Sendable {}
