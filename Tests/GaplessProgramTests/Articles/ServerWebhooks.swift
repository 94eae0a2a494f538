import GaplessServer

/// The examples of the article on webhooks.
struct ServerWebhooks {
    // snippet: a server with webhooks
    func makeServer() throws -> GaplessServer {
        var configuration = ServerConfiguration()
        let secrets = try WebhookConfiguration.secrets(file: "webhook.secret")
        let webhook = WebhookConfiguration(url: "https://app.example.com/gapless", secrets: secrets)
        configuration.messageWebhook = webhook
        configuration.eventWebhook = webhook
        configuration.webhookEvents = [.attached, .detached]
        return try GaplessServer(store: .sqlite(path: "gapless.db"), authenticator: .webhook(webhook), configuration: configuration)
    }
    // snippet end

    // snippet: a receiver that verifies
    func isGenuine(_ signature: String, _ body: [UInt8], secret: String) -> Bool {
        do {
            try WebhookSignature.verify(signature, of: body, secrets: [secret])
            return true
        } catch {
            return false  // Answer with 401.
        }
    }
    // snippet end
}
