import GaplessCore

/// A node with clocks of its own: drives its logic, and hands back what each event made it do.
///
/// Observations are taken out of the outputs and kept apart.
final class NodeRig {
    var logic: NodeLogic
    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    private(set) var wallClock = Timestamp(milliseconds: 1_767_225_600_000)
    private(set) var observations: [NodeObservation] = []

    static let me = NodeIdentity(name: Named.node("a"), incarnation: 1)
    static let other = NodeIdentity(name: Named.node("b"), incarnation: 2)

    init(_ configure: (inout NodeConfiguration) -> Void = { _ in }) {
        var configuration = NodeConfiguration(node: Self.me)
        configure(&configuration)
        self.logic = NodeLogic(configuration: configuration, wallClock: self.wallClock, now: self.now)
    }

    /// A node that has found its store, and the other nodes that are alive.
    static func started(others: [NodeIdentity] = [other], _ configure: (inout NodeConfiguration) -> Void = { _ in }) -> NodeRig {
        let rig = NodeRig(configure)
        _ = rig.fire()
        _ = rig.heartbeat(alive: [me] + others)
        _ = rig.polled([])
        return rig
    }

    // MARK: Events

    func open(loop: Int = 0) -> ConnectionAddress { self.logic.opened(loop: loop) }

    /// A connection from an address, and whether it stays.
    func open(from remote: RemoteAddress) -> (address: ConnectionAddress?, output: NodeOutput) {
        var address: ConnectionAddress?
        let output = self.perform { address = $0.opened(loop: 0, from: remote, into: &$1) }
        return (address, output)
    }

    func hear() -> Admission {
        self.logic.hear(authentications: 0, now: self.now)
    }

    /// The process is measured so often in a row, each time with the same result.
    func sample(_ sample: LoadSample, times: Int = 1) -> NodeOutput {
        var output = NodeOutput()
        for _ in 0..<times { output.add(self.perform { $0.sampled(sample, now: self.now, into: &$1) }) }
        return output
    }

    func close(_ address: ConnectionAddress) -> NodeOutput {
        self.perform { $0.closed(address.id, into: &$1) }
    }

    func attaching(_ operation: AttachOperation, _ address: ConnectionAddress, from remote: RemoteAddress = .unknown) -> NodeOutput {
        self.perform { $0.attach(operation, for: address, from: remote, now: self.now, into: &$1) }
    }

    func commit(_ operations: CommittedOperation...) -> NodeOutput {
        self.perform { $0.committed(operations, now: self.now, into: &$1) }
    }

    func commitFailed(_ operations: SubmittedOperation..., failure: CommitFailure = .nothing) -> NodeOutput {
        self.perform { $0.commitFailed(operations, failure, now: self.now, into: &$1) }
    }

    func polled(_ signals: [Signal], cursor: UInt64 = 1) -> NodeOutput {
        self.perform { $0.polled(SignalBatch(signals: signals, cursor: SignalCursor(rawValue: cursor)), now: self.now, into: &$1) }
    }

    func pollFailed() {
        self.logic.pollFailed(now: self.now)
    }

    func woken() -> NodeOutput {
        self.perform { $0.woken(now: self.now, into: &$1) }
    }

    func heartbeat(alive: [NodeIdentity], wasAlive: Bool = true) -> NodeOutput {
        self.heartbeat(HeartbeatReceipt(peers: alive.map { NodePeer(node: $0) }, wasAlive: wasAlive))
    }

    /// The heartbeat finds another node as it tells of itself, so long ago.
    func heartbeat(finding report: NodeReport?, age: Duration = .zero, order: GivenOrder? = nil) -> NodeOutput {
        let peers = [NodePeer(node: Self.me), NodePeer(node: Self.other, age: age, report: report)]
        return self.heartbeat(HeartbeatReceipt(peers: peers, order: order))
    }

    func heartbeat(_ receipt: HeartbeatReceipt) -> NodeOutput {
        self.commit(CommittedOperation(.heartbeat(self.heartbeatOperation()), .heartbeat(receipt)))
    }

    /// A drain that waits for no balancer.
    static let plan = DrainPlan(wait: .zero, within: .seconds(30), hardStop: .seconds(65))

    /// Begins a drain; nobody has told yet who else is alive.
    func beginDrain(_ plan: DrainPlan = plan) -> NodeOutput {
        self.perform { $0.drain(plan, now: self.now, into: &$1) }
    }

    /// Begins a drain, and tells who else is alive.
    func drain(_ plan: DrainPlan = plan, others: [NodeIdentity] = [other]) -> NodeOutput {
        var output = self.beginDrain(plan)
        guard output.heartbeats == 1 else { return output }
        output.effects.removeAll { if case .commit(.heartbeat) = $0 { true } else { false } }
        output.add(self.heartbeat(alive: [Self.me] + others))
        return output
    }

    func leave() -> NodeOutput {
        self.perform { $0.leave(now: self.now, into: &$1) }
    }

    func obey(_ order: NodeOrder) -> NodeOutput {
        self.perform { $0.obey(order, now: self.now, into: &$1) }
    }

    func setCordoned(_ isCordoned: Bool) -> NodeOutput {
        self.perform { logic, _ in logic.setCordoned(isCordoned, now: self.now) }
    }

    func deliver(_ delivery: UplinkDelivery) -> NodeOutput {
        self.perform { $0.deliver(delivery, now: self.now, into: &$1) }
    }

    func displaced(_ client: ClientID = .phone, from fence: Fence = ServerRig.fence) -> NodeOutput {
        self.perform { $0.displaced(client, from: fence, now: self.now, into: &$1) }
    }

    func returned(_ run: UInt64, sends: [AppendOperation] = [], client: ClientID = .phone) -> NodeOutput {
        self.perform { $0.handlerReturned(HandlerRun.ID(client: client, number: run), sends: sends, now: self.now, into: &$1) }
    }

    func threw(_ run: UInt64) -> NodeOutput {
        self.perform { $0.handlerThrew(HandlerRun.ID(client: .phone, number: run), now: self.now, into: &$1) }
    }

    func decided(_ run: UInt64, _ decision: HandlerDecision) -> NodeOutput {
        self.perform { $0.decided(HandlerRun.ID(client: .phone, number: run), decision, now: self.now, into: &$1) }
    }

    func stop() -> NodeOutput {
        self.perform { $0.stop(into: &$1) }
    }

    /// Fires the timer now.
    func fire() -> NodeOutput {
        self.perform { $0.timerFired(wallClock: self.wallClock, now: self.now, into: &$1) }
    }

    /// Lets time pass on both clocks and fires the timer at its end.
    func wait(_ duration: Duration, wallClock jump: Duration? = nil) -> NodeOutput {
        self.pass(duration, wallClock: jump)
        return self.fire()
    }

    func pass(_ duration: Duration, wallClock: Duration? = nil) {
        self.now = self.now + duration
        let milliseconds = Int64(self.wallClock.milliseconds) + (wallClock ?? duration).milliseconds
        self.wallClock = Timestamp(milliseconds: UInt64(milliseconds))
    }

    /// Lets time pass as it does in a shell: each deadline is served, and each poll, heartbeat and sweep answered or not.
    func live(for duration: Duration, storeAnswers: Bool, others: [NodeIdentity] = [other]) -> NodeOutput {
        let end = self.now + duration
        var all = NodeOutput()
        for _ in 0..<100_000 {
            guard let deadline = self.logic.nextDeadline, deadline <= end else { break }
            if deadline > self.now { self.pass(deadline - self.now) }
            var output = self.fire()
            for effect in output.effects {
                switch effect {
                case .poll where storeAnswers: output.add(self.polled([]))
                case .poll: self.pollFailed()
                case .commit(.heartbeat) where storeAnswers: output.add(self.heartbeat(alive: [Self.me] + others))
                case .commit(.heartbeat): output.add(self.commitFailed(SubmittedOperation(.heartbeat(self.heartbeatOperation()))))
                case .commit(.expire) where storeAnswers: output.add(self.swept())
                case .commit(.expire): output.add(self.commitFailed(SubmittedOperation(.expire(ExpireOperation()))))
                default: break
                }
            }
            all.add(output)
        }
        if end > self.now { self.pass(end - self.now) }
        return all
    }

    func swept(_ receipt: ExpireReceipt = ExpireReceipt(news: [], messages: 0, queues: [], hasMore: false)) -> NodeOutput {
        self.commit(CommittedOperation(.expire(ExpireOperation()), .expire(receipt)))
    }

    private func heartbeatOperation() -> HeartbeatOperation {
        HeartbeatOperation(node: Self.me, schemas: 1...1, seen: .zero)
    }

    private func perform(_ event: (inout NodeLogic, inout NodeOutput) -> Void) -> NodeOutput {
        var output = NodeOutput()
        event(&self.logic, &output)
        for case .observe(let observation) in output.effects { self.observations.append(observation) }
        output.effects.removeAll { if case .observe = $0 { true } else { false } }
        return output
    }

    // MARK: Attaching and sending

    func attach(
        _ address: ConnectionAddress,
        _ client: ClientID = .phone,
        fence: Fence = ServerRig.fence,
        instance: InstanceID = ServerRig.instance,
        outbox: OutboxID? = ServerRig.outbox,
        evicted: [ClientID] = [],
        isCreated: Bool = false
    ) -> NodeOutput {
        let operation = AttachOperation(client: client, node: Self.me, instance: instance, attempt: .first, outbox: outbox)
        var attachment = GaplessCore.Attachment.test(fence: fence)
        attachment.evicted = evicted
        attachment.isCreated = isCreated
        return self.commit(CommittedOperation(.attach(operation), .attach(.attached(attachment)), connection: address))
    }

    /// A node on which `alice/phone` is attached.
    func attached() -> ConnectionAddress {
        let address = self.open()
        _ = self.attach(address)
        return address
    }

    static func fence(_ generation: UInt64, queue: UInt64 = 1) -> Fence {
        Fence(epoch: Epoch(incarnation: Incarnation(rawValue: 7), queue: queue), generation: Generation(generation))
    }

    static func holder(_ fence: Fence = ServerRig.fence, node: NodeIdentity = me) -> Holder {
        Holder(fence: fence, instance: ServerRig.instance, node: node)
    }

    static func sent(
        _ number: UInt64,
        to client: ClientID = .phone,
        holder: Holder? = holder(),
        discarded: ClosedRange<UInt64>? = nil,
        isRepeat: Bool = false
    ) -> CommittedOperation {
        let append = AppendOperation(recipients: .clients([client], existingOnly: false), payload: Payload(text: "x"))
        return CommittedOperation(
            .append(append),
            .append(self.receipt(number, to: client, holder: holder, discarded: discarded, isRepeat: isRepeat))
        )
    }

    static func receipt(
        _ number: UInt64,
        to client: ClientID = .phone,
        holder: Holder? = holder(),
        discarded: ClosedRange<UInt64>? = nil,
        isRepeat: Bool = false
    ) -> AppendReceipt {
        AppendReceipt(
            time: Timestamp(milliseconds: 1_000 + number),
            deliveries: [
                Delivery(
                    client: client,
                    outcome: .stored(SequenceNumber(number), ServerRig.epoch),
                    holder: holder,
                    discarded: discarded.map {
                        SequenceRange(SequenceNumber($0.lowerBound), through: SequenceNumber($0.upperBound))
                    }
                )
            ],
            isRepeat: isRepeat
        )
    }
}

extension NodeOutput {
    static let nothing = NodeOutput()

    static func tells(_ address: ConnectionAddress, _ notices: SessionNotice..., does effects: [NodeEffect] = []) -> NodeOutput {
        var output = NodeOutput()
        output.notices = notices.map { NodeNotice(address: address, notice: $0) }
        output.effects = effects
        return output
    }

    static func does(_ effects: NodeEffect...) -> NodeOutput {
        var output = NodeOutput()
        output.effects = effects
        return output
    }

    mutating func add(_ other: NodeOutput) {
        self.notices += other.notices
        self.effects += other.effects
    }

    /// What one connection is told.
    func notices(to address: ConnectionAddress) -> [SessionNotice] {
        self.notices.filter { $0.address == address }.map(\.notice)
    }

    /// The codes with which connections are closed.
    var closes: [CloseCode] {
        self.notices.compactMap { if case .close(let ending) = $0.notice { ending.error.code } else { nil } }
    }

    var polls: Int { self.effects.filter { if case .poll = $0 { true } else { false } }.count }
    var sweeps: Int { self.effects.filter { if case .commit(.expire) = $0 { true } else { false } }.count }
    var heartbeats: Int { self.told.count }
    /// The heartbeats.
    var told: [HeartbeatOperation] {
        self.effects.compactMap { if case .commit(.heartbeat(let heartbeat)) = $0 { heartbeat } else { nil } }
    }
}

extension SessionNotice {
    static func committed(_ number: UInt64, fence: Fence = ServerRig.fence, discardedThrough: UInt64? = nil) -> SessionNotice {
        .committed(
            CommittedMessage(
                message: .test(number),
                fence: fence,
                discardedThrough: discardedThrough.map { SequenceNumber($0) }
            )
        )
    }
}
