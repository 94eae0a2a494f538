import Configuration
import GaplessCore
import Testing

@testable import GaplessServer

/// What each key of a configuration sets, and what it cannot be.
@Suite struct ConfigurationReaderTests {
    private func read(_ settings: [String: String]) throws(ConfigurationError) -> ServerConfiguration {
        let variables = Dictionary(uniqueKeysWithValues: settings.map { ("GAPLESS_\($0.key)", $0.value) })
        let reader = ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: variables))
        return try ServerConfiguration(config: reader.scoped(to: "gapless"))
    }

    private func refusedSetting(_ name: String, _ value: String) -> String? {
        do throws(ConfigurationError) {
            _ = try self.read([name: value])
            return nil
        } catch {
            return error.setting
        }
    }

    @Test func nothingSaidMeansTheDefaults() throws {
        let (read, standard) = (try self.read([:]), ServerConfiguration())
        #expect(read.name == standard.name && read.listen == standard.listen && read.path == standard.path)
        #expect(read.tls == nil && read.origins == .sameHost && read.endpoints.isEmpty)
        #expect(read.admin?.listen == standard.admin?.listen && read.admin?.key == nil && read.admin?.hosts == standard.admin?.hosts)
        #expect(read.retention == standard.retention && read.maxKeep == standard.maxKeep)
        #expect(read.heartbeat == standard.heartbeat && read.silence == standard.silence && read.drainTime == standard.drainTime)
        #expect(read.downlinkWindow == .defaultDownlink && read.uplinkWindow == .defaultUplink)
        #expect(read.maxConnections == nil && read.threads == nil)
    }

    /// A key, a text for it, and what it then shows as.
    private static let texts: [(String, String, @Sendable (ServerConfiguration) -> String?)] = [
        ("NAME", "node-7", { $0.name.description }),
        ("LISTEN", "[::1]:8443", { $0.listen.description }),
        ("PATH", "/signals", { $0.path }),
        ("ADMIN", "127.0.0.1:9", { $0.admin?.listen.description }),
        ("ADMIN_KEY", "a key of many bytes", { $0.admin?.key }),
        ("ADMIN_HOSTS", "a.internal,b.internal", { $0.admin?.hosts.sorted().joined(separator: " ") }),
        ("ENDPOINTS", "wss://a.example.com,wss://b.example.com", { $0.endpoints.joined(separator: " ") }),
        ("ON_OVERFLOW", "discard-oldest", { "\($0.retention.onOverflow)" }),
        ("ON_OVERFLOW", "rejectNew", { "\($0.retention.onOverflow)" }),
    ]

    @Test(arguments: Self.texts.indices)
    func aTextIsTakenAsItIs(_ index: Int) throws {
        let (name, value, shown) = Self.texts[index]
        let expected = [
            "ADMIN_HOSTS": "a.internal b.internal", "ENDPOINTS": "wss://a.example.com wss://b.example.com",
            "ON_OVERFLOW": value == "rejectNew" ? "\(OverflowPolicy.rejectNew)" : "\(OverflowPolicy.discardOldest)",
        ]
        #expect(shown(try self.read([name: value])) == expected[name] ?? value)
    }

    private static let durations: [(String, @Sendable (ServerConfiguration) -> Duration)] = [
        ("MAX_AGE", { $0.retention.maxAge }), ("KEEP", { $0.retention.keep }), ("MAX_KEEP", { $0.maxKeep }),
        ("KEY_LIFETIME", { $0.keyLifetime }), ("HEARTBEAT", { $0.heartbeat }), ("SILENCE", { $0.silence }),
        ("HELLO_DEADLINE", { $0.helloDeadline }), ("AUTHENTICATION_GRACE", { $0.authenticationGrace }),
        ("DRAIN_WAIT", { $0.drainWait }), ("DRAIN_TIME", { $0.drainTime }), ("MOVE_TIME", { $0.moveTime }),
        ("SEND_TIMEOUT", { $0.sendTimeout }), ("WARM_UP", { $0.warmUp }),
        ("READY_MAX_LOOP_LAG", { $0.readiness.maxLoopLag ?? .zero }), ("READY_MAX_COMMIT_TIME", { $0.readiness.maxCommitTime ?? .zero }),
    ]

    @Test(arguments: Self.durations.indices)
    func aDurationHasAUnit(_ index: Int) throws {
        let (name, value) = Self.durations[index]
        let units: [(String, Duration)] = [
            ("250ms", .milliseconds(250)), ("0s", .zero), ("31s", .seconds(31)), ("5m", .seconds(300)), ("2h", .seconds(7_200)),
            ("7d", .seconds(604_800)),
        ]
        for (text, duration) in units { #expect(value(try self.read([name: text])) == duration, "\(name) \(text)") }
        for text in ["31", "s", "31 s", "1.5s", "-1s", "31S", "1w", "99999999999999999999s", "9223372036854775807d", "36501d"] {
            #expect(self.refusedSetting(name, text) != nil, "\(name) \(text)")
        }
    }

    @Test func noneIsNoBound() throws {
        let names = [
            "NEW_QUEUES_PER_SECOND", "ATTACHES_PER_SECOND", "MAX_CONNECTIONS_PER_ADDRESS", "READY_MAX_CONNECTIONS", "READY_MAX_MEMORY",
            "READY_MIN_FREE_DISK", "READY_MAX_LOOP_LAG", "READY_MAX_COMMIT_TIME",
        ]
        let read = try self.read(Dictionary(uniqueKeysWithValues: names.map { ($0, "none") }))
        #expect(read.newQueuesPerSecond == nil && read.attachesPerSecond == nil && read.maxConnectionsPerAddress == nil)
        #expect(read.readiness == .none)
    }

    private static let integers: [(String, @Sendable (ServerConfiguration) -> Int?)] = [
        ("MAX_MESSAGES", { $0.retention.maxMessages }), ("MAX_BYTES", { $0.retention.maxBytes }),
        ("MAX_CLIENTS_PER_USER", { $0.maxClientsPerUser }), ("MAX_QUEUES", { $0.maxQueues }),
        ("MAX_STORE_BYTES", { $0.maxStoreBytes }), ("MAX_MESSAGE_BYTES", { $0.maxMessageBytes }),
        ("HANDLER_ATTEMPTS", { $0.handlerAttempts }), ("MAX_CONNECTIONS", { $0.maxConnections }),
        ("MAX_PENDING_SENDS", { $0.maxPendingSends }), ("THREADS", { $0.threads }),
        ("ATTACHES_PER_SECOND", { $0.attachesPerSecond }), ("MAX_CONNECTIONS_PER_ADDRESS", { $0.maxConnectionsPerAddress }),
        ("READY_MAX_CONNECTIONS", { $0.readiness.maxConnections }), ("READY_MAX_MEMORY", { $0.readiness.maxMemory }),
        ("READY_MIN_FREE_DISK", { $0.readiness.minFreeDisk }),
        ("DOWNLINK_MESSAGES", { Int($0.downlinkWindow.messages) }), ("DOWNLINK_BYTES", { Int($0.downlinkWindow.bytes) }),
        ("UPLINK_MESSAGES", { Int($0.uplinkWindow.messages) }), ("UPLINK_BYTES", { Int($0.uplinkWindow.bytes) }),
    ]

    @Test(arguments: Self.integers.indices)
    func anIntegerIsOne(_ index: Int) throws {
        let (name, value) = Self.integers[index]
        #expect(value(try self.read([name: "17"])) == 17)
        for text in ["x", "1.5", "1e3", "0x10", "17 "] { #expect(self.refusedSetting(name, text) != nil, "\(name) \(text)") }
    }

    @Test func aSwitchIsOnOrOff() throws {
        #expect(try self.read([:]).rebalance)
        #expect(try self.read(["REBALANCE": "on"]).rebalance)
        #expect(try !self.read(["REBALANCE": "off"]).rebalance)
        for text in ["", "true", "ON", "1"] { #expect(self.refusedSetting("REBALANCE", text) == "rebalance", "\(text)") }
    }

    @Test(arguments: ["DOWNLINK", "UPLINK"], ["MESSAGES", "BYTES"])
    func aWindowIsNeverClosed(_ direction: String, _ kind: String) {
        for value in ["0", "-1", "\(Int.min)"] {
            #expect(self.refusedSetting("\(direction)_\(kind)", value) == "\(direction.lowercased())Window", "\(value)")
        }
    }

    @Test func aSettingThatIsWrongIsNamed() {
        let cases = [
            ("NAME", "two words", "name"), ("LISTEN", "everywhere", "listen"), ("ADMIN", "everywhere", "admin"),
            ("ON_OVERFLOW", "block", "onOverflow"), ("TLS_CERTIFICATE", "c.pem", "tlsKey"), ("TLS_KEY", "k.pem", "tlsCertificate"),
            ("ADMIN_KEY_FILE", "/nonexistent/key", "/nonexistent/key"),
        ]
        for (name, value, setting) in cases { #expect(self.refusedSetting(name, value) == setting, "\(name)") }
    }

    @Test func theAdminKeyMayStandInAFile() throws {
        let file = try TemporaryFile("a key of many bytes\n")
        #expect(try self.read(["ADMIN_KEY_FILE": file.path]).admin?.key == "a key of many bytes")
        // What is no text is no key.
        #expect(self.refusedSetting("ADMIN_KEY_FILE", "/") != nil)
    }

    @Test func theAdminListenerCanBeTurnedOff() throws {
        #expect(try self.read(["ADMIN": "none", "ADMIN_KEY": "a key of many bytes"]).admin == nil)
    }
}
