import GaplessCore
import Testing

@testable import GaplessServer

/// The first and the last value that each setting can have, and their neighbours.
@Suite struct ConfigurationBoundsTests {
    private typealias Change = @Sendable (inout ServerConfiguration, Int) -> Void

    private struct Bounds: Sendable {
        let setting: String
        let values: ClosedRange<Int>
        let set: Change
    }

    private static let year = 365 * 86_400_000

    private static let integers = [
        Bounds(setting: "retention.maxMessages", values: 1...10_000_000) { $0.retention.maxMessages = $1 },
        Bounds(setting: "retention.maxBytes", values: 1...1_099_511_627_776) { $0.retention.maxBytes = $1 },
        Bounds(setting: "maxClientsPerUser", values: 1...10_000) { $0.maxClientsPerUser = $1 },
        Bounds(setting: "maxQueues", values: 1...100_000_000) { $0.maxQueues = $1 },
        Bounds(setting: "maxMessageBytes", values: 1...1_048_576) { $0.maxMessageBytes = $1 },
        Bounds(setting: "handlerAttempts", values: 1...100) { $0.handlerAttempts = $1 },
        Bounds(setting: "maxConnections", values: 1...10_000_000) { $0.maxConnections = $1 },
        Bounds(setting: "maxPendingSends", values: 1...1_000_000) { $0.maxPendingSends = $1 },
        Bounds(setting: "threads", values: 1...256) { $0.threads = $1 },
        Bounds(setting: "attachesPerSecond", values: 1...100_000) { $0.attachesPerSecond = $1 },
        Bounds(setting: "maxConnectionsPerAddress", values: 1...10_000_000) { $0.maxConnectionsPerAddress = $1 },
        Bounds(setting: "readiness.maxConnections", values: 1...100) { $0.readiness.maxConnections = $1 },
        Bounds(setting: "readiness.maxMemory", values: 1...100) { $0.readiness.maxMemory = $1 },
        Bounds(setting: "readiness.minFreeDisk", values: 1...1_099_511_627_776) { $0.readiness.minFreeDisk = $1 },
        Bounds(setting: "admin.maxBodyBytes", values: 1...1_073_741_824) { $0.admin?.maxBodyBytes = $1 },
    ]

    /// In milliseconds.
    private static let durations = [
        Bounds(setting: "retention.maxAge", values: 1...year) { $0.retention.maxAge = .milliseconds($1) },
        Bounds(setting: "retention.keep", values: 1...year) {
            $0.retention.keep = .milliseconds($1)
            $0.maxKeep = .milliseconds(max($1, 1))
        },
        Bounds(setting: "maxKeep", values: 86_400_000...year) { $0.maxKeep = .milliseconds($1) },
        Bounds(setting: "keyLifetime", values: 1_000...86_400_000) { $0.keyLifetime = .milliseconds($1) },
        Bounds(setting: "heartbeat", values: 100...300_000) {
            $0.heartbeat = .milliseconds($1)
            $0.silence = .seconds(600)
        },
        Bounds(setting: "silence", values: 20_001...600_000) { $0.silence = .milliseconds($1) },
        Bounds(setting: "helloDeadline", values: 100...60_000) { $0.helloDeadline = .milliseconds($1) },
        Bounds(setting: "authenticationGrace", values: 1_000...300_000) { $0.authenticationGrace = .milliseconds($1) },
        Bounds(setting: "drainWait", values: 0...300_000) {
            $0.drainWait = .milliseconds($1)
            $0.hardStop = .seconds(900)
        },
        Bounds(setting: "drainTime", values: 0...300_000) {
            $0.drainTime = .milliseconds($1)
            $0.hardStop = .seconds(900)
        },
        Bounds(setting: "moveTime", values: 100...300_000) {
            $0.moveTime = .milliseconds($1)
            $0.hardStop = .seconds(900)
        },
        Bounds(setting: "hardStop", values: 60_000...900_000) { $0.hardStop = .milliseconds($1) },
        Bounds(setting: "warmUp", values: 0...300_000) { $0.warmUp = .milliseconds($1) },
        Bounds(setting: "readiness.maxLoopLag", values: 1...60_000) { $0.readiness.maxLoopLag = .milliseconds($1) },
        Bounds(setting: "readiness.maxCommitTime", values: 1...60_000) { $0.readiness.maxCommitTime = .milliseconds($1) },
        Bounds(setting: "sendTimeout", values: 1_000...300_000) { $0.sendTimeout = .milliseconds($1) },
    ]

    private static func refusal(_ bounds: Bounds, _ value: Int) -> String? {
        var configuration = ServerConfiguration()
        bounds.set(&configuration, value)
        do throws(ConfigurationError) {
            try configuration.validate()
            return nil
        } catch {
            return error.setting
        }
    }

    @Test(arguments: Self.integers.indices)
    func anIntegerStaysWithinItsBounds(_ index: Int) {
        self.check(Self.integers[index])
    }

    @Test(arguments: Self.durations.indices)
    func aDurationStaysWithinItsBounds(_ index: Int) {
        self.check(Self.durations[index])
    }

    private func check(_ bounds: Bounds) {
        #expect(Self.refusal(bounds, bounds.values.lowerBound) == nil, "\(bounds.setting)")
        #expect(Self.refusal(bounds, bounds.values.upperBound) == nil, "\(bounds.setting)")
        #expect(Self.refusal(bounds, bounds.values.lowerBound - 1) == bounds.setting)
        #expect(Self.refusal(bounds, bounds.values.upperBound + 1) == bounds.setting)
    }

    private func refusedSetting(_ change: (inout ServerConfiguration) -> Void) -> String? {
        Self.refusal(change)
    }

    private static func refusal(_ change: (inout ServerConfiguration) -> Void) -> String? {
        var configuration = ServerConfiguration()
        change(&configuration)
        do throws(ConfigurationError) {
            try configuration.validate()
            return nil
        } catch {
            return error.setting
        }
    }

    @Test func aPathIsAPathWithoutAQuery() {
        #expect(self.refusedSetting { $0.path = "/" } == nil)
        #expect(self.refusedSetting { $0.path = "/" + String(repeating: "x", count: 255) } == nil)
        for path in ["", "gapless", "/gapless?token=x", "/" + String(repeating: "x", count: 256)] {
            #expect(self.refusedSetting { $0.path = path } == "path", "\(path)")
        }
    }

    @Test func endpointsAreURLsOfWebSockets() {
        #expect(self.refusedSetting { $0.endpoints = ["ws://a.example.com", "wss://b.example.com/gapless"] } == nil)
        #expect(self.refusedSetting { $0.endpoints = Array(repeating: "wss://a.example.com", count: 16) } == nil)
        for endpoint in ["", "a.example.com", "https://a.example.com", "wss://a b", "wss://" + String(repeating: "x", count: 507)] {
            #expect(self.refusedSetting { $0.endpoints = [endpoint] } == "endpoints", "\(endpoint)")
        }
    }

    @Test func aWindowHasAnEnd() {
        #expect(self.refusedSetting { $0.downlinkWindow = Window(messages: 65_536, bytes: 67_108_864) } == nil)
        #expect(self.refusedSetting { $0.downlinkWindow = Window(messages: 1, bytes: 67_108_865) } == "downlinkWindow")
        #expect(self.refusedSetting { $0.uplinkWindow = Window(messages: 65_536, bytes: 67_108_864) } == nil)
        #expect(self.refusedSetting { $0.uplinkWindow = Window(messages: 65_537, bytes: 1) } == "uplinkWindow")
    }

    @Test func anAdminKeyIsLongEnough() {
        #expect(self.refusedSetting { $0.admin?.key = String(repeating: "k", count: 16) } == nil)
        #expect(self.refusedSetting { $0.admin?.key = String(repeating: "k", count: 15) } == "admin.key")
        #expect(self.refusedSetting { $0.admin = nil } == nil)
    }

    @Test func aServerIsNotMadeOfASettingThatIsRefused() {
        var configuration = ServerConfiguration()
        configuration.threads = 0
        let error = #expect(throws: ConfigurationError.self) {
            try GaplessServer(store: .memory(), authenticator: .anonymous, configuration: configuration)
        }
        #expect(error?.description == "threads: Must be 1 through 256.")
    }

    @Test func thresholdsAreThoseOfTheNodeUnlessTheyAreChanged() {
        #expect(ReadinessThresholds().policy == ReadinessPolicy())
        #expect(ReadinessThresholds.none.policy == ReadinessPolicy.none)
        var thresholds = ReadinessThresholds.none
        thresholds.maxConnections = 1
        thresholds.maxLoopLag = .milliseconds(1)
        #expect(thresholds.policy.connections == LoadThreshold(over: 10, under: 8))
        #expect(thresholds.policy.loopLag == LoadThreshold(over: 1_000_000, under: 200_000))
        let pace = ServerConfiguration().attachPace
        #expect(pace == AttachPace.Limit())
    }
}
