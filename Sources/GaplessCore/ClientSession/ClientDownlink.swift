import DequeModule

/// The way of messages to the application: what was taken, what was handled, and what of it is saved and to be acknowledged.
///
/// Everything is a pair of epoch and number (Protocol.md §5.4). Taken is the highest number accepted into memory; handled is the
/// end of the longest unbroken run that the application reported.
struct ClientDownlink: Sendable {
    /// What a `WELCOME` means for the numbering.
    enum Arrival: Hashable, Sendable {
        /// The first numbering of this client.
        case first
        /// The numbering that the client has, without a hole.
        case same
        /// The numbering that the client has, but these were acknowledged by another copy of the position.
        case skipped(EventReference, Gap)
        /// Another numbering.
        case reset
    }

    /// What becomes of a `MSG` or `GAP`.
    enum Taking: Hashable, Sendable {
        /// It goes to the application.
        case message(EventReference, StoredMessage)
        /// The part that is new goes to the application.
        case gap(EventReference, Gap)
        /// The client has it, or its numbering is no longer the client's.
        case dropped
        /// The server broke a rule.
        case fault
    }

    /// Handed over, and not yet in the unbroken run of what was handled.
    private struct Pending: Sendable {
        let through: SequenceNumber
        /// The time of a message; nil for a gap.
        let time: Timestamp?
        let bytes: Int
        var isHandled = false
        var bookmark: UInt64?
    }

    /// The newest progress, saved or not.
    private(set) var progress: ClientProgress

    /// The newest progress that is known to be durable.
    private(set) var saved: ClientProgress

    /// The highest number taken in the current epoch.
    private(set) var taken: SequenceNumber

    /// How many numberings were left behind.
    private var numbering: UInt64 = 0

    private var pending: Deque<Pending> = []
    private var pendingMessages = 0
    private var pendingBytes = 0
    private var widest = Window.defaultDownlink

    /// What was handled since the newest save was handed out.
    private var batchEvents: UInt64 = 0
    private var batchBytes: UInt64 = 0
    private var batchDue: Instant?

    /// A progress that was handed out to be saved.
    private struct Save: Sendable {
        let version: SaveVersion
        let progress: ClientProgress
        let urgency: SaveUrgency
    }

    /// Saves under way, oldest first.
    private var saves: Deque<Save> = []

    /// A client that got so far, as a durable record says.
    init(_ progress: ClientProgress) {
        self.progress = progress
        self.saved = progress
        self.taken = progress.position?.handled ?? .zero
    }

    // MARK: Numberings

    /// Takes the epoch and the place of a `WELCOME`.
    mutating func welcomed(_ welcome: Welcome) -> Arrival {
        self.widest = Window(
            messages: max(self.widest.messages, welcome.downlinkWindow.messages),
            bytes: max(self.widest.bytes, welcome.downlinkWindow.bytes)
        )
        self.progress.held = welcome.generation
        guard let position = self.progress.position, position.epoch == welcome.epoch else {
            let isFirst = self.progress.position == nil
            self.leaveNumbering()
            self.progress.position = Position(epoch: welcome.epoch, handled: welcome.after)
            self.taken = welcome.after
            return isFirst ? .first : .reset
        }
        guard self.taken < welcome.after else { return .same }
        let gap = Gap(SequenceRange(self.taken.next, through: welcome.after), reason: .acknowledged)
        return .skipped(self.accept(gap, epoch: position.epoch), gap)
    }

    /// Forgets the position: the next `WELCOME` starts anew.
    mutating func forget() {
        self.leaveNumbering()
        self.progress.position = nil
        self.progress.held = nil
        self.taken = .zero
    }

    /// Another instance holds nothing yet.
    mutating func forgetGeneration() {
        self.progress.held = nil
    }

    /// What was taken goes on and finishes, but its reports count no more (Protocol.md [R5.4-6]).
    private mutating func leaveNumbering() {
        self.numbering += 1
        self.pending.removeAll()
        self.pendingMessages = 0
        self.pendingBytes = 0
        self.clearBatch()
    }

    #if MUTANTS
    /// For `Mutant.duplicateAfterDrain`.
    mutating func forgetTaken() {
        self.taken = self.progress.position?.handled ?? .zero
    }
    #endif

    // MARK: Taking

    /// A `MSG` came on a connection of the epoch.
    mutating func take(_ message: StoredMessage, epoch: EpochToken) -> Taking {
        guard self.progress.position?.epoch == epoch, self.taken < message.sequence else { return .dropped }
        guard message.sequence == self.taken.next, self.hasRoom(for: message.payload.count) else { return .fault }
        self.taken = message.sequence
        self.pendingMessages += 1
        self.pendingBytes += message.payload.count
        self.pending.append(Pending(through: message.sequence, time: message.time, bytes: message.payload.count))
        return .message(self.reference(epoch, message.sequence), message)
    }

    /// A `GAP` came on a connection of the epoch.
    mutating func take(_ gap: Gap, epoch: EpochToken) -> Taking {
        guard self.progress.position?.epoch == epoch, self.taken < gap.range.last else { return .dropped }
        guard gap.range.first <= self.taken.next, self.pending.count < Self.maxPending else { return .fault }
        #if MUTANTS
        if Mutant.gapNotCut.isPlanted { return .gap(self.accept(gap, epoch: epoch), gap) }
        #endif
        let rest = Gap(SequenceRange(self.taken.next, through: gap.range.last), reason: gap.reason)
        return .gap(self.accept(rest, epoch: epoch), rest)
    }

    private mutating func accept(_ gap: Gap, epoch: EpochToken) -> EventReference {
        self.taken = gap.range.last
        self.pending.append(Pending(through: gap.range.last, time: nil, bytes: 0))
        return self.reference(epoch, gap.range.last)
    }

    /// How far was taken above a position of this numbering, which a `HELLO` tells beside it (Protocol.md [R4.1-9]).
    func taken(above position: Position?) -> Taken? {
        guard let position, let own = self.progress.position, own.epoch == position.epoch, position.handled < self.taken else { return nil }
        let newest = self.pending.last { $0.time != nil }?.time ?? own.last?.time
        return Taken(through: self.taken, newest: newest ?? Timestamp(milliseconds: 0))
    }

    private func reference(_ epoch: EpochToken, _ through: SequenceNumber) -> EventReference {
        EventReference(epoch: epoch, numbering: self.numbering, through: through)
    }

    /// Whether a server that keeps to the window could have sent this: at most one window of this connection and one of another before it
    /// wait for the application (Protocol.md §6.4, §14).
    private func hasRoom(for bytes: Int) -> Bool {
        UInt64(self.pendingMessages) < 2 * self.widest.messages
            && UInt64(self.pendingBytes + bytes) <= 2 * (self.widest.bytes + UInt64(Limits.maxPayloadBytes))
            && self.pending.count < Self.maxPending
    }

    /// The most events that wait for the application; only gaps, which use no window, get there.
    private static let maxPending = 1 << 18

    // MARK: Handling

    /// The application is done with one event; the run grows over it when everything before it is handled.
    mutating func handled(_ reference: EventReference, bookmark: UInt64?, now: Instant) {
        guard let index = self.index(of: reference) else { return }
        self.pending[index].isHandled = true
        self.pending[index].bookmark = bookmark
        self.advance(now: now)
    }

    /// The application is done with the event and all before it.
    mutating func handled(through reference: EventReference, bookmark: UInt64?, now: Instant) {
        guard let index = self.index(of: reference) else { return }
        for earlier in 0...index { self.pending[earlier].isHandled = true }
        self.pending[index].bookmark = bookmark
        self.advance(now: now)
    }

    private func index(of reference: EventReference) -> Int? {
        #if MUTANTS
        if Mutant.handledAcrossEpochs.isPlanted, reference.numbering != self.numbering {
            return self.index(of: EventReference(epoch: reference.epoch, numbering: self.numbering, through: reference.through))
        }
        #endif
        guard reference.numbering == self.numbering, let first = self.pending.first else { return nil }
        if first.through == reference.through { return 0 }
        var low = 0
        var high = self.pending.count
        while low < high {
            let middle = (low + high) / 2
            if self.pending[middle].through < reference.through { low = middle + 1 } else { high = middle }
        }
        return low < self.pending.count && self.pending[low].through == reference.through ? low : nil
    }

    private mutating func advance(now: Instant) {
        while let first = self.pending.first, first.isHandled {
            self.pending.removeFirst()
            self.progress.position?.handled = first.through
            if let time = first.time {
                self.progress.position?.last = LastMessage(sequence: first.through, time: time)
                self.pendingMessages -= 1
                self.pendingBytes -= first.bytes
            }
            if let bookmark = first.bookmark { self.progress.bookmark = bookmark }
            self.batchEvents += 1
            self.batchBytes += UInt64(first.bytes)
            if self.batchDue == nil { self.batchDue = now + ClientTimes.acknowledgement }
        }
    }

    // MARK: Saving

    /// Whether something is handled, or was welcomed, that no save was handed out for.
    var isUnsaved: Bool {
        self.progress != (self.saves.last?.progress ?? self.saved)
    }

    /// Whether everything that was handled is durable.
    var isSettled: Bool {
        self.saved.position?.handled == self.progress.position?.handled && self.saved.position?.epoch == self.progress.position?.epoch
    }

    /// The newest save under way.
    var newestSave: SaveVersion? { self.saves.last?.version }

    /// Whether a save is under way that the next batch waits for.
    var isSaving: Bool {
        self.saves.contains { $0.urgency == .now }
    }

    /// When the batch is to be saved and acknowledged at the latest; nil while a save is under way.
    var deadline: Instant? {
        self.isSaving ? nil : self.batchDue
    }

    /// Whether the batch is to be saved now, so that it can be acknowledged (Protocol.md [R6.3-3] to [R6.3-5]).
    func isSaveDue(now: Instant, window: Window) -> Bool {
        guard let due = self.batchDue, !self.isSaving else { return false }
        return due <= now || max(1, window.messages / 8) <= self.batchEvents || max(1, window.bytes / 8) <= self.batchBytes
    }

    /// The newest progress was handed out to be saved: at once, when it holds something that is to be acknowledged.
    mutating func saving(_ version: SaveVersion, _ urgency: SaveUrgency) {
        self.saves.append(Save(version: version, progress: self.progress, urgency: urgency))
        self.clearBatch()
    }

    /// Everything through the version is durable.
    mutating func saved(through version: SaveVersion) {
        while let first = self.saves.first, first.version <= version {
            self.saved = first.progress
            self.saves.removeFirst()
        }
    }

    private mutating func clearBatch() {
        self.batchEvents = 0
        self.batchBytes = 0
        self.batchDue = nil
    }
}
