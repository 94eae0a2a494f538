// How a node moves its clients away.
extension NodeLogic {
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

    /// What a connection is told that attached while the node drains.
    func orderForLate(now: Instant) -> SessionNotice? {
        guard case .moving(let schedule) = self.drain else { return nil }
        return schedule.late(now: now).map(SessionNotice.drain) ?? .close(schedule.ending)
    }

    /// It is known who else is alive, or nobody will tell.
    mutating func move(_ look: DrainLook, now: Instant) {
        let voices = self.directory.roster.filter { self.directory.isVoice($0.id) }
        self.drain = .moving(DrainSchedule(look.plan, voices: voices, isAlone: !self.fleet.hasRefuge, started: look.started, now: now))
    }

    private mutating func nextDrainStep(now: Instant) -> DrainSchedule.Step? {
        if case .looking(let look) = self.drain, now >= look.limit { self.move(look, now: now) }
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
    }

    mutating func tellDrained(isTimeOver: Bool = false, into output: inout NodeOutput) {
        guard self.isDrained || isTimeOver, !self.isDrainTold else { return }
        self.isDrainTold = true
        output.effects.append(.drained)
    }
}
