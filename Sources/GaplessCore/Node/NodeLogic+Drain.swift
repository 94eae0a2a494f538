// How a node moves its clients away.
extension NodeLogic {
    /// An operator wants the node drained: its service begins, or, when it has begun, leaves out the rest of the wait.
    package mutating func leave(now: Instant, into output: inout NodeOutput) {
        if self.drain == nil {
            output.effects.append(.leave)
        } else {
            self.changeWait(now: now, into: &output) { $0.hurry(now: now) }
        }
    }

    /// Moves everybody away, once the balancer has had time to notice and it is known who else is there. A second call changes nothing.
    package mutating func drain(_ plan: DrainPlan, now: Instant, into output: inout NodeOutput) {
        guard self.drain == nil else { return }
        self.drain = .waiting(DrainWait(plan, look: self.configuration.drainLook, now: now))
        self.rebalance.disturbed(now: now)
        self.heartbeats.hurry(now: now)
        self.beginHeartbeat(now: now, into: &output)
        self.followDrain(now: now, into: &output)
    }

    /// Whether a drain is over: nobody is taken any more, no connection is left and no handler runs.
    package var isDrained: Bool {
        guard case .moving = self.drain else { return false }
        return self.connectionCount == 0 && self.lanes.count == 0
    }

    /// What a connection is told that attached while the node drains.
    func orderForLate(now: Instant) -> SessionNotice? {
        guard case .moving(let schedule) = self.drain else { return nil }
        return schedule.late(now: now).map(SessionNotice.drain) ?? .close(schedule.ending)
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
