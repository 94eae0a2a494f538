import GaplessCore

// Whether a position is one of the present time line of the store. [R5.2-7 to R5.2-9, R5.2-14, R5.2-18]
extension Checker {
    /// The position was not contradicted: nothing that is kept gives away that it is of another time line.
    func judgeLine(_ operation: AttachOperation, _ position: Position, _ key: Truth.Key) {
        let fault = self.contradiction(operation, position, key)
        self.require(fault == nil, .noSilentLoss, "\(operation.client) resumes, though \(fault ?? "")")
        guard let own = self.newestVersion(operation, position, key), !self.isPresent(own) else { return }
        self.forgotten.insert(HelloName(operation.instance, operation.attempt))
        self.world.counters.count(.lineForgotten)
    }

    /// Whether a position deserves to be called one of another time line: by its epoch, by its numbers, or by what the client has.
    func isOfAnotherLine(_ operation: AttachOperation, _ position: Position) -> Bool {
        let key = Truth.Key(operation.client, position.epoch)
        guard self.truth.lives[operation.client]?.key == key, self.truth.lives[operation.client]?.holder?.isVoid != true,
            let numbering = self.truth.numberings[key]
        else { return true }
        if let held = operation.held, held.rawValue > numbering.generation { return true }
        if self.contradiction(operation, position, key) != nil { return true }
        return self.newestVersion(operation, position, key).map { !self.isPresent($0) } ?? false
    }

    /// What contradicts a position; nil when nothing does that can still be delivered.
    private func contradiction(_ operation: AttachOperation, _ position: Position, _ key: Truth.Key) -> String? {
        guard let numbering = self.truth.numberings[key] else { return nil }
        let reached = max(position.handled, operation.taken?.through ?? .zero).rawValue
        guard reached <= numbering.head else { return "\(reached) is above the head" }
        let last = position.last.flatMap { self.contradiction(position.handled, $0.time, exactly: $0.sequence, numbering) }
        return last ?? operation.taken.flatMap { self.contradiction($0.through, $0.newest, exactly: $0.through, numbering) }
    }

    /// - Parameter exact: the number that has to have exactly this time.
    private func contradiction(
        _ number: SequenceNumber,
        _ time: Timestamp,
        exactly exact: SequenceNumber,
        _ numbering: Truth.Numbering
    ) -> String? {
        let gone = max(numbering.floor, numbering.overflown)
        for index in gone..<max(gone, number.rawValue) {
            guard let kept = numbering.messages[safe: Int(index)] ?? nil, self.truth.clock < kept.expires else { continue }
            if time < kept.time || (index + 1 == exact.rawValue && kept.time != time) { return "\(index + 1) is another message" }
        }
        return nil
    }

    /// The version of the newest message that the client has.
    private func newestVersion(_ operation: AttachOperation, _ position: Position, _ key: Truth.Key) -> Truth.Message? {
        guard let time = operation.taken?.newest ?? position.last?.time else { return nil }
        for number in stride(from: (operation.taken?.through ?? position.handled).rawValue, to: 0, by: -1) {
            if let version = self.versions[key]?[number]?.last(where: { $0.time == time }) { return version }
        }
        return nil
    }

    private func isPresent(_ message: Truth.Message) -> Bool {
        self.lines.isVisible(message.operation, of: message.line, on: self.truth.line)
    }
}
