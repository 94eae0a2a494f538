import GaplessServer

/// The examples of the article on authentication.
struct ServerAuthentication {
    struct Session {
        let user: String
        let end: Timestamp
    }

    struct Sessions {
        func find(_ cookie: String) async throws -> Session? {
            Session(user: cookie, end: Timestamp(milliseconds: 0))
        }
    }

    // snippet: an authenticator
    struct SessionCookie: Authenticator {
        let sessions: Sessions

        func authenticate(_ credentials: Credentials) async throws -> Identity {
            guard let cookie = credentials.cookie(named: "session") else {
                throw AuthenticationError(.refused, "A session is needed.")
            }
            guard let session = try await self.sessions.find(cookie) else {
                throw AuthenticationError(.expired, "The session has ended.")
            }
            guard let user = UserID(session.user) else {
                throw AuthenticationError(.forbidden, "This user has no name here.")
            }
            return Identity(user: user, expires: session.end)
        }
    }

    func makeServer(_ sessions: Sessions) throws -> GaplessServer {
        try GaplessServer(store: .sqlite(path: "gapless.db"), authenticator: .using(SessionCookie(sessions: sessions)))
    }
    // snippet end
}
