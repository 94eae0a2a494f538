#if MUTANTS
// What mutants do instead of what is right, where that takes more than a line.

extension AttachOperation {
    /// The operation as if its position were in the queue's epoch, for `Mutant.forgetEpoch`; nil when it is, or when the store is another.
    func inEpoch(of record: QueueRecord) -> AttachOperation? {
        guard let position = self.position, position.epoch != record.epoch.token, let epoch = Epoch(position.epoch),
            epoch.incarnation == record.epoch.incarnation
        else { return nil }
        var operation = self
        operation.position = Position(epoch: record.epoch.token, handled: position.handled)
        return operation
    }
}

extension Attachment {
    /// The attachment with a stream that goes on at the head, for `Mutant.resumeAtHead` and `Mutant.resetAtHead`.
    package var atHead: Attachment {
        var attachment = self
        attachment.after = self.head
        return attachment
    }
}

extension QueueRecord {
    /// Whether the mark does not move, for `Mutant.replyWithoutMark`.
    package func refusesMark(_ operation: MarkOperation) -> Bool {
        var record = self
        return record.advanceMark(operation) != nil
    }
}

extension Hello {
    /// The hello with what was taken in the place of what was handled, for `Mutant.positionTaken`.
    func telling(_ taken: SequenceNumber) -> Hello {
        var hello = self
        hello.position = self.position.map { Position(epoch: $0.epoch, handled: max($0.handled, taken), last: $0.last) }
        return hello.withoutTaken
    }

    /// The hello as if everything taken were handled, for `Mutant.takenUntold`.
    var withoutTaken: Hello {
        var hello = self
        hello.taken = nil
        return hello
    }
}

extension ClientSession {
    /// Acknowledges what is not saved, or not in the epoch of the connection, for `Mutant.ackBeforeSave` and `Mutant.ackAcrossEpochs`.
    mutating func acknowledgeWrongly(_ turn: inout ClientTurn<some RandomNumberGenerator>) {
        let progress = Mutant.ackBeforeSave.isPlanted ? self.downlink.progress : self.downlink.saved
        guard let newest = self.newest, newest.isSpeaking, let attachment = newest.attachment,
            let position = progress.position, position.epoch == attachment.epoch || Mutant.ackAcrossEpochs.isPlanted,
            attachment.acknowledged < position.handled
        else { return }
        self.newest?.attachment?.acknowledged = position.handled
        self.newest?.send(.acknowledge(through: position.handled), &turn)
    }
}
#endif
