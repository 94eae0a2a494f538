import GaplessCore
import GaplessStore

// What becomes durable, and who may make it so.
extension Checker {
    /// A transaction was committed.
    func committed(_ operations: [StoreOperation], _ receipt: CommitReceipt) {
        self.noteTime(receipt.time)
        self.truth.committed = receipt.time
        for (operation, receipt) in zip(operations, receipt.receipts) {
            self.truth.operation += 1
            self.committed(operation, receipt)
        }
    }

    private func committed(_ operation: StoreOperation, _ receipt: StoreReceipt) {
        switch (operation, receipt) {
        case (.append(let append), .append(let receipt)): self.appended(append, receipt, isReply: false)
        case (.appendSequence(let sequence), .appendSequence(let receipt)):
            for (append, stored) in zip(sequence.appends, receipt.stored) where !receipt.isRepeat {
                self.appended(append, stored, isReply: false)
            }
        case (.acknowledge(let acknowledge), .acknowledge(.acknowledged(let floor, _))):
            self.requireVoice(acknowledge.client, acknowledge.fence, "an ACK")
            self.require(
                floor >= acknowledge.through,
                .safeAcknowledgement,
                "an ACK of \(acknowledge.client) through \(acknowledge.through) gave floor \(floor)"
            )
            self.raiseFloor(Truth.Key(acknowledge.client, acknowledge.fence.epoch), floor.rawValue, "an ACK of \(acknowledge.client)")
        case (.acknowledge, .acknowledge(.refused)): self.world.counters.count(.ackRefused)
        case (.attach(let attach), .attach(let receipt)): self.judged(attach, receipt)
        case (.detach(let detach), .detach(.detached)): self.detached(detach)
        case (.advanceMark(let mark), .advanceMark(let receipt)): self.judged(mark, receipt)
        case (.end(let end), .end(.ended)):
            self.requireVoice(end.client, end.fence, "a BYE")
            self.ended(end.client)
        case (.remove(let remove), .remove(.removed)):
            self.require(self.truth.lives[remove.client] != nil, .noInvention, "\(remove.client) was removed and was not there")
            self.ended(remove.client)
        case (.sendAway(let away), .sendAway(.sentAway)):
            self.truth.sendAway(away.client, code: away.code, for: away.time)
        case (.sendAway(let away), .sendAway(.letIn(let wasAway))):
            self.require(wasAway == (self.truth.away(away.client) != nil), .oneVoice, "\(away.client) was let in, and away: \(wasAway)")
            if wasAway { self.world.counters.count(.letIn) }
            self.truth.sendAway(away.client, code: nil, for: away.time)
        case (.expire, .expire(let receipt)):
            for client in receipt.queues { self.expired(client) }
        case (.heartbeat(let heartbeat), .heartbeat):
            self.truth.signs[heartbeat.node] = Truth.Sign(seen: self.truth.clock, hasStopped: heartbeat.isStopping)
        default: break
        }
    }

    // MARK: Time

    /// The store was given a time, by a commit or a read.
    func noteTime(_ time: Timestamp) {
        self.truth.clock = max(self.truth.clock, time)
        let latest = self.world.trueTime.advanced(by: .milliseconds(self.clock.lead(now: self.world.now)))
        self.require(
            time <= latest,
            .honestGaps,
            "the store was given \(time.milliseconds - min(latest.milliseconds, time.milliseconds)) ms that nobody may believe"
        )
    }

    // MARK: Fences

    /// Only the queue's one voice does anything to it.
    private func requireVoice(_ client: ClientID, _ fence: Fence, _ what: String) {
        self.require(self.truth.isCurrent(fence, of: client), .oneVoice, "\(what) under an old fence of \(client) counted")
    }

    private func detached(_ operation: DetachOperation) {
        let holder = self.truth.lives[operation.client]?.holder
        switch operation.ended {
        case .attachment(let fence): self.requireVoice(operation.client, fence, "a detach")
        case .attempt(let attempt, let instance, let node):
            self.require(
                holder?.instance == instance && holder?.attempt == attempt && holder?.node == node,
                .oneVoice,
                "a detach of another attachment of \(operation.client) counted"
            )
        }
        self.truth.lives[operation.client]?.holder?.isDetached = true
    }

    private func judged(_ operation: AttachOperation, _ receipt: AttachReceipt) {
        let holder = self.truth.lives[operation.client]?.holder
        let isLate = holder.map { $0.instance == operation.instance && operation.attempt <= $0.attempt } ?? false
        let isRival = self.isRival(operation)
        switch receipt {
        case .attached(let attachment):
            let away = self.truth.away(operation.client)
            self.require(away == nil, .oneVoice, "\(operation.client) was attached, and is sent away with \(away?.rawValue ?? 0)")
            self.require(!isLate, .oneVoice, "a late HELLO of \(operation.client) was attached")
            self.require(!isRival, .oneVoice, "a rival of the voice of \(operation.client) was attached without force")
            for client in attachment.evicted { self.evicted(client) }
            self.attached(operation, attachment)
        case .late:
            self.require(isLate, .oneVoice, "a HELLO of \(operation.client) is called late and is not")
            self.world.counters.count(.lateHello)
        case .rival:
            self.require(isRival, .oneVoice, "a HELLO of \(operation.client) is called a rival's and is not")
        case .tooManyClients: self.world.counters.count(.tooManyClients)
        case .tooManyQueues: self.world.counters.count(.tooManyQueues)
        case .tooManyNewQueues: self.world.counters.count(.tooManyNewQueues)
        case .sentAway(let code):
            let away = self.truth.away(operation.client)
            self.require(away == code, .oneVoice, "\(operation.client) is refused with \(code.rawValue), not \(away?.rawValue ?? 0)")
            self.world.counters.count(.refusedAway)
        }
    }

    private func isRival(_ operation: AttachOperation) -> Bool {
        guard !operation.force, let life = self.truth.lives[operation.client], let holder = life.holder, !holder.isDetached,
            !holder.isVoid, holder.instance != operation.instance, self.truth.isAlive(holder.node, lifetime: self.policy.nodeLifetime),
            let held = operation.held, let position = operation.position
        else { return false }
        return position.epoch == life.key.epoch && held < holder.generation
    }

    private func attached(_ operation: AttachOperation, _ attachment: Attachment) {
        let client = operation.client
        let key = Truth.Key(client, attachment.fence.epoch)
        self.judgeResume(operation, attachment, key)
        self.beginNumbering(key, head: attachment.head.rawValue)
        let generation = attachment.fence.generation
        let known = self.truth.numberings[key]?.generation ?? 0
        self.require(generation.rawValue > known, .oneVoice, "\(client) got generation \(generation) after \(known)")
        self.truth.numberings[key]?.generation = generation.rawValue
        self.truth.attachments[key, default: [:]][generation] = attachment.after.rawValue
        self.voices[key] = (generation.rawValue, self.truth.operation, attachment.head.rawValue)
        if let former = self.truth.lives[client]?.holder, !former.isDetached {
            self.world.displaced(former, of: client)
        }
        let keep = max(.milliseconds(1), min(operation.keep ?? self.policy.retention.keep, self.policy.maxKeep))
        self.truth.lives[client]?.keep = keep
        let holder = Truth.Holder(
            key: key,
            generation: generation,
            instance: operation.instance,
            attempt: operation.attempt,
            node: operation.node,
            attached: self.truth.clock
        )
        self.truth.lives[client]?.holder = holder
        let mark = operation.outbox.flatMap { self.truth.lives[client]?.marks[$0] } ?? 0
        self.require(attachment.mark.rawValue <= mark, .uplink, "\(client) is told mark \(attachment.mark), durable is \(mark)")
        self.raiseFloor(key, attachment.floor.rawValue, "a HELLO of \(client)")
        self.world.counters.count(resume: attachment.resume)
    }

    /// Whether the answer is one that the position deserves.
    private func judgeResume(_ operation: AttachOperation, _ attachment: Attachment, _ key: Truth.Key) {
        let client = operation.client
        let after: UInt64
        switch attachment.resume {
        case .new, .reset: after = attachment.floor.rawValue
        case .resumed, .partial: after = operation.position?.handled.rawValue ?? attachment.floor.rawValue
        }
        self.require(attachment.after.rawValue == after, .noSilentLoss, "\(client) goes on after \(attachment.after), not \(after)")
        guard let position = operation.position else { return }
        switch attachment.resume {
        case .new: self.require(false, .honestGaps, "\(client) has a position and is called new")
        case .resumed, .partial:
            self.require(position.epoch == key.epoch, .honestGaps, "\(client) resumes in another epoch than its own")
            self.judgeLine(operation, position, key)
        case .reset(.rollback):
            let isHonest = self.lines.hasBranches && self.isOfAnotherLine(operation, position)
            self.require(isHonest, .honestGaps, "\(client) is told of a rollback that never was")
        case .reset(.unknown):
            self.require(self.truth.lives[client] == nil, .honestGaps, "\(client) is told that its queue was unknown")
        case .reset:
            self.require(position.epoch != key.epoch, .honestGaps, "\(client) is reset to the epoch that it had")
        }
    }

    // MARK: Queues

    /// A numbering is seen. After the store went back it begins with the stored messages of the one before, under their numbers.
    private func beginNumbering(_ key: Truth.Key, head: UInt64) {
        let before = self.truth.lives[key.client]
        guard before?.key != key else { return }
        var life = before ?? Truth.Life(key: key, created: self.truth.clock, keep: self.policy.retention.keep)
        life.key = key
        self.truth.lives[key.client] = life
        self.require(self.truth.numberings[key] == nil, .oneVoice, "\(key.client) has a numbering again that it had before")
        self.truth.numberings[key] = Truth.Numbering()
        guard let before, let old = self.truth.numberings[before.key] else {
            self.require(head == 0, .noInvention, "\(key.client) begins a queue at \(head)")
            if !self.known.insert(key.client).inserted { self.world.counters.count(.createdAgain) }
            return
        }
        self.require(old.head == head, .noSilentLoss, "\(key.client) went on with \(head) of \(old.head) messages after a rollback")
        self.truth.numberings[key]?.messages = old.messages
        self.truth.numberings[key]?.floor = old.floor
        self.truth.numberings[key]?.overflown = old.overflown
        for (index, message) in old.messages.enumerated() {
            if let message { self.versions[key, default: [:]][UInt64(index) + 1, default: []].append(message) }
        }
        // What was handled under the old numbers stays so: only what lies above the floor comes again.
        self.handled[key] = max(self.handled[key] ?? 0, old.floor)
    }

    /// A queue is gone, with its marks.
    private func ended(_ client: ClientID) {
        self.truth.lives[client] = nil
        self.endedQueues.insert(client)
    }

    /// The sweep removed a queue.
    private func expired(_ client: ClientID) {
        guard let life = self.truth.lives[client] else {
            return self.require(false, .noInvention, "\(client) expired and was not there")
        }
        let hasHadMessage = self.truth.numberings[life.key]?.head ?? 0 > 0
        let keep = hasHadMessage ? life.keep : min(life.keep, self.policy.emptyKeep)
        self.require(!self.isHeld(life), .noSilentLoss, "\(client) expired while somebody is attached")
        let since = life.holder?.attached ?? life.created
        self.require(since + keep <= self.truth.clock, .noSilentLoss, "\(client) expired before its time")
        self.ended(client)
        self.world.counters.count(.queueExpired)
    }

    /// A queue gave way at the limit of clients per user.
    private func evicted(_ client: ClientID) {
        guard let life = self.truth.lives[client] else {
            return self.require(false, .noInvention, "\(client) gave way and was not there")
        }
        self.require(!self.isHeld(life), .noSilentLoss, "\(client) gave way while somebody is attached")
        self.ended(client)
        self.world.counters.count(.evicted)
    }

    private func isHeld(_ life: Truth.Life) -> Bool {
        guard let holder = life.holder, !holder.isDetached else { return false }
        return self.truth.isAlive(holder.node, lifetime: self.policy.nodeLifetime)
    }

    func appended(_ append: AppendOperation, _ receipt: AppendReceipt, isReply: Bool) {
        guard !receipt.isRepeat, receipt.refusal == nil else { return }
        let text = append.payload.text.map { String($0.prefix { $0 != "." }) } ?? ""
        self.require(isReply || !text.hasPrefix("r"), .uplink, "the answer \(text) is stored without a mark")
        for delivery in receipt.deliveries {
            guard case .stored(let number, let epoch) = delivery.outcome else { continue }
            let age = min(append.timeToLive ?? self.policy.retention.maxAge, self.policy.retention.maxAge)
            let message = Truth.Message(
                payload: append.payload,
                time: receipt.time,
                expires: receipt.time + max(.milliseconds(1), age),
                line: self.truth.line,
                operation: self.truth.operation
            )
            let key = Truth.Key(delivery.client, epoch)
            self.beginNumbering(key, head: number.rawValue - 1)
            let isNext = self.truth.numberings[key]?.append(message, as: number.rawValue) ?? false
            self.require(isNext, .order, "\(delivery.client) got number \(number), which is not the next")
            if self.versions[key]?[number.rawValue] != nil { self.world.counters.count(.numberUsedAgain) }
            self.versions[key, default: [:]][number.rawValue, default: []].append(message)
            self.copies[delivery.client, default: [:]][text, default: 0] += 1
            if let gone = delivery.discarded { self.overflowed(key, through: gone.last.rawValue) }
            self.requireBounds(key)
        }
    }

    private func overflowed(_ key: Truth.Key, through number: UInt64) {
        self.require(self.policy.retention.onOverflow == .discardOldest, .noSilentLoss, "\(key.client) lost messages instead of refusing")
        let before = self.truth.numberings[key]?.overflown ?? 0
        self.truth.numberings[key]?.overflown = max(before, number)
    }

    /// What is kept, unexpired and not handled, keeps within the bounds.
    private func requireBounds(_ key: Truth.Key) {
        guard let numbering = self.truth.numberings[key] else { return }
        let retention = self.policy.retention
        let first = max(numbering.floor, numbering.overflown)
        guard retention.maxMessages < numbering.head - first || retention.maxBytes < 4_194_304 else { return }
        var (messages, bytes) = (0, 0)
        for message in numbering.messages.dropFirst(Int(first)) {
            guard let message, message.expires > self.truth.clock else { continue }
            messages += 1
            bytes += message.payload.count
        }
        self.require(
            messages <= retention.maxMessages && bytes <= retention.maxBytes,
            .bounded,
            "\(key.client) keeps \(messages) messages and \(bytes) bytes"
        )
    }

    func raiseFloor(_ key: Truth.Key, _ floor: UInt64, _ what: String) {
        guard self.truth.numberings[key, default: Truth.Numbering()].floor < floor else { return }
        self.truth.numberings[key, default: Truth.Numbering()].floor = floor
        let handled = self.handled[key] ?? 0
        self.require(floor <= handled, .safeAcknowledgement, "\(what) moved the floor to \(floor), handled is \(handled)")
    }

    // MARK: Reads

    /// A connection was given a stretch of its queue.
    func read(_ request: ReadRequest, _ receipt: ReadReceipt) {
        guard case .slice(let slice) = receipt else { return self.world.counters.count(.readRefused) }
        self.require(self.truth.isCurrent(request.fence, of: request.client), .oneVoice, "a read under an old fence gave something")
        let numbering = self.truth.numberings[Truth.Key(request.client, request.fence.epoch)]
        self.require(slice.head.rawValue == numbering?.head ?? 0, .noSilentLoss, "a read of \(request.client) tells head \(slice.head)")
        let head = self.voices[Truth.Key(request.client, request.fence.epoch)]?.head ?? 0
        if let first = slice.messages.first, first.sequence.rawValue <= head, slice.head.rawValue > head {
            self.world.counters.count(.replayed)
        }
        for message in slice.messages {
            let stored = numbering?.messages[safe: Int(message.sequence.rawValue) - 1] ?? nil
            let isFresh = stored.map { $0.expires > self.truth.clock } ?? true
            self.require(isFresh, .honestGaps, "\(message.sequence) of \(request.client) is read and has expired")
        }
    }

    // MARK: Back in time

    /// The store is what it was when the copy of the truth was made.
    ///
    /// - Parameter isNoticed: whether the store began a new life, so that every fence is void.
    func rolledBack(to truth: Truth, isNoticed: Bool) {
        let line = self.lines.branch(from: truth.line, at: truth.operation)
        self.abandoned.append(self.truth)
        self.truth = truth
        self.truth.line = line
        if isNoticed { self.truth.voidFences() }
        self.world.counters.count(.rolledBack)
    }

    // MARK: Senders

    /// A send that has its receipt was sent once more under its key.
    ///
    /// - Parameter isChanged: whether with other contents.
    func repeated(_ text: String, _ first: AppendReceipt, _ second: AppendReceipt, isChanged: Bool) {
        // A store that went back may not know it.
        guard !self.lines.hasBranches else { return }
        if isChanged {
            self.require(second.refusal == .conflict, .noDuplicate, "the key of \(text) stands for two contents")
        } else {
            let isSame = second.isRepeat && second.deliveries.map(\.outcome) == first.deliveries.map(\.outcome)
            self.require(isSame, .noDuplicate, "\(text) was sent again and gave another receipt")
        }
    }

    /// A sender was told that its message is durable.
    func accepted(_ operation: AppendOperation, _ receipt: AppendReceipt, text: String) {
        self.progress += 1
        guard receipt.refusal == nil else { return }
        if receipt.isRepeat { self.world.counters.count(.settledByKey) }
        for delivery in receipt.deliveries {
            guard case .stored(let number, let epoch) = delivery.outcome else { continue }
            let stored = self.versions[Truth.Key(delivery.client, epoch)]?[number.rawValue]
            let isStored = stored?.contains { $0.payload == operation.payload } ?? false
            self.require(isStored, .durableFirst, "\(text) has a receipt for number \(number) of \(delivery.client) and is not there")
            let copies = self.copies[delivery.client]?[text] ?? 0
            self.require(
                copies == 1 || self.lines.hasBranches,
                .noDuplicate,
                "\(text) is there \(copies) times for \(delivery.client)"
            )
        }
    }
}

extension Truth {
    /// Every attachment ends without a word, and every numbering has a new name that is not known yet.
    fileprivate mutating func voidFences() {
        for client in self.lives.keys.sorted() { self.lives[client]?.holder?.isVoid = true }
    }
}
