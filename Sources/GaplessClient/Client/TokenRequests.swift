import GaplessCore
import Logging

/// The session's wishes for tokens on their way to the application's provider, one at a time, and the answers back.
final class TokenRequests: Sendable {
    private let source: ClientToken
    private let mailbox: ClientMailbox
    private let logger: Logger
    private let requests: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init(_ source: ClientToken, mailbox: ClientMailbox, logger: Logger) {
        self.source = source
        self.mailbox = mailbox
        self.logger = logger
        (self.requests, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The session wants a token.
    func request(_ purpose: TokenPurpose) {
        switch self.source.kind {
        case .provider: self.continuation.yield()
        case .none, .fixed: self.mailbox.post(.perform { $0.tokenObtained(nil) })
        }
    }

    /// Answers requests until the task is cancelled.
    func answer() async {
        guard case .provider(let provide) = self.source.kind else { return }
        for await _ in self.requests {
            let token = await self.ask(provide)
            self.mailbox.post(.perform { $0.tokenObtained(token) })
        }
    }

    /// Asks the provider until it gives a token; nil when it says that there is none.
    private func ask(_ provide: @Sendable () async throws -> String) async -> String? {
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        while true {
            do {
                let token = try await provide()
                if !ClientSession.canSay(token: token) {
                    // The session does without, as if there were none; only this says why.
                    self.logger.error("Provider of tokens gave one that no HELLO has room for", metadata: ["bytes": "\(token.utf8.count)"])
                }
                return token
            } catch is NoTokenError {
                return nil
            } catch {
                // Its text may hold the token, or the header that was to bring it (Protocol.md [R14-1]).
                self.logger.warning("Provider of tokens failed", metadata: ["error.type": "\(type(of: error))"])
            }
            do {
                try await Task.sleep(for: backoff.next(using: &random))
            } catch {
                return nil  // The client ends; nobody waits for the answer.
            }
        }
    }
}
