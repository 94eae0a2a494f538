import GaplessServer

extension ServeSettings {
    /// A webhook at this URL, signed as the settings say.
    ///
    /// - Throws: `ProgramError` without a secret, `ConfigurationError` for a file that cannot be read.
    func webhook(_ url: String) throws -> WebhookConfiguration {
        guard let path = self.text("webhook-secret-file") else {
            throw ProgramError(.misconfigured, "webhooks are signed: name the file of the secret with --webhook-secret-file")
        }
        var webhook = WebhookConfiguration(url: url, secrets: try WebhookConfiguration.secrets(file: path))
        try self.set("webhook-timeout", \.timeout, of: &webhook)
        return webhook
    }

    /// What is posted where.
    func setWebhooks(_ configuration: inout ServerConfiguration) throws {
        let (uplink, events) = (try self.uplink(), self.text("webhook-events"))
        guard let url = self.text("webhook") else {
            guard uplink != .webhook else { throw ProgramError(.misconfigured, "--uplink webhook needs a URL: --webhook URL") }
            guard events == nil else { throw ProgramError(.misconfigured, "--webhook-events needs a URL: --webhook URL") }
            return
        }
        guard uplink == .webhook || events != nil else {
            throw ProgramError(.misconfigured, "nothing is posted to --webhook with --uplink \(uplink.rawValue) and no --webhook-events")
        }
        let webhook = try self.webhook(url)
        if uplink == .webhook { configuration.messageWebhook = webhook }
        guard let events else { return }
        configuration.eventWebhook = webhook
        guard events != "all" else { return }
        configuration.webhookEvents = try WebhookEventKind.parse(
            events.split(separator: ",", omittingEmptySubsequences: false).map(String.init),
            setting: "--webhook-events"
        )
    }
}
