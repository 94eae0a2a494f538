extension QueueRecord {
    /// Why an operation under a fence has no effect; nil when the fence is current (Protocol.md §5.3, R5.3-6).
    ///
    /// The end of a connection does not change the generation: what it did before, such as a handler that still runs, goes on under its fence.
    package func refusal(of fence: Fence) -> FenceRefusal? {
        #if MUTANTS
        if Mutant.fenceWithoutGeneration.isPlanted, fence.epoch == self.epoch { return nil }
        if Mutant.fenceWithoutEpoch.isPlanted, fence.generation == self.generation { return nil }
        #endif
        guard fence.epoch == self.epoch else { return .otherEpoch(self.epoch) }
        guard fence.generation != self.generation else { return nil }
        // A generation from the future can only come from a store that went back in time; that is another numbering.
        guard fence.generation < self.generation else { return .otherEpoch(self.epoch) }
        return .newer(self.generation, instance: self.holder?.instance)
    }

    /// The connection ended; the queue stays and its lifetime runs. A repetition changes nothing.
    package mutating func detach(_ operation: DetachOperation, now: Timestamp) -> DetachReceipt {
        switch operation.ended {
        case .attachment(let fence):
            #if MUTANTS
            if Mutant.detachUnfenced.isPlanted { break }
            #endif
            if let refusal = self.refusal(of: fence) { return .refused(refusal) }
        case .attempt(let attempt, let instance, let node):
            guard let last = self.lastAttachment, last.instance == instance, last.attempt == attempt, last.node == node else {
                return .refused(.newer(self.generation, instance: self.holder?.instance))
            }
        }
        if self.lastAttachment?.detached == nil {
            self.lastAttachment?.detached = now
        }
        return .detached
    }

    /// Moves a mark from the number before to the number (Protocol.md §7.2, R7.2-4); nil when it moved, else why not.
    ///
    /// The caller stores the handler's sends in the same transaction, and leaves the record as it was when one of them is refused.
    package mutating func advanceMark(_ operation: MarkOperation) -> MarkReceipt? {
        if let refusal = self.refusal(of: operation.fence) { return .refused(refusal) }
        let mark = self.outboxes[operation.outbox]
        guard operation.number > mark else {
            return operation.number == mark && mark > .zero ? .repeated : .notNext(mark: mark)
        }
        guard operation.number == mark.next else { return .notNext(mark: mark) }
        #if MUTANTS
        if Mutant.skipMark.isPlanted { return nil }
        #endif
        self.outboxes.set(operation.outbox, to: operation.number)
        return nil
    }
}
