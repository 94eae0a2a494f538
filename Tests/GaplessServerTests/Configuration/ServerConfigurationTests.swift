import Configuration
import GaplessCore
import Testing

@testable import GaplessServer

@Suite struct ServerConfigurationTests {
    private func refusedSetting(_ change: (inout ServerConfiguration) -> Void) -> String? {
        var configuration = ServerConfiguration()
        change(&configuration)
        do throws(ConfigurationError) {
            try configuration.validate()
            return nil
        } catch {
            return error.setting
        }
    }

    @Test func theDefaultsAreValid() {
        #expect(self.refusedSetting { _ in } == nil)
    }

    @Test func everySettingHasBounds() {
        #expect(self.refusedSetting { $0.path = "gapless" } == "path")
        #expect(self.refusedSetting { $0.endpoints = ["https://a.example.com"] } == "endpoints")
        #expect(self.refusedSetting { $0.endpoints = Array(repeating: "wss://a.example.com", count: 17) } == "endpoints")
        #expect(self.refusedSetting { $0.retention.maxMessages = 10_000_001 } == "retention.maxMessages")
        #expect(self.refusedSetting { $0.retention.maxAge = .seconds(366 * 86_400) } == "retention.maxAge")
        #expect(self.refusedSetting { $0.maxKeep = .seconds(1) } == "maxKeep")
        #expect(self.refusedSetting { $0.maxClientsPerUser = 0 } == "maxClientsPerUser")
        #expect(self.refusedSetting { $0.maxQueues = 0 } == "maxQueues")
        #expect(self.refusedSetting { $0.maxStoreBytes = 0 } == "maxStoreBytes")
        #expect(self.refusedSetting { $0.newQueuesPerSecond = 0 } == "newQueuesPerSecond")
        #expect(self.refusedSetting { $0.newQueuesPerSecond = 100_001 } == "newQueuesPerSecond")
        #expect(self.refusedSetting { $0.newQueuesPerSecond = nil } == nil)
        #expect(self.refusedSetting { $0.keyLifetime = .seconds(86_401) } == "keyLifetime")
        #expect(self.refusedSetting { $0.maxMessageBytes = 1_048_577 } == "maxMessageBytes")
        #expect(self.refusedSetting { $0.downlinkWindow = Window(messages: 65_537, bytes: 1) } == "downlinkWindow")
        #expect(self.refusedSetting { $0.uplinkWindow = Window(messages: 1, bytes: 67_108_865) } == "uplinkWindow")
        #expect(self.refusedSetting { $0.maxUplinkBytes = Int($0.uplinkWindow.bytes) - 1 } == "maxUplinkBytes")
        #expect(self.refusedSetting { $0.maxUplinkBytes = Int($0.uplinkWindow.bytes) } == nil)
        #expect(self.refusedSetting { $0.heartbeat = .milliseconds(99) } == "heartbeat")
        #expect(self.refusedSetting { $0.silence = $0.heartbeat } == "silence")
        #expect(self.refusedSetting { $0.helloDeadline = .seconds(61) } == "helloDeadline")
        #expect(self.refusedSetting { $0.authenticationGrace = .zero } == "authenticationGrace")
        #expect(self.refusedSetting { $0.handlerAttempts = 0 } == "handlerAttempts")
        #expect(self.refusedSetting { $0.drainTime = .seconds(301) } == "drainTime")
        #expect(self.refusedSetting { $0.hardStop = $0.drainWait + $0.drainTime + $0.moveTime } == "hardStop")
        #expect(self.refusedSetting { $0.drainWait = .seconds(20) } == "hardStop")
        #expect(
            self.refusedSetting { ($0.drainWait, $0.drainTime, $0.moveTime, $0.hardStop) = (.zero, .zero, .seconds(9), .seconds(10)) }
                == nil
        )
        #expect(self.refusedSetting { $0.hardStop = .seconds(901) } == "hardStop")
        #expect(self.refusedSetting { $0.sendTimeout = .zero } == "sendTimeout")
        #expect(self.refusedSetting { $0.maxConnections = 0 } == "maxConnections")
        #expect(self.refusedSetting { $0.maxPendingSends = 0 } == "maxPendingSends")
        #expect(self.refusedSetting { $0.threads = 0 } == "threads")
    }

    @Test("All endpoints fit into one WELCOME, whoever attaches; a byte more is refused [R3.5-8]")
    func endpointsFitIntoAWelcome() throws {
        let room = Limits.maxJSONBytes - GaplessCore.Welcome.longest(endpoints: []).jsonBytes
        #expect(room > 2_500)
        // Each costs two quotes and, but for the first, a comma.
        var endpoints: [String] = []
        var left = room + 1
        while left > 0 {
            let prefix = "wss://\(endpoints.count).example.com/"
            let count = left > 515 ? min(500, left - 53) : left - 3
            endpoints.append(prefix + String(repeating: "x", count: count - prefix.utf8.count))
            left -= count + 3
        }
        #expect(GaplessCore.Welcome.longest(endpoints: endpoints).jsonBytes == Limits.maxJSONBytes)
        #expect(self.refusedSetting { $0.endpoints = endpoints } == nil)
        endpoints[0].append("x")
        #expect(self.refusedSetting { $0.endpoints = endpoints } == "endpoints")
        // A quote is the two bytes of its escape.
        endpoints[0].removeLast(3)
        endpoints[0].append("\"")
        #expect(self.refusedSetting { $0.endpoints = endpoints } == nil)
        endpoints[0].append("\"")
        #expect(self.refusedSetting { $0.endpoints = endpoints } == "endpoints")
    }

    @Test func anAdminListenerThatOthersCanReachNeedsAKey() {
        let everywhere = ListenAddress(host: "0.0.0.0", port: 0)
        #expect(self.refusedSetting { $0.admin = AdminConfiguration(listen: everywhere) } == "admin.listen")
        #expect(self.refusedSetting { $0.admin = AdminConfiguration(listen: everywhere, key: "short") } == "admin.key")
        #expect(self.refusedSetting { $0.admin = AdminConfiguration(listen: everywhere, key: "sixteen bytes at") } == nil)
    }

    @Test(arguments: ["0.0.0.0:0", "192.0.2.1:0", "example.com:0", "[::]:0", "[2001:db8::1]:0"])
    func withoutAuthenticationOnlyLoopbackIsListenedOn(_ address: String) throws {
        // [R14-3]
        var configuration = ServerConfiguration()
        configuration.listen = try #require(ListenAddress(address))
        let error = #expect(throws: ConfigurationError.self) {
            try GaplessServer(store: .memory(), authenticator: .none, configuration: configuration)
        }
        #expect(error?.setting == "listen")
        #expect(throws: Never.self) { try GaplessServer(store: .memory(), authenticator: .anonymous, configuration: configuration) }
    }

    @Test(arguments: ["127.0.0.1:0", "127.8.9.1:80", "[::1]:0", "localhost:1", "[::ffff:127.0.0.1]:0", "[::ffff:7f00:1]:0"])
    func loopbackIsKnown(_ address: String) throws {
        #expect(try #require(ListenAddress(address)).isLoopback)
    }

    @Test(arguments: [
        "[::ffff:192.0.2.1]:0", "[::127.0.0.1]:0", "[::7f00:1]:0", "[::ffff:0:127.0.0.1]:0", "128.0.0.1:0", "127.example.com:0",
    ])
    func whatOnlyLooksLikeLoopbackIsNot(_ address: String) throws {
        #expect(try #require(ListenAddress(address)).isLoopback == false)
    }

    @Test(arguments: ["", ":", "a", "a:", ":1", "a:65536", "a:-1", "::1:80", "[a]:1", "[::1]", "a b:1", "a:1:2", "[::1:1"])
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: ["127.0.0.1:8080", "[::1]:0", "example.com:443"])
    func anAddressReadsAsItWasWritten(_ text: String) {
        #expect(ListenAddress(text)?.description == text)
    }

    @Test func settingsAreReadFromTheEnvironment() throws {
        let environment = [
            "GAPLESS_NAME": "a", "GAPLESS_LISTEN": "127.0.0.1:0", "GAPLESS_ADMIN": "127.0.0.1:7", "GAPLESS_MAX_MESSAGES": "7",
            "GAPLESS_MAX_BYTES": "8", "GAPLESS_MAX_AGE": "90m", "GAPLESS_ON_OVERFLOW": "reject-new", "GAPLESS_TLS_CERTIFICATE": "c.pem",
            "GAPLESS_TLS_KEY": "k.pem", "GAPLESS_ALLOW_ORIGIN": "https://a.example.com,https://b.example.com",
            "GAPLESS_UPLINK_MESSAGES": "3", "GAPLESS_ADMIN_KEY": "a key of many bytes", "GAPLESS_HEARTBEAT": "250ms",
        ]
        let reader = ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: environment)).scoped(to: "gapless")
        let configuration = try ServerConfiguration(config: reader)
        #expect(configuration.name.description == "a")
        #expect(configuration.listen.description == "127.0.0.1:0")
        #expect(configuration.admin?.listen.description == "127.0.0.1:7")
        #expect(configuration.admin?.key == "a key of many bytes")
        #expect(configuration.retention.maxMessages == 7)
        #expect(configuration.retention.maxBytes == 8)
        #expect(configuration.retention.maxAge == .seconds(5_400))
        #expect(configuration.retention.onOverflow == .rejectNew)
        #expect(configuration.tls == TLSFiles(certificate: "c.pem", privateKey: "k.pem"))
        #expect(configuration.origins == .allowing(["https://a.example.com", "https://b.example.com"]))
        #expect(configuration.uplinkWindow == Window(messages: 3, bytes: Window.defaultUplink.bytes))
        #expect(configuration.heartbeat == .milliseconds(250))
    }

    @Test(arguments: [
        ("GAPLESS_NAME", "a b"), ("GAPLESS_LISTEN", "8080"), ("GAPLESS_ADMIN", "no"), ("GAPLESS_MAX_MESSAGES", "many"),
        ("GAPLESS_MAX_AGE", "90"), ("GAPLESS_MAX_AGE", "1y"), ("GAPLESS_MAX_AGE", "-1s"), ("GAPLESS_ON_OVERFLOW", "block"),
        ("GAPLESS_TLS_KEY", "k.pem"), ("GAPLESS_UPLINK_MESSAGES", "0"), ("GAPLESS_ADMIN_KEY_FILE", "/nonexistent/key"),
    ])
    func aSettingThatCannotBeUnderstoodIsAnError(_ name: String, _ value: String) {
        let provider = EnvironmentVariablesProvider(environmentVariables: [name: value])
        let reader = ConfigReader(provider: provider).scoped(to: "gapless")
        #expect(throws: ConfigurationError.self) { try ServerConfiguration(config: reader) }
    }

    @Test func newQueuesAreCountedOrNot() throws {
        for (text, count) in [("7", 7), ("none", nil)] as [(String, Int?)] {
            let provider = EnvironmentVariablesProvider(environmentVariables: ["GAPLESS_NEW_QUEUES_PER_SECOND": text])
            let configuration = try ServerConfiguration(config: ConfigReader(provider: provider).scoped(to: "gapless"))
            #expect(configuration.newQueuesPerSecond == count)
        }
    }

    @Test func noneTurnsTheAdminListenerOff() throws {
        let provider = EnvironmentVariablesProvider(environmentVariables: ["GAPLESS_ADMIN": "none"])
        #expect(try ServerConfiguration(config: ConfigReader(provider: provider).scoped(to: "gapless")).admin == nil)
    }
}
