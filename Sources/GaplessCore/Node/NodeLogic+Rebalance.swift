// How a node that holds more than its share moves clients away (Protocol.md §10.2).
extension NodeLogic {
    /// A heartbeat told how the others are: a round may begin, or has to end.
    mutating func weighLoad(now: Instant, into output: inout NodeOutput) {
        let isServing = self.drain == nil && !self.isCordoned
        self.rebalance.heard(self.fleet, asked: self.heartbeatBegan, isServing: isServing, now: now)
        let (attached, share) = (self.attachedCount, self.fleet.share(of: self.report))
        let load = self.fleet.load(with: self.report)
        guard let count = self.rebalance.due(held: attached, share: share, load: load, now: now) else { return }
        let voices = self.directory.oldestVoices(count, attachedBy: self.rebalance.latest(now: now))
        guard !voices.isEmpty else { return }
        self.rebalance.begin(voices, load: load, now: now)
        output.effects.append(.observe(.rebalancing(attached: attached, share: share, moves: voices.count)))
        self.followRebalance(now: now, into: &output)
    }

    /// Asks whoever is due to move, unless it has gone meanwhile.
    mutating func followRebalance(now: Instant, into output: inout NodeOutput) {
        while let (address, order) = self.rebalance.next(now: now) {
            if self.directory.isVoice(address.id) { output.tell(address, .drain(order)) }
        }
    }
}
