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
    var health: StoreHealth
    /// What failed transactions may have done all the same.
    var doubts = CommitDoubts()
    /// Whose signals may come before they are known here.
    var attaches = AttachesUnderWay()
    private var clock: ClockWatch
    private var polls: Round
    private var heartbeats: Round
    private var sweeps: Round
    private var cursor = SignalCursor.zero
    /// The nodes that are alive besides this one, at the last look.
    package private(set) var others: [NodeIdentity] = []
    private var isCordoned = false
    private var isStopped = false
    private var drain: NodeDrain?
    private var isDrainTold = false
    /// Closes everybody when this node cannot go on, and with what.
    private var evacuation: (schedule: SpreadSchedule, ending: SessionEnding)?
    /// Whether the node's row is in the store, so that others can see it.
    private var isSeen = false
    /// Detaches that the store did not take.
    private var detaches: [DetachOperation] = []
    private var detachAgain: Instant?

    /// A node that starts now.
    package init(configuration: NodeConfiguration, wallClock: Timestamp, now: Instant) {
        self.configuration = configuration
        self.lanes = UplinkLanes(policy: configuration.handlers)
        self.budget = UplinkBudget(limit: configuration.maxUplinkBytes)
        self.creations = CreationLimit(configuration.creations, now: now)
        self.health = StoreHealth(cutOffAfter: configuration.cutOffAfter, closeAfter: configuration.closeAfter, now: now)
        self.clock = ClockWatch(
            maxJump: configuration.maxClockJump,
            pause: configuration.expiryPause,
            wallClock: wallClock,
            now: now
        )
        self.polls = Round(due: now)
        self.heartbeats = Round(due: now)
        self.sweeps = Round(due: now + configuration.sweepInterval)
    }

    // MARK: Connections

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
        self.tellDrained(into: &output)
    }

    /// Whether a `HELLO` is heard, before the store is touched. [R5.1-3, R5.1-4]
    ///
    /// - Parameter authentications: how many proofs are being checked, also of connections that are gone; at most one a connection begins
    ///   after this, so that their number stays bounded even when whoever checks them never answers and ignores being cancelled.
    package func admit(authentications: Int, now: Instant) -> Admission {
        let (retryAfter, jitter) = (self.configuration.retryAfter, self.configuration.retryJitter)
        if self.drain != nil {
            return .refused(SessionEnding(.overloaded, "This node is draining.", retryAfter: retryAfter, jitter: jitter))
        }
        if !self.health.isStarted || self.health.isCutOff(now: now) || self.health.isSchemaUnknown {
            return .refused(SessionEnding(.storeUnavailable, "The store cannot be reached.", retryAfter: retryAfter, jitter: jitter))
        }
        if self.isCordoned, !self.others.isEmpty {
            return .refused(SessionEnding(.overloaded, "This node is cordoned.", retryAfter: retryAfter, jitter: jitter))
        }
        if self.connectionCount > self.configuration.maxConnections {
            return .refused(SessionEnding(.overloaded, "This node is full.", retryAfter: retryAfter, jitter: jitter))
        }
        if authentications >= self.configuration.maxConnections {
            return .refused(SessionEnding(.overloaded, "This node checks too many proofs.", retryAfter: retryAfter, jitter: jitter))
        }
        return .accepted
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

    // MARK: Readiness and drain

    /// Whether a balancer should send clients here.
    package func readiness(now: Instant) -> Readiness {
        var reasons: [Readiness.Reason] = []
        if !self.isSeen { reasons.append(.starting) }
        if self.drain != nil { reasons.append(.draining) }
        if self.isCordoned, !self.others.isEmpty { reasons.append(.cordoned) }
        if self.health.isCutOff(now: now) { reasons.append(.storeCutOff) }
        if self.health.isSchemaUnknown { reasons.append(.schemaUnknown) }
        if self.connectionCount >= self.configuration.maxConnections { reasons.append(.full) }
        return Readiness(reasons: reasons, warnings: self.health.isFull(now: now) ? [.storeFull] : [])
    }

    /// Takes no new connections while another node is alive, or takes them again.
    package mutating func cordon() {
        self.isCordoned = true
    }

    package mutating func uncordon() {
        self.isCordoned = false
    }

    /// Moves everybody away, once it is known who else is alive; from now on nobody is taken. A second call changes nothing.
    package mutating func drain(_ plan: DrainPlan, now: Instant, into output: inout NodeOutput) {
        guard self.drain == nil else { return }
        self.drain = .looking(DrainLook(plan, limit: self.configuration.drainLook, now: now))
        self.tellDrained(into: &output)
        guard !self.isDrainTold else { return }
        self.heartbeats.hurry(now: now)
        self.beginHeartbeat(now: now, into: &output)
        self.followDrain(now: now, into: &output)
    }

    /// Whether a drain is over: no connection is left and no handler runs.
    package var isDrained: Bool {
        self.drain != nil && self.connectionCount == 0 && self.lanes.count == 0
    }

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
            self.attaches.signalled(signal.client)
            guard let voice = self.directory.voice(of: signal.client) else { continue }
            switch signal.kind {
            case .news: output.tell(voice.address, .news)
            case .displaced: output.tell(voice.address, .look)
            case .removed(let code): output.tell(voice.address, .removed(code))
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
            self.isStopped ? nil : self.health.nextDeadline(isClosing: self.evacuation != nil || self.others.isEmpty),
            self.drain?.nextDeadline, self.evacuation?.schedule.nextDeadline, self.detachAgain, self.lanes.nextDeadline,
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

    private mutating func beginHeartbeat(now: Instant, into output: inout NodeOutput) {
        guard self.heartbeats.begin(now: now) else { return }
        output.effects.append(.commit(.heartbeat(self.heartbeat(isStopping: false))))
        if case .looking(var look) = self.drain {
            look.isAsked = true
            self.drain = .looking(look)
        }
    }

    private func heartbeat(isStopping: Bool) -> HeartbeatOperation {
        HeartbeatOperation(
            node: self.configuration.node,
            schemas: self.configuration.schemas,
            seen: self.cursor,
            isStopping: isStopping
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

    // MARK: The store's health

    mutating func storeAnswered(now: Instant, into output: inout NodeOutput) {
        if !self.health.isSchemaUnknown { self.evacuation = nil }
        switch self.doubts.take() {
        case .clients(let clients):
            for client in clients {
                if let voice = self.directory.voice(of: client) { output.tell(voice.address, .look) }
            }
        case .everybody:
            self.lookEverywhere(into: &output)
        }
        if self.health.succeeded(now: now) {
            output.effects.append(.observe(.storeReached))
        }
    }

    private mutating func watchStore(now: Instant, into output: inout NodeOutput) {
        if self.health.report(now: now) {
            output.effects.append(.observe(.storeCutOff))
        }
        if self.evacuation == nil, self.health.isLost(now: now), !self.others.isEmpty {
            self.evacuate(SessionEnding(.storeUnavailable, "The store cannot be reached."), now: now)
        }
        while let (address, ending) = self.nextEvacuee(now: now) { output.tell(address, .close(ending)) }
    }

    private mutating func evacuate(_ ending: SessionEnding, now: Instant) {
        self.evacuation = (SpreadSchedule(self.directory.roster, start: now, spread: self.configuration.closeSpread), ending)
    }

    private mutating func nextEvacuee(now: Instant) -> (ConnectionAddress, SessionEnding)? {
        guard let ending = self.evacuation?.ending, let address = self.evacuation?.schedule.next(now: now) else { return nil }
        return (address, ending)
    }

    /// A transaction failed; what that says about the store.
    mutating func storeFailed(_ failure: CommitFailure, now: Instant, into output: inout NodeOutput) {
        switch failure {
        case .nothing, .unknown:
            break
        case .full:
            self.health.refusedForRoom(now: now)
        case .newerSchema where self.health.schemaBecameUnknown():
            // Nodes that know the schema serve the clients: this one is done.
            self.evacuate(SessionEnding(.draining, "This node is older than its store.", jitter: DrainPlan().jitter), now: now)
            output.effects.append(.observe(.schemaUnknown))
        case .newerSchema:
            break
        }
    }

    // MARK: Rounds that ended

    /// - Parameter receipt: nil when the store did not answer.
    mutating func heartbeatEnded(_ receipt: HeartbeatReceipt?, now: Instant, into output: inout NodeOutput) {
        if let receipt {
            if !receipt.wasAlive { self.lookEverywhere(into: &output) }
            if !self.isSeen { output.effects.append(.started) }
            self.isSeen = true
            self.others = receipt.alive.filter { $0 != self.configuration.node }
        }
        self.heartbeats.ended(next: receipt == nil ? self.configuration.storeRetry : self.configuration.heartbeatInterval, now: now)
        if case .looking(let look) = self.drain, look.isAsked {
            self.move(look)
            self.followDrain(now: now, into: &output)
        }
    }

    /// Makes every attached connection ask the store where it stands: this node counted as dead, or nobody knows what was committed.
    private func lookEverywhere(into output: inout NodeOutput) {
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

    // MARK: Drain

    /// What a connection is told that attached while the node drains.
    func orderForLate(now: Instant) -> SessionNotice? {
        guard case .moving(let schedule) = self.drain else { return nil }
        return schedule.late(now: now).map(SessionNotice.drain) ?? .close(schedule.ending)
    }

    /// It is known who else is alive, or nobody will tell.
    private mutating func move(_ look: DrainLook) {
        let voices = self.directory.roster.filter { self.directory.isVoice($0.id) }
        self.drain = .moving(DrainSchedule(look.plan, voices: voices, isAlone: self.others.isEmpty, started: look.started))
    }

    private mutating func nextDrainStep(now: Instant) -> DrainSchedule.Step? {
        if case .looking(let look) = self.drain, now >= look.limit { self.move(look) }
        guard case .moving(var schedule) = self.drain else { return nil }
        defer { self.drain = .moving(schedule) }
        return schedule.next(now: now)
    }

    private mutating func followDrain(now: Instant, into output: inout NodeOutput) {
        while let step = self.nextDrainStep(now: now) {
            switch step {
            case .move(let address, let order):
                if self.directory.contains(address.id) { output.tell(address, .drain(order)) }
            case .closeAll(let ending):
                for address in self.directory.roster { output.tell(address, .close(ending)) }
            case .over:
                self.tellDrained(isTimeOver: true, into: &output)
            }
        }
    }

    mutating func tellDrained(isTimeOver: Bool = false, into output: inout NodeOutput) {
        guard self.isDrained || isTimeOver, !self.isDrainTold else { return }
        self.isDrainTold = true
        output.effects.append(.drained)
    }
}
