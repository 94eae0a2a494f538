import Dispatch
import GaplessCore
import GaplessStore
import Synchronization
import Testing

/// A store in memory whose commits and reads stop at a gate that a test opens and closes, and that remembers its batches.
final class GatedStore: QueueStore {
    private struct State {
        var isOpen = true
        var waiting = 0
        var batches: [[StoreOperation]] = []
        var readBatches: [Int] = []
        var failure: (@Sendable ([StoreOperation]) -> QueueStoreError?)?
    }

    private let base = MemoryQueueStore()
    private let state = Mutex(State())
    private let gate = DispatchSemaphore(value: 0)

    /// The operations of each commit that was begun.
    var batches: [[StoreOperation]] { self.state.withLock { $0.batches } }
    /// How many reads each call had.
    var readBatches: [Int] { self.state.withLock { $0.readBatches } }
    /// How many threads stand at the gate.
    var waiting: Int { self.state.withLock { $0.waiting } }

    func closeGate() {
        self.state.withLock { $0.isOpen = false }
    }

    func openGate() {
        let waiting = self.state.withLock { state in
            state.isOpen = true
            defer { state.waiting = 0 }
            return state.waiting
        }
        for _ in 0..<waiting { self.gate.signal() }
    }

    /// Fails commits for which the body has an error.
    func fail(_ failure: (@Sendable ([StoreOperation]) -> QueueStoreError?)?) {
        self.state.withLock { $0.failure = failure }
    }

    var incarnation: Incarnation {
        get throws(QueueStoreError) { try self.base.incarnation }
    }

    func commit(_ operations: [StoreOperation], now: Timestamp) throws(QueueStoreError) -> CommitReceipt {
        self.state.withLock { $0.batches.append(operations) }
        self.pass()
        if let error = self.state.withLock({ $0.failure })?(operations) { throw error }
        return try self.base.commit(operations, now: now)
    }

    func read(_ requests: [ReadRequest], now: Timestamp) throws(QueueStoreError) -> [ReadReceipt] {
        self.state.withLock { $0.readBatches.append(requests.count) }
        self.pass()
        return try self.base.read(requests, now: now)
    }

    func signals(for node: NodeIdentity, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch {
        try self.base.signals(for: node, after: cursor)
    }

    func snapshot(of client: ClientID, now: Timestamp) throws(QueueStoreError) -> QueueSnapshot? {
        try self.base.snapshot(of: client, now: now)
    }

    func snapshots(of user: UserID?, after: ClientID?, limit: Int, now: Timestamp) throws(QueueStoreError) -> [QueueSnapshot] {
        try self.base.snapshots(of: user, after: after, limit: limit, now: now)
    }

    func tokenKeys(now: Timestamp) throws(QueueStoreError) -> [TokenKey] {
        try self.base.tokenKeys(now: now)
    }

    func close() {
        self.base.close()
    }

    private func pass() {
        let mustWait = self.state.withLock { state in
            if !state.isOpen { state.waiting += 1 }
            return !state.isOpen
        }
        if mustWait { self.gate.wait() }
    }
}

/// Remembers what the commit thread told.
final class RecordingObserver: CommitObserver {
    struct Failure {
        var operations: [SubmittedOperation]
        var code: QueueStoreError.Code
    }

    private let state = Mutex<(commits: [[CommittedOperation]], failures: [Failure])>(([], []))

    var commits: [[CommittedOperation]] { self.state.withLock { $0.commits } }
    var failures: [Failure] { self.state.withLock { $0.failures } }

    func committed(_ operations: [CommittedOperation], number: UInt64, now: Instant) {
        self.state.withLock { $0.commits.append(operations) }
    }

    func commitFailed(_ operations: [SubmittedOperation], _ error: QueueStoreError, now: Instant) {
        self.state.withLock { $0.failures.append(Failure(operations: operations, code: error.code)) }
    }
}

/// A running gateway over a gated store.
struct GatewayRig {
    static let phone = ClientID(user: rigUser)
    static let node = NodeIdentity(name: rigNode, incarnation: 1)

    let store = GatedStore()
    let observer = RecordingObserver()
    let gateway: CommitGateway
    let clock: ManualGatewayClock

    init(configuration: GatewayConfiguration = GatewayConfiguration(maxSpacing: .zero)) {
        self.clock = ManualGatewayClock()
        self.gateway = CommitGateway(store: self.store, configuration: configuration, clock: self.clock.gatewayClock)
        self.gateway.start(observer: self.observer)
    }

    static func message(_ text: String) -> StoreOperation {
        .append(AppendOperation(recipients: .clients([self.phone], existingOnly: false), payload: Payload(text: text)))
    }

    /// Attaches and gives the fence.
    func attach() async throws -> Fence {
        let operation = AttachOperation(client: Self.phone, node: Self.node, instance: rigInstance, attempt: .first)
        guard case .attach(.attached(let attachment)) = try await self.gateway.commit(.attach(operation)) else { throw Unexpected() }
        return attachment.fence
    }

    /// Closes the gate and lets the thread run into it with one operation, so that what is submitted next makes one batch.
    func block() async throws -> Task<StoreReceipt, any Error> {
        self.store.closeGate()
        let gateway = self.gateway
        let blocker = Task { try await gateway.commit(Self.message("blocker")) as StoreReceipt }
        try await eventually { self.store.waiting == 1 }
        return blocker
    }

    struct Unexpected: Error {}
}

/// A clock that stands still until it is told.
final class ManualGatewayClock: Sendable {
    private let nanoseconds = Mutex<Int64>(1_000_000_000)

    var gatewayClock: GatewayClock {
        GatewayClock(
            wallClock: { Timestamp(milliseconds: UInt64(self.nanoseconds.withLock { $0 } / 1_000_000)) },
            monotonic: { Instant(nanoseconds: self.nanoseconds.withLock { $0 }) },
            sleep: { self.advance(by: $0) }
        )
    }

    func advance(by duration: Duration) {
        self.nanoseconds.withLock { $0 += duration.nanoseconds }
    }
}

private let rigUser: UserID = {
    guard let user = UserID("alice") else { preconditionFailure("a valid user") }
    return user
}()
private let rigNode: NodeName = {
    guard let name = NodeName("a") else { preconditionFailure("a valid name") }
    return name
}()
let rigInstance: InstanceID = {
    guard let instance = InstanceID("first") else { preconditionFailure("a valid instance") }
    return instance
}()

/// Waits until something holds, letting others run meanwhile; fails after some minutes, which only a hang takes.
func eventually(_ condition: @Sendable () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let deadline = ContinuousClock.now + .seconds(300)
    while !condition() {
        try #require(ContinuousClock.now < deadline, "it did not come to hold in time", sourceLocation: sourceLocation)
        await Task.yield()
    }
}
