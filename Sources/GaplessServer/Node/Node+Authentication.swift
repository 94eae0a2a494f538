import GaplessCore
import GaplessStore
import Logging
import Synchronization

extension Authentication {
    /// Whether the server names all clients itself.
    var namesClients: Bool {
        if case .anonymous = self.way { true } else { false }
    }

    /// Whether everybody is whom they say they are.
    var isNone: Bool {
        if case .none = self.way { true } else { false }
    }
}

extension Node {
    /// Who shows these credentials, as a session understands it.
    func identify(_ credentials: Credentials) async -> AuthenticationOutcome {
        switch self.authentication.way {
        case .none:
            return .unneeded
        case .anonymous:
            return await self.name(credentials)
        case .authenticator(let authenticator):
            return await self.identify(credentials, by: authenticator)
        case .webhook:
            guard let authenticator = self.webhooks.authenticator else { preconditionFailure("a node has the webhook that it is to ask") }
            return await self.identify(credentials, by: authenticator)
        }
    }

    private func identify(_ credentials: Credentials, by authenticator: some Authenticator) async -> AuthenticationOutcome {
        do {
            return .proved(try await authenticator.authenticate(credentials))
        } catch let error as AuthenticationError {
            return .refused(SessionEnding(error))
        } catch is CancellationError where Task.isCancelled {
            return .refused(SessionEnding(.internalError, "The proof cannot be checked now."))  // The connection is gone.
        } catch {
            self.logger.warning("Authenticator failed", metadata: ["error.type": "\(type(of: error))"])
            return .refused(SessionEnding(.internalError, "The proof cannot be checked now."))
        }
    }

    /// Names a new client, or verifies the token of one that has a name. [R9.2-1, R9.2-3]
    private func name(_ credentials: Credentials) async -> AuthenticationOutcome {
        do {
            var keys = try await self.tokens.keys(self)
            guard let client = credentials.client else {
                var random = SystemRandomNumberGenerator()
                let client = ClientTokens.makeName(using: &random)
                return .named(client, token: keys.token(for: client, now: self.storeClock.wallClock()))
            }
            guard let token = credentials.token else { return .refused(.unknownClient) }
            if !keys.verify(token, for: client) {
                // Another node may have made a new key since.
                keys = try await self.tokens.newestKeys(self)
                guard keys.verify(token, for: client) else { return .refused(.unknownClient) }
            }
            return .named(client, token: keys.token(for: client, now: self.storeClock.wallClock()))
        } catch {
            return .refused(SessionEnding(.storeUnavailable, "The store cannot be reached."))
        }
    }
}

/// The store's keys for client tokens, remembered for a while.
final class TokenKeyCache: Sendable {
    /// How long keys are remembered: much shorter than they live.
    static let lifetime: Duration = .seconds(300)

    private let cached = Mutex<(keys: ClientTokens, until: Instant)?>(nil)

    func keys(_ node: Node) async throws(QueueStoreError) -> ClientTokens {
        let now = node.clock.monotonic()
        if let cached = self.cached.withLock({ $0 }), now < cached.until { return cached.keys }
        return try await self.newestKeys(node)
    }

    func newestKeys(_ node: Node) async throws(QueueStoreError) -> ClientTokens {
        let wallClock = node.storeClock.wallClock()
        let keys = ClientTokens(
            keys: try await node.readers.perform { store throws(QueueStoreError) in try store.tokenKeys(now: wallClock) }
        )
        self.cached.withLock { $0 = (keys, node.clock.monotonic() + Self.lifetime) }
        return keys
    }
}

extension SessionEnding {
    /// The token of a client that the server named cannot be verified.
    fileprivate static let unknownClient = SessionEnding(.unknownClient, "The client token cannot be verified.", forget: true)

    /// Why credentials prove nothing. [R9.1-4]
    init(_ error: AuthenticationError) {
        switch error.code {
        case .refused: self.init(.tokenRefused, error.message)
        case .expired: self.init(.tokenExpired, error.message)
        case .forbidden: self.init(.forbidden, error.message)
        case .unknownClient: self = .unknownClient
        default: self.init(.internalError, error.message)
        }
    }
}
