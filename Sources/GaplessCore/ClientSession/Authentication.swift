/// The client's proof of identity, and who waits for a new one (Protocol.md §9).
struct Authentication: Sendable {
    private let source: TokenSource

    /// The newest token of the application; a secret. One that the server gave is kept with the client's identity.
    private(set) var token: String?

    /// Whether the application was asked and has not answered.
    private(set) var isRequested = false

    /// Why no `HELLO` may be said without a new token; nil when one may.
    private(set) var need: StopReason?

    /// The connection on which the server asked for `AUTH`.
    private var asking: ConnectionID?

    /// The connection on which an `AUTH` waits for its answer.
    private var unanswered: ConnectionID?

    /// - Parameter hasToken: Whether the client was given one by a server before.
    init(source: TokenSource, token: String?, hasToken: Bool) {
        self.source = source
        self.token = token
        if source == .application, token == nil, !hasToken {
            self.need = StopReason(code: .tokenRefused, message: "The application has no token.")
        }
    }

    /// Whether the application gives tokens when asked.
    var canRenew: Bool { self.source == .application }

    /// The token presented was refused; the next `HELLO` needs another.
    mutating func refused(_ reason: StopReason) {
        self.need = reason
    }

    /// The server gave a token to a client that it named; it replaces every other.
    mutating func replacedByServer() {
        self.token = nil
    }

    /// The client is to forget who it is.
    mutating func forget() {
        self.token = nil
        if self.source == .application { self.need = StopReason(code: .unknownClient, message: "The client was forgotten.") }
    }

    /// The server asked for `AUTH` on the connection. Returns whether the application is to be asked now.
    mutating func asked(on id: ConnectionID) -> Bool {
        // An answer that is under way answers this as well (Protocol.md §9.3).
        guard self.unanswered != id, self.canRenew else { return false }
        self.asking = id
        return self.request()
    }

    /// The application is to be asked; false when it was and has not answered.
    mutating func request() -> Bool {
        guard !self.isRequested else { return false }
        self.isRequested = true
        return true
    }

    /// The application gave a token. Returns the connection that waits for it, if it is the newest one.
    mutating func obtained(_ token: String, newest: ConnectionID?) -> ConnectionID? {
        self.isRequested = false
        self.token = token
        self.need = nil
        guard let asking = self.asking, asking == newest, self.unanswered != asking else { return nil }
        self.asking = nil
        // AUTH has less room than HELLO; the server closes, and HELLO carries it (Protocol.md §4.7).
        guard JSONWriter.encodedBytes(of: token) <= Self.maxRenewalBytes + 2 else { return nil }
        self.unanswered = asking
        return asking
    }

    /// The application has no token. Returns why the session stops, if it cannot go on without.
    mutating func unavailable() -> StopReason? {
        self.isRequested = false
        self.asking = nil
        defer { self.need = nil }
        return self.need
    }

    /// The server accepted the token sent on the connection.
    mutating func accepted(on id: ConnectionID) {
        if self.unanswered == id { self.unanswered = nil }
    }

    /// The longest token that fits into `AUTH`, its escapes included.
    private static let maxRenewalBytes = 4_084
}
