extension NodeLogic {
    /// A transaction is durable: tells each connection of this node what it means to it. [R4.3-1]
    ///
    /// - Parameter operations: the operations of the transaction with their receipts, in their order; transactions in theirs.
    package mutating func committed(_ operations: [CommittedOperation], now: Instant, into output: inout NodeOutput) {
        self.health.committed()
        self.storeAnswered(now: now, into: &output)
        let discards = Discards(operations)
        for operation in operations {
            self.noteRoom(operation.receipt, now: now)
            self.committed(operation, discards, now: now, into: &output)
        }
    }

    /// Notes whether the store had room.
    private mutating func noteRoom(_ receipt: StoreReceipt, now: Instant) {
        switch receipt.hadRoom {
        case true?: self.health.tookMessage()
        case false?: self.health.refusedForRoom(now: now)
        case nil: break
        }
    }

    /// A transaction failed, or nobody knows whether it did: tells who waits for it.
    ///
    /// What it may have done all the same has no receipt, and no signal tells a node of its own commits; so when the store answers again,
    /// the connections that it may concern look for themselves.
    ///
    /// - Parameter operations: those that the transaction consisted of.
    package mutating func commitFailed(
        _ operations: [SubmittedOperation],
        _ failure: CommitFailure,
        now: Instant,
        into output: inout NodeOutput
    ) {
        self.storeFailed(failure, now: now, into: &output)
        for submitted in operations {
            self.doubts.note(submitted.operation)
            switch submitted.operation {
            case .attach(let attach):
                self.attachFailed(attach, submitted.connection, failure, into: &output)
            case .acknowledge(let acknowledge):
                self.tell(acknowledge.client, under: acknowledge.fence, .storeFailed(.acknowledge(acknowledge)), into: &output)
            case .end(let end):
                self.tell(end.client, under: end.fence, .storeFailed(.end), into: &output)
            case .detach(let detach):
                self.detachFailed(detach, now: now)
            case .advanceMark(let mark):
                self.changeLanes(now: now, into: &output) { lanes, wishes in lanes.commitFailed(mark, now: now, into: &wishes) }
            case .expire:
                self.sweepEnded(hasMore: false, now: now)
            case .heartbeat:
                self.heartbeatEnded(nil, now: now, into: &output)
            case .append, .appendSequence, .remove, .order, .sendAway:
                break  // Their callers wait elsewhere.
            }
        }
    }

    private mutating func committed(
        _ committed: CommittedOperation,
        _ discards: Discards,
        now: Instant,
        into output: inout NodeOutput
    ) {
        switch (committed.operation, committed.receipt) {
        case (.append(let append), .append(let receipt)):
            self.appended(append, receipt, discards, into: &output)
        case (.appendSequence(let sequence), .appendSequence(let receipt)):
            guard !receipt.isRepeat else { return }
            for (append, stored) in zip(sequence.appends, receipt.stored) {
                self.appended(append, stored, discards, into: &output)
            }
        case (.acknowledge(let acknowledge), .acknowledge(let receipt)):
            self.tell(acknowledge.client, under: acknowledge.fence, .acknowledged(acknowledge, receipt), into: &output)
        case (.attach(let attach), .attach(let receipt)):
            self.attached(attach, receipt, committed.connection, now: now, into: &output)
        case (.detach(let detach), .detach(let receipt)):
            if case .detached = receipt { self.detached(detach, into: &output) }
        case (.advanceMark(let mark), .advanceMark(let receipt)):
            self.marked(mark, receipt, discards, now: now, into: &output)
        case (.end(let end), .end(let receipt)):
            self.tell(end.client, under: end.fence, .ended(receipt), into: &output)
            if case .ended = receipt { self.queueEnded(end.client, .ended, now: now, into: &output) }
        case (.remove(let remove), .remove(let receipt)):
            guard case .removed(_, let code) = receipt else { return }
            if let voice = self.directory.voice(of: remove.client) { output.tell(voice.address, .removed(code)) }
            self.queueEnded(remove.client, .removed, now: now, into: &output)
        case (.expire, .expire(let receipt)):
            self.expired(receipt, now: now, into: &output)
        case (.order, .order):
            break  // Its caller waits elsewhere, and who it is for hears of it with its own heartbeat.
        case (.sendAway(let away), .sendAway(let receipt)):
            if case .sentAway(let holder?, let code) = receipt {
                self.tell(away.client, under: holder.fence, .close(SessionEnding(sentAway: code)), into: &output)
            }
        case (.heartbeat, .heartbeat(let receipt)):
            self.heartbeatEnded(receipt, now: now, into: &output)
        case (.append, _), (.appendSequence, _), (.acknowledge, _), (.attach, _), (.detach, _), (.advanceMark, _), (.end, _), (.remove, _),
            (.expire, _), (.heartbeat, _), (.order, _), (.sendAway, _):
            preconditionFailure("a receipt of another kind than its operation")
        }
    }

    // MARK: Messages

    /// Hands each fresh message to the connection that holds its queue, if that is here. [R5.3-8]
    private func appended(_ append: AppendOperation, _ receipt: AppendReceipt, _ discards: Discards, into output: inout NodeOutput) {
        guard !receipt.isRepeat, receipt.refusal == nil else { return }
        for delivery in receipt.deliveries {
            guard case .stored(let sequence, let epoch) = delivery.outcome else { continue }
            if let range = delivery.discarded {
                output.effects.append(.observe(.overflow(client: delivery.client, range)))
            }
            guard let voice = self.directory.voice(of: delivery.client) else { continue }
            #if MUTANTS
            if Mutant.handedToDisplaced.isPlanted {
                let message = StoredMessage(sequence: sequence, time: receipt.time, payload: append.payload)
                let gone = discards.through(delivery.client)
                output.tell(voice.address, .committed(CommittedMessage(message: message, fence: voice.fence, discardedThrough: gone)))
                continue
            }
            #endif
            guard let holder = delivery.holder, holder.fence == voice.fence, epoch == voice.fence.epoch else {
                output.tell(voice.address, .look)
                continue
            }
            let gone = discards.through(delivery.client)
            if let gone, gone >= sequence {
                output.tell(voice.address, .news)  // It gave way in the commit that brought it.
                continue
            }
            let message = StoredMessage(sequence: sequence, time: receipt.time, payload: append.payload)
            output.tell(voice.address, .committed(CommittedMessage(message: message, fence: holder.fence, discardedThrough: gone)))
        }
    }

    private mutating func expired(_ receipt: ExpireReceipt, now: Instant, into output: inout NodeOutput) {
        for news in receipt.news {
            self.tell(news.client, under: news.holder.fence, .news, into: &output)  // [R6.2-6]
        }
        for client in receipt.queues {
            self.queueEnded(client, .expired, now: now, into: &output)
        }
        if receipt.messages > 0 || !receipt.queues.isEmpty {
            output.effects.append(.observe(.swept(messages: receipt.messages, queues: receipt.queues.count)))
        }
        self.sweepEnded(hasMore: receipt.hasMore, now: now)
    }

    // MARK: Attachments

    private mutating func attached(
        _ operation: AttachOperation,
        _ receipt: AttachReceipt,
        _ address: ConnectionAddress?,
        now: Instant,
        into output: inout NodeOutput
    ) {
        guard let address else { preconditionFailure("an attach without a connection") }
        self.creations.settle(address.id, isCreated: receipt.isCreated)
        let signalled = self.attaches.ended(operation.client)
        output.tell(address, .attached(receipt))
        guard case .attached(let attachment) = receipt else { return }
        let voice = ConnectionDirectory.Voice(
            address: address,
            client: operation.client,
            fence: attachment.fence,
            instance: operation.instance,
            attempt: operation.attempt,
            since: now
        )
        if let former = self.directory.attach(voice) {
            let isSameEpoch = former.fence.epoch == voice.fence.epoch
            let refusal: FenceRefusal =
                isSameEpoch ? .newer(voice.fence.generation, instance: voice.instance) : .otherEpoch(voice.fence.epoch)
            output.tell(former.address, .displaced(refusal))  // [R5.3-5]
        }
        self.changeLanes(now: now, into: &output) { lanes, wishes in
            lanes.attached(operation.client, under: attachment.fence, outbox: operation.outbox, mark: attachment.mark, into: &wishes)
        }
        for client in attachment.evicted {
            self.queueEnded(client, .evicted, now: now, into: &output)
        }
        switch signalled {
        case .sentAway(let code, let fence) where fence == FenceDigest(attachment.fence):
            output.tell(address, .close(SessionEnding(sentAway: code)))  // [R5.1-7]
        case .news, .displaced, .removed, .sentAway: output.tell(address, .look)
        case nil: break
        }
        if let notice = self.joinDrain(address, now: now) { output.tell(address, notice) }
        self.hurryPolls(now: now)
    }

    /// An attach failed: its connection ends. When it may have been committed all the same, the queue would be held by a ghost for as long as
    /// this node lives; so it is taken back.
    private mutating func attachFailed(
        _ operation: AttachOperation,
        _ address: ConnectionAddress?,
        _ failure: CommitFailure,
        into output: inout NodeOutput
    ) {
        guard let address else { preconditionFailure("an attach without a connection") }
        self.creations.settle(address.id, isCreated: failure == .unknown)
        _ = self.attaches.ended(operation.client)
        output.tell(address, .storeFailed(.attach))
        if failure == .unknown {
            output.effects.append(.commit(.detach(DetachOperation(doubting: operation))))
        }
    }

    private func detached(_ operation: DetachOperation, into output: inout NodeOutput) {
        switch operation.ended {
        case .attachment(let fence):
            output.effects.append(.observe(.detached(client: operation.client, fence: fence)))
        case .attempt(let attempt, let instance, _):
            // An attach in doubt was taken back by its name, and a double of the instance has the same: its attachment may be the one that went.
            guard let voice = self.directory.voice(of: operation.client), voice.instance == instance, voice.attempt == attempt else {
                return
            }
            output.tell(voice.address, .close(SessionEnding(.storeUnavailable, "An attach of this instance is in doubt.")))
        }
    }

    private mutating func queueEnded(
        _ client: ClientID,
        _ reason: NodeObservation.RemovalReason,
        now: Instant,
        into output: inout NodeOutput
    ) {
        output.effects.append(.observe(.removed(client: client, reason)))
        self.directory.endUplink(of: client)
        self.changeLanes(now: now, into: &output) { lanes, wishes in lanes.displaced(client, into: &wishes) }
    }

    func tell(_ client: ClientID, under fence: Fence, _ notice: SessionNotice, into output: inout NodeOutput) {
        if let voice = self.directory.voice(of: client, under: fence) { output.tell(voice.address, notice) }
    }
}

extension NodeLogic {
    // MARK: Handlers

    /// A session received an uplink message for its handler. One of a connection that is not the client's voice any more is dropped: its
    /// mark could not be committed, and the client sends it again. [R5.3-6] So is what comes behind one that was dropped. [R7.2-1]
    package mutating func deliver(_ delivery: UplinkDelivery, now: Instant, into output: inout NodeOutput) {
        guard let voice = self.directory.voice(of: delivery.client, under: delivery.fence), voice.takesUplink else { return }
        switch self.budget.receive(bytes: delivery.payload.count, from: voice.address.id, held: self.lanes.bytes) {
        case .taken:
            self.changeLanes(now: now, into: &output) { lanes, wishes in lanes.deliver(delivery, into: &wishes) }
        case .refused:
            let (retryAfter, jitter) = (self.configuration.retryAfter, self.configuration.retryJitter)
            let message = "This node holds as many messages of clients as it can."
            output.tell(voice.address, .close(SessionEnding(.overloaded, message, retryAfter: retryAfter, jitter: jitter)))  // [R7.3-3]
        case .dropped:
            break
        }
    }

    /// A session found that it is displaced; its handlers may be cancelled. [R7.2-8]
    package mutating func displaced(_ client: ClientID, from fence: Fence, now: Instant, into output: inout NodeOutput) {
        guard self.directory.voice(of: client, under: fence) != nil else { return }
        self.directory.endUplink(of: client, under: fence)
        self.changeLanes(now: now, into: &output) { lanes, wishes in lanes.displaced(client, into: &wishes) }
    }

    /// A handler returned, with what it sent.
    package mutating func handlerReturned(_ run: HandlerRun.ID, sends: [AppendOperation], now: Instant, into output: inout NodeOutput) {
        self.changeLanes(now: now, into: &output) { lanes, wishes in lanes.returned(run, sends: sends, into: &wishes) }
    }

    /// A handler threw.
    package mutating func handlerThrew(_ run: HandlerRun.ID, now: Instant, into output: inout NodeOutput) {
        self.changeLanes(now: now, into: &output) { lanes, wishes in lanes.threw(run, now: now, into: &wishes) }
    }

    /// The service decided about a message whose handler failed again and again.
    package mutating func decided(_ run: HandlerRun.ID, _ decision: HandlerDecision, now: Instant, into output: inout NodeOutput) {
        self.changeLanes(now: now, into: &output) { lanes, wishes in lanes.decided(run, decision, now: now, into: &wishes) }
    }

    private mutating func marked(
        _ operation: MarkOperation,
        _ receipt: MarkReceipt,
        _ discards: Discards,
        now: Instant,
        into output: inout NodeOutput
    ) {
        if case .advanced(let sends) = receipt {
            for (append, sent) in zip(operation.sends, sends) { self.appended(append, sent, discards, into: &output) }
        }
        self.changeLanes(now: now, into: &output) { lanes, wishes in
            lanes.committed(operation, receipt, now: now, into: &wishes)
        }
    }

    /// Changes lanes, and does what they wish.
    mutating func changeLanes(now: Instant, into output: inout NodeOutput, _ change: (inout UplinkLanes, inout [UplinkLanes.Wish]) -> Void)
    {
        var wishes: [UplinkLanes.Wish] = []
        change(&self.lanes, &wishes)
        for wish in wishes {
            switch wish.action {
            case .run(let run): output.effects.append(.run(run))
            case .cancel(let id): output.effects.append(.cancel(id))
            case .decide(let run): output.effects.append(.decide(run))
            case .commit(let operation): output.effects.append(.commit(.advanceMark(operation)))
            case .handled(let fence, let number): self.tell(wish.client, under: fence, .handled(through: number), into: &output)
            case .gaveUp(let fence):
                self.directory.endUplink(of: wish.client, under: fence)
                self.tell(wish.client, under: fence, .gaveUp, into: &output)
            case .displaced(let fence, let refusal):
                self.directory.endUplink(of: wish.client, under: fence)
                self.tell(wish.client, under: fence, .displaced(refusal), into: &output)
            }
        }
        self.tellDrained(into: &output)
    }
}

/// What gave way in one commit, by client.
private struct Discards {
    private var highest: [ClientID: SequenceNumber] = [:]

    init(_ operations: [CommittedOperation]) {
        for operation in operations {
            switch operation.receipt {
            case .append(let receipt): self.add(receipt)
            case .appendSequence(let receipt): receipt.stored.forEach { self.add($0) }
            case .advanceMark(.advanced(let sends)): sends.forEach { self.add($0) }
            case .acknowledge, .attach, .detach, .advanceMark, .end, .remove, .expire, .heartbeat, .order, .sendAway: break
            }
        }
    }

    private mutating func add(_ receipt: AppendReceipt) {
        guard !receipt.isRepeat else { return }
        for delivery in receipt.deliveries {
            guard let last = delivery.discarded?.last else { continue }
            self.highest[delivery.client] = max(self.highest[delivery.client] ?? .zero, last)
        }
    }

    /// The highest number of the client that is gone; nil when none gave way.
    func through(_ client: ClientID) -> SequenceNumber? {
        self.highest.isEmpty ? nil : self.highest[client]
    }
}
