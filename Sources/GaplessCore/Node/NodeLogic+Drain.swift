// How a node moves its clients away.
extension NodeLogic {
    /// An operator wants the node drained: its service begins to end. To want it once more changes nothing.
    package mutating func leave(now: Instant, into output: inout NodeOutput) {
        #if MUTANTS
        if Mutant.drainTwiceHurries.isPlanted { self.changeWait(now: now, into: &output) { $0.hurry(now: now) } }
        #endif
        if self.drain == nil { output.effects.append(.leave) }
    }

    /// An operator wants the node drained without the rest of the wait, whether that has begun or not.
    mutating func leaveNow(now: Instant, into output: inout NodeOutput) {
        self.isHasty = true
        self.leave(now: now, into: &output)
        self.changeWait(now: now, into: &output) { $0.hurry(now: now) }
    }

    /// Moves everybody away, once the balancer has had time to notice and it is known who else is there. A second call changes nothing.
    package mutating func drain(_ plan: DrainPlan, now: Instant, into output: inout NodeOutput) {
        guard self.drain == nil else { return }
        var wait = DrainWait(plan, look: self.configuration.drainLook, now: now)
        // A node that nobody has seen yet was never ready: nobody sends it clients.
        if self.isHasty || !self.isSeen { wait.hurry(now: now) }
        self.drain = .waiting(wait)
        self.rebalance.disturbed(now: now)
        self.heartbeats.hurry(now: now)
        self.beginHeartbeat(now: now, into: &output)
        self.followDrain(now: now, into: &output)
    }

    /// Whether it sends its clients away, one after the other: the balancer has had its time.
    package var isSendingAway: Bool {
        if case .moving = self.drain { true } else { false }
    }

    /// Whether a drain is over: nobody is taken any more and no connection is left. Handlers that still run are the service's to wait for.
    package var isDrained: Bool {
        guard case .moving = self.drain else { return false }
        return self.connectionCount == 0
    }

    /// What a connection is told at once that attached while the node drains; nil when its turn to move will come, or nobody moves yet.
    mutating func joinDrain(_ address: ConnectionAddress, now: Instant) -> SessionNotice? {
        guard case .moving(var schedule) = self.drain else { return nil }
        #if MUTANTS
        if Mutant.lateDrainsUnpaced.isPlanted { return .drain(schedule.order(now: now)) }
        #endif
        defer { self.drain = .moving(schedule) }
        return schedule.join(address, now: now).map(SessionNotice.close)
    }

    /// Changes the wait, if the drain has not come further, and goes on if that is over.
    mutating func changeWait(now: Instant, into output: inout NodeOutput, _ change: (inout DrainWait) -> Void) {
        guard case .waiting(var wait) = self.drain else { return }
        change(&wait)
        self.drain = .waiting(wait)
        self.followDrain(now: now, into: &output)
    }

    private mutating func nextDrainStep(now: Instant) -> DrainSchedule.Step? {
        if case .waiting(let wait) = self.drain, now >= wait.nextDeadline {
            let voices = self.directory.roster.filter { self.directory.isVoice($0.id) }
            self.drain = .moving(DrainSchedule(wait.plan, voices: voices, isAlone: !self.fleet.hasRefuge, started: wait.started, now: now))
        }
        guard case .moving(var schedule) = self.drain else { return nil }
        defer { self.drain = .moving(schedule) }
        return schedule.next(now: now)
    }

    mutating func followDrain(now: Instant, into output: inout NodeOutput) {
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
        self.tellDrained(into: &output)
    }

    mutating func tellDrained(isTimeOver: Bool = false, into output: inout NodeOutput) {
        guard self.isDrained || isTimeOver, !self.isDrainTold else { return }
        self.isDrainTold = true
        output.effects.append(.drained)
    }
}
