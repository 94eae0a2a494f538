/// What an attach finds and does to a queue that exists.
package enum AttachDecision: Hashable, Sendable {
    /// The hello is late or a rival; nothing changes.
    case refused(AttachReceipt)
    /// The connection is the queue's one voice; the record is changed. When the record's floor moved, the messages through it are
    /// to be removed and reported with `removed(_:)`.
    case attached(Attachment)
}

extension QueueRecord {
    /// Judges a `HELLO` and attaches it: the table "What a HELLO gets" and its exceptions (Protocol.md §5.2, §5.3).
    ///
    /// - Parameters:
    ///   - isHolderAlive: whether the node of the current holder is alive; without a holder it does not matter.
    ///   - freshEpoch: one that was never used before, for the case that the store went back in time.
    ///   - times: what is known of the kept message with a number; nil when none is kept. Called at most twice.
    ///   - newest: the newest kept message in a range that has not expired at a moment; nil when there is none. Called at most three times.
    package mutating func attach<LookUpError: Error>(
        _ operation: AttachOperation,
        policy: StorePolicy,
        now: Timestamp,
        isHolderAlive: Bool,
        freshEpoch: Epoch,
        times: (SequenceNumber) throws(LookUpError) -> KeptTimes?,
        newest: (SequenceRange, Timestamp) throws(LookUpError) -> LastMessage?
    ) throws(LookUpError) -> AttachDecision {
        if self.isLate(operation) { return .refused(.late) }
        if isHolderAlive, self.isRival(operation) { return .refused(.rival) }

        let displaced = self.holder
        let resume = try self.resume(operation, now: now, freshEpoch: freshEpoch, times: times, newest: newest)
        let after =
            switch resume {
            case .resumed, .partial: operation.position?.handled ?? self.floor
            case .new, .reset: self.floor
            }
        let mark = self.takeVoice(operation, policy: policy, now: now)
        return .attached(
            Attachment(
                fence: self.fence,
                resume: resume,
                after: after,
                floor: self.floor,
                head: self.head,
                mark: mark,
                retention: self.retention(under: policy),
                displaced: displaced
            )
        )
    }

    /// Attaches the connection that the queue was created for by its `HELLO` (Protocol.md §5.2, R5.2-2 and R5.2-3).
    ///
    /// - Parameter evicted: the queues that gave way.
    package mutating func attachFirst(
        _ operation: AttachOperation,
        policy: StorePolicy,
        now: Timestamp,
        evicted: [ClientID]
    ) -> Attachment {
        precondition(self.generation == .zero, "a queue that was just created was never attached")
        let mark = self.takeVoice(operation, policy: policy, now: now)
        return Attachment(
            fence: self.fence,
            resume: operation.position == nil ? .new : .reset(.unknown),
            after: .zero,
            floor: .zero,
            head: self.head,
            mark: mark,
            retention: self.retention(under: policy),
            evicted: evicted,
            isCreated: true
        )
    }

    /// The bounds of this queue, with the lifetime as granted.
    package func retention(under policy: StorePolicy) -> RetentionPolicy {
        var retention = policy.retention
        retention.keep = self.keep
        return retention
    }

    /// R5.3-2: a hello whose attempt is not higher than the one stored for its instance was overtaken by a newer one.
    private func isLate(_ operation: AttachOperation) -> Bool {
        #if MUTANTS
        if Mutant.attemptIgnored.isPlanted { return false }
        #endif
        guard let last = self.lastAttachment, last.instance == operation.instance else { return false }
        return operation.attempt <= last.attempt
    }

    /// R5.3-3: a hello from before the current attachment, while another instance holds the queue.
    private func isRival(_ operation: AttachOperation) -> Bool {
        guard !operation.force, let holder = self.holder, holder.instance != operation.instance,
            let held = operation.held, operation.position?.epoch == self.epoch.token
        else { return false }
        return held < self.generation
    }

    /// The rows of the table from R5.2-4 on; the first that fits.
    private mutating func resume<LookUpError: Error>(
        _ operation: AttachOperation,
        now: Timestamp,
        freshEpoch: Epoch,
        times: (SequenceNumber) throws(LookUpError) -> KeptTimes?,
        newest: (SequenceRange, Timestamp) throws(LookUpError) -> LastMessage?
    ) throws(LookUpError) -> Resume {
        #if MUTANTS
        if Mutant.forgetEpoch.isPlanted, let inEpoch = operation.inEpoch(of: self) {
            return try self.resume(inEpoch, now: now, freshEpoch: freshEpoch, times: times, newest: newest)
        }
        #endif
        guard let position = operation.position else {
            return self.lastAttachment == nil ? .new : .resumed  // R5.2-4, R5.2-5
        }
        guard let epoch = Epoch(position.epoch), epoch.incarnation == self.epoch.incarnation else {
            self.epoch = freshEpoch  // R5.2-6
            return .reset(.rollback)
        }
        guard epoch == self.epoch else { return .reset(.epoch) }  // R5.2-10
        guard try self.canHaveBeen(position, held: operation.held, taken: operation.taken, now: now, newest: newest) else {
            self.epoch = freshEpoch  // R5.2-7, R5.2-8, R5.2-9, R5.2-18
            return .reset(.rollback)
        }
        guard position.handled >= self.floor else { return .partial }  // R5.2-11
        if position.handled > self.floor {
            let time = try times(position.handled)?.time
            self.moveFloor(to: position.handled, time: time)
        }
        guard position.handled < self.head else { return .resumed }
        let next = try times(position.handled.next)
        return next.map { $0.isExpired(at: now) } ?? true ? .partial : .resumed  // R5.2-12, R5.2-13
    }

    /// Whether a position of this epoch fits what the store knows; if not, the store went back in time.
    private func canHaveBeen<LookUpError: Error>(
        _ position: Position,
        held: Generation?,
        taken: Taken?,
        now: Timestamp,
        newest: (SequenceRange, Timestamp) throws(LookUpError) -> LastMessage?
    ) throws(LookUpError) -> Bool {
        guard position.handled <= self.head, held.map({ $0 <= self.generation }) ?? true else { return false }
        #if MUTANTS
        if Mutant.rollbackUnnoticed.isPlanted { return true }
        #endif
        if let last = position.last {
            guard try self.canHaveSent(last, newest: newest) else { return false }
            // What was handled above the newest message was a gap.
            if last.sequence < position.handled {
                guard try self.holdsNothing(laterThan: last.time, through: position.handled, now: now, newest: newest) else { return false }
            }
        }
        #if MUTANTS
        if Mutant.takenUncompared.isPlanted { return true }
        #endif
        guard let taken else { return true }
        guard taken.through <= self.head else { return false }
        return try self.holdsNothing(laterThan: taken.newest, through: taken.through, now: now, newest: newest)
    }

    /// R5.2-14: whether a message that a client handled fits the newest that is known at or below its number. Times never decrease, so a
    /// lower number with a later time contradicts as another time of the same number does.
    private func canHaveSent<LookUpError: Error>(
        _ message: LastMessage,
        newest: (SequenceRange, Timestamp) throws(LookUpError) -> LastMessage?
    ) throws(LookUpError) -> Bool {
        guard message.sequence >= self.floor else { return true }
        let atFloor = self.floorTime.map { LastMessage(sequence: self.floor, time: $0) }
        guard let known = try self.above(through: message.sequence, Timestamp(milliseconds: 0), newest) ?? atFloor else { return true }
        return known.sequence == message.sequence ? known.time == message.time : known.time <= message.time
    }

    /// R5.2-14: whether nothing later than a time can be delivered at or below a number. What has expired may have been told as a gap.
    private func holdsNothing<LookUpError: Error>(
        laterThan time: Timestamp,
        through number: SequenceNumber,
        now: Timestamp,
        newest: (SequenceRange, Timestamp) throws(LookUpError) -> LastMessage?
    ) throws(LookUpError) -> Bool {
        guard let kept = try self.above(through: number, now, newest) else { return true }
        return kept.sequence == number ? kept.time == time : kept.time <= time
    }

    /// The newest message above the floor and at or below a number.
    private func above<LookUpError: Error>(
        through number: SequenceNumber,
        _ moment: Timestamp,
        _ newest: (SequenceRange, Timestamp) throws(LookUpError) -> LastMessage?
    ) throws(LookUpError) -> LastMessage? {
        number > self.floor ? try newest(SequenceRange(self.floor.next, through: number), moment) : nil
    }

    /// R5.3-1: the one place where the generation moves. Returns the mark of the outbox that the hello named.
    private mutating func takeVoice(_ operation: AttachOperation, policy: StorePolicy, now: Timestamp) -> SequenceNumber {
        #if MUTANTS
        let before = self.generation
        #endif
        self.generation = self.generation.next
        #if MUTANTS
        if Mutant.generationStays.isPlanted, self.lastAttachment?.instance == operation.instance { self.generation = before }
        #endif
        self.lastAttachment = LastAttachment(
            instance: operation.instance,
            attempt: operation.attempt,
            node: operation.node,
            attached: now
        )
        self.keep = max(.milliseconds(1), min(operation.keep ?? policy.retention.keep, policy.maxKeep))
        guard let outbox = operation.outbox else { return .zero }
        self.outboxes.use(outbox)
        return self.outboxes[outbox]
    }
}
