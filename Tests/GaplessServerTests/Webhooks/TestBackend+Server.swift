import GaplessCore
import GaplessServer
import GaplessTesting
import Testing

extension TestBackend {
    /// The settings of a test server whose clients' messages go to this service.
    var messageConfiguration: ServerConfiguration {
        var configuration = TestServer.configuration
        configuration.messageWebhook = self.webhook
        return configuration
    }
}

extension TestBackend.Call {
    /// Whether the call is signed with the secret of the tests.
    var isSigned: Bool { self.isSigned(at: nil) }

    /// The same at a time of day that a test moves.
    func isSigned(at now: Timestamp?, with secret: String = TestBackend.secret) -> Bool {
        do {
            try WebhookSignature.verify(self.signature, of: self.body.readableBytesView, secrets: [secret], now: now)
            return true
        } catch {
            return false
        }
    }
}
