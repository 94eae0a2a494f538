/// Whether a queue can take one more message.
package enum Room: Hashable, Sendable {
    /// It fits.
    case enough
    /// At least this much must go first: what is expired, and if that does not do, the oldest - or the message is refused (`rejectNew`).
    case short(KeptSum)
    /// It never fits.
    case refused(Delivery.Outcome)
}

extension QueueRecord {
    /// Whether a message of so many payload bytes fits the bounds; asked again after expired messages were removed.
    package func room(for bytes: Int, under retention: RetentionPolicy) -> Room {
        guard bytes <= retention.maxBytes else { return .refused(.tooLarge) }
        guard self.head < .max else { return .refused(.queueFull) }
        #if MUTANTS
        if Mutant.retentionIgnored.isPlanted { return .enough }
        #endif
        let shortage = KeptSum(
            messages: max(0, self.kept.messages + 1 - retention.maxMessages),
            bytes: max(0, self.kept.bytes + bytes - retention.maxBytes)
        )
        return shortage == .zero ? .enough : .short(shortage)
    }

    /// Gives the next number to a message of so many payload bytes, which is kept from now on.
    package mutating func append(bytes: Int) -> SequenceNumber {
        self.head = self.head.next
        self.kept += KeptSum(messages: 1, bytes: bytes)
        return self.head
    }

    /// When a message that is committed now expires: after its time to live, and never later than retention says.
    package static func expiry(timeToLive: Duration?, under retention: RetentionPolicy, now: Timestamp) -> Timestamp {
        now + max(.milliseconds(1), min(timeToLive ?? retention.maxAge, retention.maxAge))
    }

    /// Judges an `ACK` and moves the floor (Protocol.md §6.3). When the floor moved, the messages through it are to be removed and
    /// reported with `removed(_:)`.
    ///
    /// - Parameter times: what is known of the kept message with a number; nil when none is kept. Called at most once.
    package mutating func acknowledge<LookUpError: Error>(
        _ operation: AcknowledgeOperation,
        times: (SequenceNumber) throws(LookUpError) -> KeptTimes?
    ) throws(LookUpError) -> AcknowledgeReceipt {
        if let refusal = self.refusal(of: operation.fence) { return .refused(refusal) }
        guard operation.through <= self.head else { return .beyondHead(self.head) }
        if operation.through > self.floor {
            let time = try times(operation.through)?.time
            self.moveFloor(to: operation.through, time: time)
        }
        return .acknowledged(floor: self.floor, head: self.head)
    }

    /// Kept messages at or below the floor were removed.
    package mutating func removed(_ sum: KeptSum) {
        self.kept -= sum
    }

    /// Kept messages were removed because they had expired.
    ///
    /// - Parameter last: the highest number among them.
    package mutating func expired(_ sum: KeptSum, through last: SequenceNumber) {
        self.kept -= sum
        self.discardedThrough = max(self.discardedThrough, last)
    }

    /// The oldest kept messages were removed to make room.
    ///
    /// - Parameter last: the highest number among them.
    package mutating func overflowed(_ sum: KeptSum, through last: SequenceNumber) {
        self.kept -= sum
        self.discardedThrough = max(self.discardedThrough, last)
        #if MUTANTS
        if Mutant.overflowCalledExpired.isPlanted { return }
        #endif
        self.overflowedThrough = max(self.overflowedThrough, last)
    }

    mutating func moveFloor(to number: SequenceNumber, time: Timestamp?) {
        self.floor = number
        self.floorTime = time
    }
}
