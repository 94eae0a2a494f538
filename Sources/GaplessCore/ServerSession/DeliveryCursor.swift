import DequeModule

/// What one connection has sent of its queue, and what it may send next: one cursor over the store (Protocol.md §6).
///
/// Replay and live traffic are the same stream. The cursor moves over messages as they are sent, over gaps as they are reported, and
/// over what the client acknowledges without having been sent it here. A commit only wakes the downlink; it reads from the store, one
/// read at a time. The exception is a fresh message that is exactly the next one, which is handed over as it is.
package struct DeliveryCursor: Hashable, Sendable {
    /// What to read: see `ReadRequest`.
    package struct Read: Hashable, Sendable {
        package var after: SequenceNumber
        package var maxMessages: Int
        package var maxBytes: Int

        package init(after: SequenceNumber, maxMessages: Int, maxBytes: Int) {
            self.after = after
            self.maxMessages = maxMessages
            self.maxBytes = maxBytes
        }
    }

    /// What a store's answer means for the connection.
    package enum Verdict: Hashable, Sendable {
        /// Nothing special.
        case goesOn
        /// The store went back in time: its head is below what this connection sent. [R5.3-14]
        case storeWentBack
        /// The client acknowledged what was never there. [R6.3-11]
        case beyondHead
    }

    /// What an `ACK` asks for.
    package enum Claim: Hashable, Sendable {
        /// It is not above the last one. [R6.3-8]
        case ignored
        /// The store is to be told.
        case commit
    }

    /// The read that is under way.
    private enum Reading: Hashable, Sendable {
        case nothing
        /// What is gone behind the cursor, and no message.
        case gaps
        /// Messages behind the cursor, with the head that was known then.
        case messages(after: SequenceNumber, head: SequenceNumber)
    }

    private struct InFlight: Hashable, Sendable {
        let sequence: SequenceNumber
        let bytes: UInt64
    }

    /// The window in force.
    package let window: Window
    private let maxReadMessages: Int
    private let maxReadBytes: Int

    /// Everything through this number was sent, reported gone, or acknowledged.
    package private(set) var cursor: SequenceNumber
    /// The last `ACK` that counted, or the position that the connection began with.
    package private(set) var acknowledged: SequenceNumber
    /// The newest number known to be in the store.
    package private(set) var head: SequenceNumber
    /// The highest number in a `MSG` or `GAP` of this connection; zero before the first.
    package private(set) var sentThrough = SequenceNumber.zero
    /// Payload bytes in flight.
    package private(set) var bytesInFlight: UInt64 = 0

    private var inFlight = Deque<InFlight>()
    /// An `ACK` above the known head, which only the store can judge.
    private var claimed: SequenceNumber?
    /// What had been sent when the newest `ACK` that counted came.
    private var sentWhenClaimed = SequenceNumber.zero
    /// How large the next message is, once it was found not to fit.
    private var blockedBytes: UInt64?
    private var reading = Reading.nothing
    /// Something may be behind the head, or gone behind the cursor.
    private var hasNews = false
    /// The fence is in doubt: read even when nothing could be sent.
    private var mustLook = false
    /// The last read that allowed messages brought nothing though the head is ahead; only news asks again.
    private var isStuck = false

    /// Begins behind `after`, with the store's head known.
    package init(window: Window, after: SequenceNumber, head: SequenceNumber, maxReadMessages: Int, maxReadBytes: Int) {
        precondition(after <= head, "a stream begins at or below the head")
        self.window = window
        self.maxReadMessages = maxReadMessages
        self.maxReadBytes = maxReadBytes
        self.cursor = after
        self.acknowledged = after
        self.head = head
    }

    /// Messages in flight: sent here and not acknowledged.
    package var messagesInFlight: Int { self.inFlight.count }

    // MARK: News

    /// There may be something new: messages behind the head, or gaps behind the cursor.
    package mutating func news() {
        self.hasNews = true
    }

    /// The attachment may be displaced: the next read answers that.
    package mutating func look() {
        self.mustLook = true
    }

    /// A message was committed; returns whether it is to be sent at once, as the next of the stream.
    ///
    /// - Parameters:
    ///   - discardedThrough: the highest number that gave way in the same commit, if any did.
    ///   - isWritable: whether the socket takes more.
    package mutating func committed(_ message: StoredMessage, discardedThrough: SequenceNumber?, isWritable: Bool) -> Bool {
        self.learn(head: message.sequence)
        if let discardedThrough, discardedThrough > self.cursor {
            self.hasNews = true
        }
        let isNext = self.cursor < .max && message.sequence == self.cursor.next
        guard isNext, self.reading == .nothing, !self.hasNews, isWritable, self.fits(message) else {
            return false
        }
        self.sent(message)
        return true
    }

    // MARK: Reading

    /// What to read now; nil when nothing is to be read, or a read is under way. The caller submits it.
    ///
    /// With a full window only news asks for a read, of no message: it finds what is gone behind the cursor. [R6.2-5, R6.2-6]
    package mutating func nextRead(isWritable: Bool) -> Read? {
        guard self.reading == .nothing else { return nil }
        let room = isWritable ? self.room : nil
        let isAhead = self.head > self.cursor && !self.isStuck
        guard self.mustLook || (isWritable && (self.hasNews || (isAhead && room != nil))) else { return nil }
        self.mustLook = false
        guard let room else {
            // A look at a socket that takes nothing leaves the news for later.
            self.hasNews = self.hasNews && !isWritable
            self.reading = .gaps
            return Read(after: self.cursor, maxMessages: 0, maxBytes: 1)
        }
        self.hasNews = false
        self.reading = .messages(after: self.cursor, head: self.head)
        return Read(
            after: self.cursor,
            maxMessages: Int(min(UInt64(self.maxReadMessages), room.messages)),
            maxBytes: Int(min(UInt64(self.maxReadBytes), room.bytes))
        )
    }

    /// The read that was under way brought a stretch of the queue: appends what is to be sent.
    package mutating func loaded(_ slice: QueueSlice, into frames: inout [ServerFrame]) -> Verdict {
        let reading = self.endRead()
        guard slice.head >= self.sentThrough else { return .storeWentBack }
        self.learn(head: slice.head)
        let before = self.cursor
        var isCut = false
        // What was acknowledged while the read was under way is skipped.
        for message in slice.messages where message.sequence > self.cursor {
            #if MUTANTS
            if Mutant.gapOverMessage.isPlanted, message.sequence.previous > self.cursor {
                self.report(goneThrough: message.sequence, in: slice, into: &frames)
            }
            #endif
            self.report(goneThrough: message.sequence.previous, in: slice, into: &frames)
            guard self.fits(message) else {
                self.blockedBytes = UInt64(message.payload.count)
                isCut = true
                break
            }
            self.sent(message)
            frames.append(.message(message))
        }
        #if MUTANTS
        if Mutant.tailGapUntold.isPlanted { isCut = true }
        #endif
        if !isCut {
            self.report(goneThrough: slice.through, in: slice, into: &frames)
        }
        // Nothing new: the store and the head disagree. A read that something overtook - an ACK, or a commit that came after the read looked -
        // says nothing about what follows.
        let isUndisturbed = reading == .messages(after: before, head: self.head)
        self.isStuck = isUndisturbed && !isCut && self.cursor == before && self.cursor < self.head
        return .goesOn
    }

    /// The read that was under way failed; what it was to find is still news, and still in doubt.
    package mutating func readFailed() {
        _ = self.endRead()
        #if MUTANTS
        if Mutant.readNotRepeated.isPlanted { return self.isStuck = true }
        #endif
        self.hasNews = true
        self.mustLook = true
    }

    /// Whether a look is still to be taken: no answer that comes now settles the doubt.
    package var isLookDue: Bool { self.mustLook }

    // MARK: Acknowledgements

    /// The client acknowledged through the number.
    package mutating func acknowledge(through number: SequenceNumber) -> Claim {
        guard number > max(self.acknowledged, self.claimed ?? .zero) else { return .ignored }
        if number <= self.head {
            self.accept(number)
        } else {
            self.claimed = number
        }
        self.sentWhenClaimed = self.sentThrough
        return .commit
    }

    /// The store moved the floor for an `ACK`.
    package mutating func acknowledged(through number: SequenceNumber, head: SequenceNumber) -> Verdict {
        self.learn(head: max(head, number))
        // The answer may be older than what a read brought meanwhile, but not than what was sent before the question.
        guard number == self.newestAcknowledgement else { return .goesOn }
        return head < self.sentWhenClaimed ? .storeWentBack : .goesOn
    }

    /// The store has no such number as an `ACK` named. [R6.3-10, R6.3-11]
    package func beyondHead(_ number: SequenceNumber) -> Verdict {
        number <= self.sentThrough ? .storeWentBack : .beyondHead
    }

    /// The number to acknowledge once more after the store failed.
    package var newestAcknowledgement: SequenceNumber {
        max(self.acknowledged, self.claimed ?? .zero)
    }

    // MARK: Private

    /// What the window allows; nil when it is closed.
    private var room: Window? {
        guard !self.inFlight.isEmpty else { return self.window }
        #if MUTANTS
        if Mutant.windowIgnored.isPlanted || Mutant.windowBytesIgnored.isPlanted { return self.window }
        #endif
        let messages = UInt64(self.inFlight.count)
        guard messages < self.window.messages, self.bytesInFlight < self.window.bytes else { return nil }
        let bytes = self.window.bytes - self.bytesInFlight
        if let blockedBytes, blockedBytes > bytes { return nil }
        return Window(messages: self.window.messages - messages, bytes: bytes)
    }

    /// Whether the window takes the message; one may always be in flight. [R6.4-1, R6.4-2]
    private func fits(_ message: StoredMessage) -> Bool {
        guard !self.inFlight.isEmpty else { return true }
        #if MUTANTS
        if Mutant.windowIgnored.isPlanted { return self.bytesInFlight + UInt64(message.payload.count) <= self.window.bytes }
        if Mutant.windowBytesIgnored.isPlanted { return UInt64(self.inFlight.count) < self.window.messages }
        let numbers = message.sequence.rawValue - self.acknowledged.rawValue
        if Mutant.windowByNumber.isPlanted, numbers > self.window.messages { return false }
        #endif
        return UInt64(self.inFlight.count) < self.window.messages
            && self.bytesInFlight + UInt64(message.payload.count) <= self.window.bytes
    }

    private mutating func sent(_ message: StoredMessage) {
        let bytes = UInt64(message.payload.count)
        self.inFlight.append(InFlight(sequence: message.sequence, bytes: bytes))
        self.bytesInFlight += bytes
        self.move(to: message.sequence)
        self.sentThrough = message.sequence
    }

    /// Reports what is gone behind the cursor, in up to three parts: acknowledged by another copy of the position, overflowed,
    /// expired. [R6.2-4, R5.2-11]
    private mutating func report(goneThrough last: SequenceNumber, in slice: QueueSlice, into frames: inout [ServerFrame]) {
        self.report(goneThrough: min(slice.floor, last), .acknowledged, into: &frames)
        self.report(goneThrough: min(slice.overflowedThrough, last), .overflow, into: &frames)
        self.report(goneThrough: last, .expired, into: &frames)
    }

    private mutating func report(goneThrough last: SequenceNumber, _ reason: GapReason, into frames: inout [ServerFrame]) {
        guard self.cursor < last else { return }
        #if MUTANTS
        if Mutant.noGap.isPlanted { return self.move(to: last) }
        if Mutant.gapUsesWindow.isPlanted, self.room == nil { return }
        #endif
        frames.append(.gap(Gap(SequenceRange(self.cursor.next, through: last), reason: reason)))
        self.move(to: last)
        self.sentThrough = last
    }

    private mutating func learn(head: SequenceNumber) {
        guard head > self.head else { return }
        self.head = head
        self.isStuck = false
        if let claimed, claimed <= self.head {
            self.accept(claimed)
        }
    }

    private mutating func accept(_ number: SequenceNumber) {
        self.claimed = nil
        self.acknowledged = number
        while let oldest = self.inFlight.first, oldest.sequence <= number {
            self.bytesInFlight -= oldest.bytes
            self.inFlight.removeFirst()
        }
        if number > self.cursor {
            self.move(to: number)
        }
    }

    private mutating func move(to number: SequenceNumber) {
        self.cursor = number
        self.blockedBytes = nil
        self.isStuck = false
    }

    private mutating func endRead() -> Reading {
        precondition(self.reading != .nothing, "an answer to a read that was not asked for")
        defer { self.reading = .nothing }
        return self.reading
    }
}
