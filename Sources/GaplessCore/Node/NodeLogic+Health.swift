// What a node does when its store does not answer, or is newer than it knows.
extension NodeLogic {
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

    mutating func watchStore(now: Instant, into output: inout NodeOutput) {
        if self.health.report(now: now) {
            output.effects.append(.observe(.storeCutOff))
        }
        if self.evacuation == nil, self.health.isLost(now: now), self.fleet.hasRefuge {
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
}
