import GaplessCore
import GaplessStore

/// How a world is made: sizes, speeds and habits. Drawn wildly, so that rare situations are common in some worlds.
package struct PlanOptions: Sendable {
    package var nodes = 2
    package var clients = 2
    /// Which clients keep their state on a disk.
    package var durableClients: [Bool] = [true, false]
    package var seconds = 60
    /// Whether frames travel as bytes.
    package var isEncoded = false

    // MARK: Speeds

    var latency = Duration.milliseconds(1)...Duration.milliseconds(80)
    var lossNotice = Duration.milliseconds(1)...Duration.seconds(3)
    /// Between parts of one process.
    var hop = Duration.microseconds(10)...Duration.milliseconds(2)
    var commit = Duration.milliseconds(1)...Duration.milliseconds(20)
    var read = Duration.microseconds(100)...Duration.milliseconds(10)
    var save = Duration.milliseconds(1)...Duration.milliseconds(10)
    var handler = Duration.milliseconds(1)...Duration.milliseconds(50)
    var application = Duration.microseconds(100)...Duration.milliseconds(20)

    // MARK: Sizes

    var downlinkWindow = Window.defaultDownlink
    var uplinkWindow = Window.defaultUplink
    var policy = StorePolicy()
    var gateway = GatewayConfiguration()
    var socketBytes = 65_536
    var maxUplinkBytes = 1_048_576
    var heartbeat = Duration.seconds(5)
    var silence = Duration.seconds(8)
    /// How long a proof of identity counts; nil where nobody needs one.
    var tokenLife: Duration?

    // MARK: Chances, of 1,000

    var refusedConnects = 0
    var silentDeaths = 0
    var doubtfulCommits = 0
    var failingHandlers = 0
    var replies = 0
    var lostSignals = 0
    /// Whether the store may go back in time.
    var hasRollbacks = false

    func sessionConfiguration(of node: NodeIdentity) -> ServerSessionConfiguration {
        ServerSessionConfiguration(
            node: node,
            downlinkWindow: self.downlinkWindow,
            uplinkWindow: self.uplinkWindow,
            heartbeat: self.heartbeat,
            silence: self.silence,
            authenticationGrace: .seconds(5),
            slowConsumerTime: .seconds(10),
            maxReadMessages: 16,
            maxReadBytes: 4_096
        )
    }

    func nodeConfiguration(of node: NodeIdentity) -> NodeConfiguration {
        NodeConfiguration(
            node: node,
            sliceRows: 20,
            handlers: HandlerPolicy(maxAttempts: 3, firstWait: .milliseconds(50), maxWait: .seconds(1)),
            maxUplinkBytes: self.maxUplinkBytes
        )
    }

    func clientConfiguration(endpoints: [String], isDurable: Bool, wallClock: Timestamp) -> ClientSessionConfiguration {
        var configuration = ClientSessionConfiguration(endpoints: endpoints)
        configuration.persistence = isDurable ? .durable : .memory
        configuration.tokenSource = self.tokenLife == nil ? .none : .application
        configuration.backoff = Backoff(base: .milliseconds(200), cap: .seconds(5))
        configuration.connectDeadline = .seconds(6)
        return configuration
    }
}
