import GaplessCore

// After the faults: everybody has everything.
extension Checker {
    /// Why a client is not done: not attached, behind its queue, or with uplink that nobody confirmed. Nil when it is.
    private func unrest(of client: SimulatedClient) -> String? {
        guard !client.hasEnded, let process = client.process, process.isRunning else { return nil }
        // Where there is room for fewer, not all of them can be attached.
        guard self.world.hasRoomForAll else { return nil }
        guard process.isOnline else { return "\(process.name) is \(process.state) in the end" }
        guard let life = self.truth.lives[process.clientID], let numbering = self.truth.numberings[life.key] else {
            return "\(process.name) has no queue in the end"
        }
        let position = process.record.progress.position
        guard position?.handled.rawValue == numbering.head, position?.epoch == life.key.epoch else {
            return "\(process.name) handled \(position?.handled.rawValue ?? 0) of \(numbering.head) in the end"
        }
        guard numbering.floor == numbering.head else {
            return "\(process.name) acknowledged \(numbering.floor) of \(numbering.head) in the end"
        }
        guard process.unconfirmed == 0 else { return "\(process.name) has \(process.unconfirmed) unconfirmed messages in the end" }
        return nil
    }

    /// Whether everybody has everything.
    var isQuiet: Bool {
        self.world.publisher.open == 0 && self.world.clients.allSatisfy { self.unrest(of: $0) == nil }
    }

    /// What must hold once everything is quiet.
    func finish() {
        self.require(self.world.publisher.open == 0, .liveness, "\(self.world.publisher.open) sends never got a receipt")
        for client in self.world.clients {
            let unrest = self.unrest(of: client)
            self.require(unrest == nil, .liveness, unrest ?? "")
        }
        for text in self.uplinkTexts { self.finish(text) }
    }

    /// What became of one message that a client sent.
    private func finish(_ text: String) {
        guard let uplink = self.uplink[text] else { return }
        let client = uplink.process.client
        let isExcused = uplink.mayRepeat || client.hasCopies || self.lines.hasBranches
        let replies = self.truth.replies[text] ?? 0
        // A queue that ended took its marks with it: what was not confirmed comes again.
        self.require(
            replies <= 1 || isExcused || self.endedQueues.contains(uplink.process.clientID),
            .uplink,
            "\(text) was answered \(replies) times"
        )
        guard !client.hasEnded, !client.hasCopies, self.world.hasRoomForAll else { return }
        let isKept = (uplink.isDurableAtClient && !client.hasLostState) || uplink.process === client.process
        self.require(
            uplink.isConfirmed || uplink.isDiscarded || !isKept,
            .uplink,
            "\(text) was neither handled nor given back"
        )
    }
}
