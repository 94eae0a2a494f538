/// What a node decides as a whole: whom it takes, who is whose voice, what each commit means to its connections, when it looks at the
/// store, how it stops.
///
/// A plain value behind one mutex of the shell, or alone in a simulation. Each event appends to an output; the shell passes the notices
/// on to the event loops, does the effects, and moves one timer to `nextDeadline`.
package struct NodeLogic: Sendable {
    let configuration: NodeConfiguration
    var directory = ConnectionDirectory()
    var lanes: UplinkLanes
    var budget: UplinkBudget
    var creations: CreationLimit
    var pace: AttachPace
    var addresses: AddressCount
    var load: LoadWatch
    var health: StoreHealth
    /// What failed transactions may have done all the same.
    var doubts = CommitDoubts()
    /// Whose signals may come before they are known here.
    var attaches = AttachesUnderWay()
    var clock: ClockWatch
    private var polls: Round
    var heartbeats: Round
    /// When the newest heartbeat was sent off.
    private(set) var heartbeatBegan: Instant
    private var sweeps: Round
    private var cursor = SignalCursor.zero
    /// The other nodes, at the last look.
    package private(set) var fleet = FleetView()
    package private(set) var isCordoned = false
    /// The number of the last order that was obeyed.
    private var obeyed: UInt64 = 0
    /// Whether an operator wants no wait when it drains.
    var isHasty = false
    private var isStopped = false
    var drain: NodeDrain?
    var isDrainTold = false
    var rebalance: Rebalance
    /// Closes everybody when this node cannot go on, and with what.
    var evacuation: (schedule: SpreadSchedule, ending: SessionEnding)?
    /// Whether the node's row is in the store, so that others can see it.
    var isSeen = false
    /// Detaches that the store did not take.
    private var detaches: [DetachOperation] = []
    private var detachAgain: Instant?

    /// A node that starts now.
    package init(configuration: NodeConfiguration, wallClock: Timestamp, now: Instant) {
        self.configuration = configuration
        self.lanes = UplinkLanes(policy: configuration.handlers, maxSentBytes: configuration.maxUplinkBytes)
        self.budget = UplinkBudget(limit: configuration.maxUplinkBytes)
        self.creations = CreationLimit(configuration.creations, now: now)
        self.pace = AttachPace(configuration.pace, now: now)
        self.addresses = AddressCount(configuration.maxConnectionsPerAddress)
        self.load = LoadWatch(configuration.readiness, freshness: configuration.freshness)
        self.health = StoreHealth(cutOffAfter: configuration.cutOffAfter, closeAfter: configuration.closeAfter, now: now)
        self.clock = ClockWatch(
            maxJump: configuration.maxClockJump,
            pause: configuration.expiryPause,
            wallClock: wallClock,
            now: now
        )
        self.rebalance = Rebalance(configuration.rebalance, freshness: configuration.freshness, now: now)
        self.polls = Round(due: now)
        self.heartbeats = Round(due: now)
        self.heartbeatBegan = now
        self.sweeps = Round(due: now + configuration.sweepInterval)
    }

    // MARK: Connections

    /// The process.
    package var node: NodeIdentity { self.configuration.node }

    /// How many connections are open, and how many are attached.
    package var connectionCount: Int { self.directory.roster.count }
    package var attachedCount: Int { self.directory.voiceCount }

    /// A WebSocket was opened on a loop; the name and place that everything about it carries.
    package mutating func opened(loop: Int) -> ConnectionAddress {
        self.directory.open(loop: loop)
    }

    /// A connection is gone.
    package mutating func closed(_ id: ServedConnectionID, into output: inout NodeOutput) {
        if let client = self.directory.close(id) { self.lanes.left(client) }
        self.budget.forget(id)
        self.addresses.close(id)
        self.tellDrained(into: &output)
    }

    /// A session wants to attach its connection: submits that, and says whether a queue may be created for it. [R5.1-5]
    ///
    /// - Parameter remote: where the connection comes from, by its socket; what a proxy says about that is not believed.
    package mutating func attach(
        _ operation: AttachOperation,
        for address: ConnectionAddress,
        from remote: RemoteAddress,
        now: Instant,
        into output: inout NodeOutput
    ) {
        var operation = operation
        operation.mayCreate = self.creations.take(for: address.id, from: remote, now: now)
        self.attaches.began(operation.client)
        output.effects.append(.attach(operation, for: address))
    }

    // MARK: The end

    /// The process ends: nothing is begun any more, and the node's row goes.
    package mutating func stop(into output: inout NodeOutput) {
        self.polls.stop()
        self.heartbeats.stop()
        self.sweeps.stop()
        self.isStopped = true
        output.effects.append(.commit(.heartbeat(self.heartbeat(isStopping: true))))
    }

    // MARK: Signals

    /// Another process hints that there are signals.
    package mutating func woken(now: Instant, into output: inout NodeOutput) {
        self.polls.hurry(now: now)
        self.beginRounds(now: now, into: &output)
    }

    /// The store told its signals.
    package mutating func polled(_ batch: SignalBatch, now: Instant, into output: inout NodeOutput) {
        self.storeAnswered(now: now, into: &output)
        self.cursor = max(self.cursor, batch.cursor)
        for signal in batch.signals {
            // The newest attachment may be the one meant, though another one is still the voice here.
            self.attaches.signalled(signal)
            guard let voice = self.directory.voice(of: signal.client) else { continue }
            switch signal.kind {
            case .news: output.tell(voice.address, .news)
            case .displaced: output.tell(voice.address, .look)
            case .removed(let code): output.tell(voice.address, .removed(code))
            case .sentAway(let code, let fence):
                // The one that is meant, or one that attached after the client was let in again. [R5.1-7]
                if FenceDigest(voice.fence) == fence { output.tell(voice.address, .close(SessionEnding(sentAway: code))) }
            }
        }
        self.polls.ended(next: self.pollInterval, now: now)
    }

    /// The store did not tell.
    package mutating func pollFailed(now: Instant) {
        self.polls.ended(next: self.pollInterval, now: now)
    }

    // MARK: Time

    /// When to call `timerFired`.
    package var nextDeadline: Instant? {
        let rounds = [self.polls.nextDeadline, self.heartbeats.nextDeadline, self.sweeps.nextDeadline]
        let others = [
            self.isStopped ? nil : self.health.nextDeadline(isClosing: self.evacuation != nil || !self.fleet.hasRefuge),
            self.drain?.nextDeadline, self.evacuation?.schedule.nextDeadline, self.detachAgain, self.lanes.nextDeadline,
            self.isStopped ? nil : self.rebalance.nextDeadline,
        ]
        return (rounds + others).reduce(nil) { first, moment in
            guard let first, let moment else { return first ?? moment }
            return min(first, moment)
        }
    }

    /// The deadline passed.
    ///
    /// - Parameter wallClock: the node's time of day, which is watched for jumps.
    package mutating func timerFired(wallClock: Timestamp, now: Instant, into output: inout NodeOutput) {
        if let deadline = self.nextDeadline, now - deadline > Heartbeat.maxLateness {
            self.health.forgive(now - deadline)
        }
        _ = self.clock.time(wallClock: wallClock, now: now)
        if let jump = self.clock.takeJump() {
            output.effects.append(.observe(.clockJumped(by: jump)))
        }
        self.beginRounds(now: now, into: &output)
        self.watchStore(now: now, into: &output)
        self.followDrain(now: now, into: &output)
        self.followRebalance(now: now, into: &output)
        if let again = self.detachAgain, now >= again {
            self.detachAgain = nil
            output.effects.append(contentsOf: self.detaches.map { .commit(.detach($0)) })
            self.detaches = []
        }
        self.changeLanes(now: now, into: &output) { lanes, wishes in
            lanes.timerFired(now: now, into: &wishes)
        }
    }

    /// The time that the store is given with each commit and read: the wall clock's, unless that jumped.
    package mutating func storeTime(wallClock: Timestamp, now: Instant) -> Timestamp {
        self.clock.time(wallClock: wallClock, now: now)
    }

    private mutating func beginRounds(now: Instant, into output: inout NodeOutput) {
        if self.polls.begin(now: now) {
            output.effects.append(.poll(after: self.cursor))
        }
        self.beginHeartbeat(now: now, into: &output)
        self.postponeSweeps()
        if self.sweeps.begin(now: now) {
            output.effects.append(.commit(.expire(ExpireOperation(maxRows: self.configuration.sliceRows))))
        }
    }

    mutating func beginHeartbeat(now: Instant, into output: inout NodeOutput) {
        guard self.heartbeats.begin(now: now) else { return }
        self.heartbeatBegan = now
        self.load.asked()
        output.effects.append(.commit(.heartbeat(self.heartbeat(isStopping: false))))
        if case .waiting(var wait) = self.drain {
            wait.asked()
            self.drain = .waiting(wait)
        }
    }

    private func heartbeat(isStopping: Bool) -> HeartbeatOperation {
        HeartbeatOperation(
            node: self.configuration.node,
            schemas: self.configuration.schemas,
            seen: self.cursor,
            report: self.report,
            obeyed: self.obeyed,
            isStopping: isStopping
        )
    }

    /// What the others are told of this node.
    package var report: NodeReport {
        NodeReport(
            isDraining: self.drain != nil,
            isCordoned: self.isCordoned,
            connections: self.connectionCount,
            attached: self.attachedCount,
            capacity: self.configuration.maxConnections,
            over: self.load.over.map(\.rawValue)
        )
    }

    private var pollInterval: Duration {
        #if MUTANTS
        if Mutant.lostWakeUp.isPlanted { return .seconds(1_000_000) }
        #endif
        return self.attachedCount > 0 ? self.configuration.pollInterval : self.configuration.idlePollInterval
    }

    /// A client attached: from now on its signals are waited for.
    mutating func hurryPolls(now: Instant) {
        self.polls.bringForward(to: now + self.configuration.pollInterval)
    }

    // MARK: Rounds that ended

    /// - Parameter receipt: nil when the store did not answer.
    mutating func heartbeatEnded(_ receipt: HeartbeatReceipt?, now: Instant, into output: inout NodeOutput) {
        if let receipt {
            if !receipt.wasAlive { self.lookEverywhere(into: &output) }
            if !self.isSeen {
                output.effects.append(.started)
                self.pace.begin(now: now)
            }
            self.isSeen = true
            self.fleet = FleetView(receipt, besides: self.configuration.node, freshness: self.configuration.freshness)
            if let given = receipt.order { self.obey(given, now: now, into: &output) }
            self.weighReadiness(now: now, into: &output)
            self.weighLoad(now: now, into: &output)
        }
        self.heartbeats.ended(next: receipt == nil ? self.configuration.storeRetry : self.configuration.heartbeatInterval, now: now)
        let hasRefuge = self.fleet.hasRefuge
        self.changeWait(now: now, into: &output) { $0.heartbeatEnded(hasRefuge: hasRefuge, now: now) }
    }

    // MARK: Orders

    /// Takes newcomers only when no other node does, or takes them again. The others are told at once.
    package mutating func setCordoned(_ isCordoned: Bool, now: Instant) {
        guard isCordoned != self.isCordoned else { return }
        self.isCordoned = isCordoned
        self.rebalance.disturbed(now: now)
        self.heartbeats.hurry(now: now)
    }

    /// An operator asked another node, or another process.
    private mutating func obey(_ given: GivenOrder, now: Instant, into output: inout NodeOutput) {
        guard !NodeOrders.isCovered(given.number, by: self.obeyed) else { return }
        self.obeyed = given.number
        self.heartbeats.hurry(now: now)
        self.obey(given.order, now: now, into: &output)
    }

    /// Does what an operator wants.
    package mutating func obey(_ order: NodeOrder, now: Instant, into output: inout NodeOutput) {
        output.effects.append(.observe(.ordered(order)))
        switch order {
        case .cordon: self.setCordoned(true, now: now)
        case .uncordon: self.setCordoned(false, now: now)
        case .drain: self.leave(now: now, into: &output)
        case .drainNow: self.leaveNow(now: now, into: &output)
        }
    }

    /// An operator asks this node to give an order to all processes of a name. It obeys at once when it is called so, also without its store.
    ///
    /// - Returns: what is to be committed so that the others hear of it; nil when no other one is called so.
    package mutating func order(_ order: NodeOrder, to name: NodeName, now: Instant, into output: inout NodeOutput) -> OrderOperation? {
        let operation = OrderOperation(node: name, order: order)
        guard name == self.node.name else { return operation }
        self.obey(order, now: now, into: &output)
        return self.fleet.others.contains { $0.node.name == name } ? operation : nil
    }

    /// Makes every attached connection ask the store where it stands: this node counted as dead, or nobody knows what was committed.
    func lookEverywhere(into output: inout NodeOutput) {
        for address in self.directory.roster where self.directory.isVoice(address.id) { output.tell(address, .look) }
    }

    mutating func sweepEnded(hasMore: Bool, now: Instant) {
        self.sweeps.ended(next: hasMore ? self.configuration.sliceInterval : self.configuration.sweepInterval, now: now)
        self.postponeSweeps()
    }

    private mutating func postponeSweeps() {
        if let until = self.clock.pausedUntil { self.sweeps.postpone(until: until) }
    }

    mutating func detachFailed(_ operation: DetachOperation, now: Instant) {
        self.detaches.append(operation)
        self.detachAgain = self.detachAgain ?? now + self.configuration.storeRetry
    }
}
