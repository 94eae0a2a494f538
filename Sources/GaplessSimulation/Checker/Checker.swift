import GaplessCore
import GaplessStore

/// Watches the world from outside and knows the truth on its own: what was committed, what applications were handed, what they handled.
final class Checker {
    /// What one process of a client was handed.
    struct Listener {
        /// The numbering that it is in; nil before the first.
        var epoch: EpochToken?
        /// The highest number handed over in it.
        var last: UInt64 = 0
        /// The newest message handed over, to see whether the next one follows it on a time line.
        var version: Truth.Message?
        /// The numbering that a WELCOME began: its epoch and where it goes on.
        var next: (epoch: EpochToken, after: UInt64)?
        /// Whether the application was told that the numbering is new.
        var isReset = false
    }

    unowned let world: World
    var truth = Truth()
    private var lines = TimeLines()
    private(set) var violations: [Violation] = []
    /// By process.
    private var listeners: [UInt64: Listener] = [:]
    /// The highest number that any process of a client handled in an epoch.
    private var handled: [String: UInt64] = [:]
    /// Every version that ever was durable under an epoch and number.
    private var versions: [String: [Truth.Message]] = [:]
    /// The generation that is current, and the operation that made it, by client and epoch.
    private var voices: [String: (generation: UInt64, operation: UInt64)] = [:]
    private var uplink: [String: Uplink] = [:]
    /// The texts in the order in which they were sent.
    private(set) var uplinkTexts: [String] = []
    private var handlerOf: [String: (outbox: OutboxID, number: UInt64)] = [:]
    /// How often a text was appended for a client.
    private var copies: [String: Int] = [:]

    /// What became of one uplink message.
    struct Uplink {
        var process: ClientProcess
        var isDurableAtClient = false
        var isConfirmed = false
        var isDiscarded = false
        var mayRepeat = false
        var runs = 0
    }

    init(world: World) {
        self.world = world
    }

    func require(_ holds: Bool, _ invariant: Invariant, _ message: @autoclosure () -> String) {
        guard !holds, self.violations.count < 20 else { return }
        self.violations.append(
            Violation(invariant: invariant, message: message(), milliseconds: (self.world.now - World.start).milliseconds)
        )
    }

    // MARK: The store

    func committed(_ operations: [StoreOperation], _ receipt: CommitReceipt) {
        self.truth.clock = max(self.truth.clock, receipt.time)
        for (operation, receipt) in zip(operations, receipt.receipts) {
            self.truth.operation += 1
            switch (operation, receipt) {
            case (.append(let append), .append(let receipt)): self.appended(append, receipt)
            case (.appendSequence(let sequence), .appendSequence(let receipt)):
                for (append, stored) in zip(sequence.appends, receipt.stored) where !receipt.isRepeat { self.appended(append, stored) }
            case (.acknowledge(let acknowledge), .acknowledge(.acknowledged(let floor, _))): self.acknowledged(acknowledge, floor)
            case (.attach(let attach), .attach(.attached(let attachment))): self.attached(attach, attachment)
            case (.advanceMark(let mark), .advanceMark(.advanced(let sends))): self.marked(mark, sends)
            default: break
            }
        }
    }

    /// A read moves the store's clock as a commit does.
    func clockRead(_ wallClock: Timestamp) {
        self.truth.clock = max(self.truth.clock, wallClock)
    }

    private func appended(_ append: AppendOperation, _ receipt: AppendReceipt) {
        guard !receipt.isRepeat, receipt.refusal == nil else { return }
        for delivery in receipt.deliveries {
            guard case .stored(let number, let epoch) = delivery.outcome else { continue }
            let age = min(append.timeToLive ?? self.world.options.policy.retention.maxAge, self.world.options.policy.retention.maxAge)
            let message = Truth.Message(
                payload: append.payload,
                time: receipt.time,
                expires: receipt.time + age,
                line: self.truth.line,
                operation: self.truth.operation
            )
            let key = Truth.key(delivery.client, epoch)
            if self.truth.numberings[key] == nil { self.beganNumbering(key, head: number.rawValue - 1, floor: 0, of: delivery.client) }
            let isNext = self.truth.numberings[key]?.append(message, as: number.rawValue) ?? false
            self.require(isNext, .order, "\(delivery.client) got number \(number), which is not the next")
            self.versions["\(key) \(number)", default: []].append(message)
            if let text = append.payload.text?.prefix(while: { $0 != "." }) {
                self.copies["\(text) \(delivery.client)", default: 0] += 1
            }
        }
    }

    private func acknowledged(_ operation: AcknowledgeOperation, _ floor: SequenceNumber) {
        let key = Truth.key(operation.client, operation.fence.epoch)
        self.raiseFloor(key, floor.rawValue, "an ACK of \(operation.client)")
    }

    private func raiseFloor(_ key: String, _ floor: UInt64, _ what: String) {
        guard self.truth.numberings[key, default: Truth.Numbering()].floor < floor else { return }
        self.truth.numberings[key, default: Truth.Numbering()].floor = floor
        let handled = self.handled[key] ?? 0
        self.require(floor <= handled, .safeAcknowledgement, "\(what) moved the floor to \(floor), handled is \(handled)")
    }

    private func attached(_ operation: AttachOperation, _ attachment: Attachment) {
        let key = Truth.key(operation.client, attachment.fence.epoch)
        if self.truth.numberings[key] == nil {
            self.beganNumbering(key, head: attachment.head.rawValue, floor: attachment.floor.rawValue, of: operation.client)
        }
        let generation = attachment.fence.generation.rawValue
        let known = self.truth.numberings[key]?.generation ?? 0
        self.require(generation > known, .oneVoice, "\(operation.client) got generation \(generation) after \(known)")
        self.truth.numberings[key]?.generation = generation
        self.truth.attachments["\(key) \(generation)"] = attachment.after.rawValue
        self.voices[key] = (generation, self.truth.operation)
        self.voices["\(operation.client)"] = (generation, self.truth.operation)
        self.raiseFloor(key, attachment.floor.rawValue, "a HELLO of \(operation.client)")
        self.world.counters.count(resume: attachment.resume)
    }

    /// A new numbering. After the store went back it begins with the stored messages of the one before, under their numbers.
    private func beganNumbering(_ key: String, head: UInt64, floor: UInt64, of client: ClientID) {
        let before = self.truth.newest["\(client)"]
        self.truth.newest["\(client)"] = key
        self.truth.numberings[key] = Truth.Numbering()
        guard head > 0, let before, let old = self.truth.numberings[before] else { return }
        self.truth.numberings[key]?.messages = old.messages
        self.truth.numberings[key]?.floor = old.floor
        for (index, message) in old.messages.enumerated() {
            if let message { self.versions["\(key) \(index + 1)", default: []].append(message) }
        }
        // What was handled under the old numbers stays so: only what lies above the floor comes again.
        self.handled[key] = max(self.handled[key] ?? 0, old.floor, floor)
    }

    private func marked(_ operation: MarkOperation, _ sends: [AppendReceipt]) {
        let key = "\(operation.client) \(operation.outbox)"
        self.truth.marks[key] = operation.number.rawValue
        if let text = self.texts["\(key) \(operation.number)"] {
            self.truth.handled.insert(text)
            self.truth.replies[text, default: 0] += sends.count
        }
        for (append, receipt) in zip(operation.sends, sends) { self.appended(append, receipt) }
    }

    /// The text of each uplink message that a handler saw, by outbox and number.
    private var texts: [String: String] = [:]

    func rolledBack(to truth: Truth) {
        let line = self.lines.branch(from: truth.line, at: truth.operation)
        let clock = self.truth.clock
        self.truth = truth
        self.truth.line = line
        self.truth.clock = min(clock, truth.clock)
        self.world.counters.count(.rolledBack)
    }

    /// A sender was told that its message is durable.
    func accepted(_ operation: AppendOperation, _ receipt: AppendReceipt, text: String) {
        guard receipt.refusal == nil else { return }
        for delivery in receipt.deliveries {
            guard case .stored(let number, let epoch) = delivery.outcome else { continue }
            let key = "\(Truth.key(delivery.client, epoch)) \(number)"
            let isStored = self.versions[key]?.contains { $0.payload == operation.payload } ?? false
            self.require(isStored, .durableFirst, "\(text) has a receipt for number \(number) of \(delivery.client) and is not there")
            let copies = self.copies["\(text) \(delivery.client)"] ?? 0
            self.require(
                copies == 1 || self.world.options.hasRollbacks,
                .noDuplicate,
                "\(text) is there \(copies) times for \(delivery.client)"
            )
        }
    }

    // MARK: The wire

    func sent(_ frame: ServerFrame, on link: SimulatedLink) {
        guard let served = link.served else { return }
        switch frame {
        case .welcome(let welcome):
            served.window.window = welcome.downlinkWindow
            served.welcome = welcome
            let key = "\(Truth.key(welcome.client, welcome.epoch)) \(welcome.generation)"
            let after = self.truth.attachments[key]
            self.require(
                after == welcome.after.rawValue || after == nil,
                .durableFirst,
                "WELCOME after \(welcome.after), attached after \(after ?? 0)"
            )
        case .message(let message):
            guard let welcome = served.welcome else { return }
            let key = Truth.key(welcome.client, welcome.epoch)
            let isDurable = self.versions["\(key) \(message.sequence)"]?.contains {
                $0.payload == message.payload && $0.time == message.time
            }
            self.require(isDurable == true, .durableFirst, "MSG \(message.sequence) to \(welcome.client) is not durable")
            self.require(served.window.send(message), .bounded, "more in flight to \(welcome.client) than the window allows")
            if let voice = self.voices[key], voice.generation > welcome.generation.rawValue,
                let version = self.truth.numberings[key]?.messages[safe: Int(message.sequence.rawValue) - 1] ?? nil
            {
                let isOlder = version.operation < voice.operation || version.line != self.truth.line
                self.require(isOlder, .oneVoice, "MSG \(message.sequence) went to a connection that was displaced before its commit")
            }
        case .error(let error):
            let code = error.code.rawValue
            let isAccusation = (4400...4449).contains(code)
            self.require(!isAccusation || link.client.client.hasCopies, .accusation, "the server says \(code) \(error.message)")
            self.world.counters.count(ending: error.code)
        case .gap, .acknowledge, .ping, .pong, .authenticate, .authenticated, .drain:
            break
        }
    }

    func serverBlamed(_ process: ClientProcess) {
        self.require(process.client.hasCopies, .accusation, "\(process.name) closes with 4400")
    }

    // MARK: The application

    func began(_ process: ClientProcess) {
        var listener = Listener()
        if let position = process.record.progress.position {
            listener.epoch = position.epoch
            listener.last = position.handled.rawValue
        }
        self.listeners[process.number] = listener
    }

    func welcomed(_ welcome: Welcome, _ process: ClientProcess) {
        guard self.listeners[process.number]?.epoch != welcome.epoch else { return }
        self.listeners[process.number]?.next = (welcome.epoch, welcome.after.rawValue)
    }

    func reset(_ reason: ResetReason, _ process: ClientProcess) {
        self.listeners[process.number]?.isReset = true
        self.listeners[process.number]?.epoch = nil
        self.listeners[process.number]?.version = nil
    }

    /// The application ended the session itself; whatever comes is new, and it knows.
    func ended(_ process: ClientProcess) {
        self.listeners[process.number] = Listener()
    }

    /// What comes next: the numbering, and whether its start follows the end of the last event.
    private func advance(_ reference: EventReference, from first: UInt64, through last: UInt64, to process: ClientProcess) -> Truth.Message?
    {
        var listener = self.listeners[process.number] ?? Listener()
        if listener.epoch != reference.epoch {
            self.require(listener.epoch == nil, .honestGaps, "\(process.name) went to another epoch without a reset")
            self.require(listener.next?.epoch == reference.epoch, .noInvention, "\(process.name) got an epoch that no WELCOME told")
            listener.epoch = reference.epoch
            listener.last = listener.next?.after ?? 0
            listener.next = nil
            listener.version = nil
        }
        if first <= listener.last {
            self.require(false, .noDuplicate, "\(process.name) got \(first) again after \(listener.last)")
        } else {
            self.require(first == listener.last + 1, .noSilentLoss, "\(process.name) got \(first) after \(listener.last)")
        }
        let version = listener.version
        listener.last = last
        listener.version = nil
        self.listeners[process.number] = listener
        return version
    }

    func handed(_ message: StoredMessage, _ reference: EventReference, to process: ClientProcess) {
        let number = message.sequence.rawValue
        let before = self.advance(reference, from: number, through: number, to: process)
        let key = Truth.key(process.client.id, reference.epoch)
        let version = self.versions["\(key) \(number)"]?.last { $0.payload == message.payload && $0.time == message.time }
        self.require(version != nil, .noInvention, "\(process.name) got \(number), which nobody appended there")
        if let before, let version {
            let isOneLine =
                self.lines.isVisible(before.operation, of: before.line, on: version.line)
                || self.lines.isVisible(version.operation, of: version.line, on: before.line)
            self.require(isOneLine, .noSilentLoss, "\(process.name) got \(number) of another time line than what came before")
        }
        self.listeners[process.number]?.version = version
    }

    func handed(_ gap: Gap, _ reference: EventReference, to process: ClientProcess) {
        let (first, last) = (gap.range.first.rawValue, gap.range.last.rawValue)
        _ = self.advance(reference, from: first, through: last, to: process)
        self.world.counters.count(gap: gap.reason)
        let key = Truth.key(process.client.id, reference.epoch)
        guard let numbering = self.truth.numberings[key] else { return }
        for number in first...last { self.judge(number, gap.reason, numbering, key, process) }
    }

    /// Whether a number may be gone for the reason.
    private func judge(_ number: UInt64, _ reason: GapReason, _ numbering: Truth.Numbering, _ key: String, _ process: ClientProcess) {
        let policy = self.world.options.policy.retention
        let message = numbering.messages[safe: Int(number) - 1] ?? nil
        switch reason {
        case .expired:
            let isOld = message.map { $0.expires <= self.truth.clock } ?? true
            self.require(isOld, .honestGaps, "\(process.name): \(number) is called expired and is not")
        case .overflow:
            let newer = numbering.messages.dropFirst(Int(number) - 1)
            let bytes = newer.reduce(0) { $0 + ($1?.payload.count ?? 0) }
            let isOver = newer.count > policy.maxMessages || bytes > policy.maxBytes
            self.require(
                isOver,
                .honestGaps,
                "\(process.name): \(number) is called overflown and is not: \(newer.count) messages, \(bytes) bytes"
            )
        case .acknowledged:
            self.require(
                number <= self.handled[key] ?? 0,
                .honestGaps,
                "\(process.name): \(number) is called acknowledged and nobody handled it"
            )
        default:
            self.require(false, .honestGaps, "\(process.name): gap for \(reason)")
        }
    }

    func handled(_ reference: EventReference, by process: ClientProcess) {
        let key = Truth.key(process.client.id, reference.epoch)
        self.handled[key] = max(self.handled[key] ?? 0, reference.through.rawValue)
    }

    // MARK: Uplink

    func enqueued(_ text: String, by process: ClientProcess) {
        self.uplink[text] = Uplink(process: process)
        self.uplinkTexts.append(text)
    }

    func saved(_ process: ClientProcess) {
        for payload in process.saved.outbox.messages {
            if let text = payload.text { self.uplink[text]?.isDurableAtClient = true }
        }
    }

    func handlerBegan(_ run: HandlerRun, on node: NodeProcess) {
        let text = run.delivery.payload.text ?? ""
        let key = "\(run.delivery.client) \(run.delivery.outbox)"
        self.require(self.uplink[text] != nil, .uplink, "a handler got \(text), which nobody sent")
        let isDone = self.truth.handled.contains(text) && self.truth.marks[key] ?? 0 >= run.delivery.number.rawValue
        if isDone { self.world.counters.count(.handledAgain) }
        self.repeats[run.id.number << 8 | UInt64(node.place)] = isDone
        self.texts["\(key) \(run.delivery.number)"] = text
        self.uplink[text]?.runs += 1
    }

    private var repeats: [UInt64: Bool] = [:]

    func decided(_ decision: HandlerDecision, about run: HandlerRun) {
        if decision == .close { self.world.counters.count(.gaveUp) }
    }

    func confirmed(_ text: String, by process: ClientProcess) {
        let isExcused = self.world.options.hasRollbacks || process.client.hasCopies
        self.require(self.truth.handled.contains(text) || isExcused, .uplink, "\(text) is confirmed and was not handled")
        self.uplink[text]?.isConfirmed = true
    }

    func discarded(_ text: String, by process: ClientProcess) {
        self.uplink[text]?.isDiscarded = true
    }

    func mayRepeat(_ texts: [String], _ process: ClientProcess) {
        for text in texts { self.uplink[text]?.mayRepeat = true }
        self.world.counters.count(.mayRepeat)
    }

    // MARK: The end

    /// Why a client is not done: not attached, behind its queue, or with uplink that nobody confirmed. Nil when it is.
    private func unrest(of client: SimulatedClient) -> String? {
        guard !client.hasEnded, let process = client.process, process.isRunning else { return nil }
        // Where a user has more clients than allowed, not all of them can be attached.
        let siblings = self.world.clients.count { $0.id.user == client.id.user }
        guard siblings <= self.world.options.policy.maxClientsPerUser else { return nil }
        guard process.isOnline else { return "\(process.name) is \(process.state) in the end" }
        guard let queue = self.world.store.snapshot(of: client.id) else { return "\(process.name) has no queue in the end" }
        let position = process.record.progress.position
        guard position?.handled == queue.head, position?.epoch == queue.epoch.token else {
            return "\(process.name) handled \(position?.handled.rawValue ?? 0) of \(queue.head) in the end"
        }
        guard queue.floor == queue.head else { return "\(process.name) acknowledged \(queue.floor) of \(queue.head) in the end" }
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
            guard let queue = self.world.store.snapshot(of: client.id) else { continue }
            self.require(queue.messages <= self.world.options.policy.retention.maxMessages, .bounded, "\(client.id) keeps too much")
        }
        for text in self.uplinkTexts {
            let replies = self.truth.replies[text] ?? 0
            let isExcused = self.uplink[text].map { uplink in uplink.mayRepeat || uplink.process.client.hasCopies } ?? true
            self.require(replies <= 1 || isExcused, .uplink, "\(text) was answered \(replies) times")
        }
    }
}

extension Array {
    /// The element, or nil outside of the bounds.
    subscript(safe index: Int) -> Element? {
        self.indices.contains(index) ? self[index] : nil
    }
}
