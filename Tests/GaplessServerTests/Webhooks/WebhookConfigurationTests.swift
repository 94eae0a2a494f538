import Configuration
import GaplessServer
import GaplessTesting
import Testing

/// Which webhooks a server takes.
@Suite struct WebhookConfigurationTests {
    private static func refused(_ change: (inout WebhookConfiguration) -> Void) -> String? {
        var webhook = WebhookConfiguration(url: "https://app.example.com/hook", secrets: [TestBackend.secret])
        change(&webhook)
        var configuration = TestServer.configuration
        configuration.messageWebhook = webhook
        let asMessages = Self.setting(configuration, .none)
        configuration.eventWebhook = webhook
        configuration.messageWebhook = nil
        let asEvents = Self.setting(configuration, .none)
        let asAuthentication = Self.setting(TestServer.configuration, .webhook(webhook))
        // Each of the three is held to the same.
        #expect(asMessages?.replacing("messageWebhook", with: "") == asEvents?.replacing("eventWebhook", with: ""))
        #expect(asMessages?.replacing("messageWebhook", with: "") == asAuthentication?.replacing("authenticator", with: ""))
        return asMessages
    }

    private static func setting(_ configuration: ServerConfiguration, _ authentication: Authentication) -> String? {
        do throws(ConfigurationError) {
            _ = try GaplessServer(store: .memory(), authenticator: authentication, configuration: configuration)
            return nil
        } catch {
            #expect(!error.description.contains(TestBackend.secret))
            return error.setting
        }
    }

    @Test(arguments: [
        "https://app.example.com", "https://app.example.com:8443/a/b?tenant=1", "HTTPS://APP.EXAMPLE.COM/", "http://localhost:9000/hook",
        "http://127.0.0.1:9000", "http://127.8.9.1/", "http://[::1]:9000/hook",
    ])
    func whatIsEncryptedOrStaysHereIsTaken(_ url: String) {
        #expect(Self.refused { $0.url = url } == nil)
    }

    @Test(arguments: [
        "", "app.example.com", "/hook", "https://", "https:///hook", "ftp://app.example.com", "http://app.example.com/hook",
        "http://10.0.0.1/hook",
        "http://127.0.0.1.example.com/", "http://localhost.example.com/", "https://user@app.example.com/",
        "https://user:secret@app.example.com/",
        "https://app.example.com/#part", "https://app.example.com/a b", "https://app.example.com/ä", "http://0.0.0.0:9000/",
        "https://app.example.com/\(String(repeating: "x", count: 2_048))",
    ])
    func whatIsNotIsRefused(_ url: String) {
        #expect(Self.refused { $0.url = url } == "messageWebhook.url")
    }

    @Test func eachOtherSettingHasItsBounds() {
        for (secrets, isTaken) in [
            ([], false), ([String(repeating: "x", count: 31)], false), ([String(repeating: "x", count: 32)], true),
            ([String(repeating: "x", count: 1_024)], true), ([String(repeating: "x", count: 1_025)], false),
            ([TestBackend.secret, TestBackend.secret], true), ([TestBackend.secret, "short"], false),
            ([TestBackend.secret, TestBackend.secret, TestBackend.secret], false),
        ] {
            #expect((Self.refused { $0.secrets = secrets } == nil) == isTaken, "\(secrets.map(\.count))")
        }
        for (milliseconds, isTaken) in [(99, false), (100, true), (120_000, true), (120_001, false)] {
            #expect((Self.refused { $0.timeout = .milliseconds(milliseconds) } == nil) == isTaken, "\(milliseconds) ms")
        }
        for (calls, isTaken) in [(0, false), (1, true), (4_096, true), (4_097, false)] {
            #expect((Self.refused { $0.maxCalls = calls } == nil) == isTaken, "\(calls) calls")
        }
    }

    @Test func anEventWebhookIsToldOfSomething() {
        var configuration = TestServer.configuration
        configuration.webhookEvents = []
        #expect(Self.setting(configuration, .none) == nil)
        configuration.eventWebhook = WebhookConfiguration(url: "https://app.example.com", secrets: [TestBackend.secret])
        #expect(Self.setting(configuration, .none) == "webhookEvents")
    }

    @Test func messagesGoToTheWebhookOrToAHandler() async throws {
        var configuration = TestServer.configuration
        configuration.messageWebhook = WebhookConfiguration(url: "https://app.example.com", secrets: [TestBackend.secret])
        let server = try GaplessServer(store: .memory(), authenticator: .none, configuration: configuration)
        server.onMessage { _, _ in }
        await #expect(throws: ConfigurationError.self) { try await server.run() }
    }

    // MARK: Files and readers

    @Test func secretsStandInAFileOneALine() throws {
        let two = try TemporaryFile("\(TestBackend.secret)\r\n\nthe former secret\n")
        #expect(try WebhookConfiguration.secrets(file: two.path) == [TestBackend.secret, "the former secret"])
        let one = try TemporaryFile(TestBackend.secret)
        #expect(try WebhookConfiguration.secrets(file: one.path) == [TestBackend.secret])
        for path in ["/nonexistent/secret", try TemporaryFile("\n\n").path] {
            #expect(throws: ConfigurationError.self) { try WebhookConfiguration.secrets(file: path) }
        }
    }

    private func read(_ settings: [String: String]) throws(ConfigurationError) -> ServerConfiguration {
        let variables = Dictionary(uniqueKeysWithValues: settings.map { ("GAPLESS_\($0.key)", $0.value) })
        let reader = ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: variables))
        return try ServerConfiguration(config: reader.scoped(to: "gapless"))
    }

    @Test func aReaderNamesTheWebhook() throws {
        let file = try TemporaryFile(TestBackend.secret)
        let base = ["WEBHOOK": "https://app.example.com/hook", "WEBHOOK_SECRET_FILE": file.path]
        let plain = try self.read(base)
        #expect(plain.messageWebhook?.url == "https://app.example.com/hook" && plain.messageWebhook?.secrets == [TestBackend.secret])
        #expect(plain.messageWebhook?.timeout == .seconds(10) && plain.messageWebhook?.maxCalls == 256 && plain.eventWebhook == nil)
        let more = ["WEBHOOK_EVENTS": "attached,gap", "WEBHOOK_TIMEOUT": "3s", "WEBHOOK_CALLS": "7"]
        let whole = try self.read(base.merging(more) { $1 })
        #expect(whole.webhookEvents == [.attached, .gap] && whole.eventWebhook?.url == whole.messageWebhook?.url)
        #expect(whole.messageWebhook?.timeout == .seconds(3) && whole.eventWebhook?.maxCalls == 7)
        #expect(try self.read([:]).messageWebhook == nil)
    }

    @Test func aReaderSaysWhatIsWrong() throws {
        let file = try TemporaryFile(TestBackend.secret)
        let base = ["WEBHOOK": "https://app.example.com/hook", "WEBHOOK_SECRET_FILE": file.path]
        let cases: [([String: String], String)] = [
            (["WEBHOOK": "https://app.example.com"], "webhookSecretFile"), (["WEBHOOK_SECRET_FILE": file.path], "webhook"),
            (base.merging(["WEBHOOK_SECRET_FILE": "/nonexistent"]) { $1 }, "/nonexistent"),
            (base.merging(["WEBHOOK_EVENTS": "attached,gone"]) { $1 }, "webhookEvents"),
            (base.merging(["WEBHOOK_TIMEOUT": "3"]) { $1 }, "webhookTimeout"),
            (base.merging(["WEBHOOK_CALLS": "x"]) { $1 }, "webhookCalls"),
        ]
        for (settings, setting) in cases {
            do {
                _ = try self.read(settings)
                Issue.record("\(settings) is taken")
            } catch {
                #expect(error.setting == setting)
            }
        }
    }
}
