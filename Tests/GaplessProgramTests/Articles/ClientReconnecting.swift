import GaplessClient

/// The examples of the article on reconnecting.
struct ClientReconnecting {
    struct Account {
        let isSignedIn = false

        func freshToken() async throws -> String { "" }
    }

    // snippet: tokens
    func authenticated(by account: Account) -> ClientToken {
        .provider {
            guard account.isSignedIn else { throw NoTokenError() }
            return try await account.freshToken()
        }
    }
    // snippet end
}
