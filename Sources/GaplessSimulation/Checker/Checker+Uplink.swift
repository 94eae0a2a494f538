import GaplessCore

// What clients send, and the handlers that get it.
extension Checker {
    // MARK: Clients

    func enqueued(_ text: String, by process: ClientProcess) {
        self.uplink[text] = Uplink(process: process)
        self.uplinkTexts.append(text)
    }

    func saved(_ process: ClientProcess) {
        for payload in process.saved.outbox.messages {
            if let text = payload.text { self.uplink[text]?.isDurableAtClient = true }
        }
    }

    /// The application of a client was told that a message is handled.
    func confirmed(_ text: String, by process: ClientProcess) {
        let isExcused = self.lines.hasBranches || process.client.hasCopies
        self.require(self.truth.handled.contains(text) || isExcused, .uplink, "\(text) is confirmed and was not handled")
        self.uplink[text]?.isConfirmed = true
        self.progress += 1
    }

    func discarded(_ text: String, by process: ClientProcess) {
        self.uplink[text]?.isDiscarded = true
    }

    func mayRepeat(_ texts: [String], _ process: ClientProcess) {
        for text in texts { self.uplink[text]?.mayRepeat = true }
        self.world.counters.count(.mayRepeat)
    }

    // MARK: Handlers

    /// A handler is given a message.
    func handlerBegan(_ run: HandlerRun, on node: NodeProcess) {
        let delivery = run.delivery
        let text = delivery.payload.text ?? ""
        let key = UplinkKey(delivery)
        let sender = self.uplink[text]?.process.client
        self.require(sender != nil, .uplink, "a handler got \(text), which nobody sent")
        self.require(
            self.handlers.texts[key] == nil || self.handlers.texts[key] == text || sender?.hasCopies == true,
            .uplink,
            "number \(key.number) of \(key.client) was \(self.handlers.texts[key] ?? "") and is \(text)"
        )
        self.handlers.texts[key] = text
        self.requireOrder(delivery, on: node)
        let mark = self.truth.lives[key.client]?.marks[key.outbox] ?? 0
        let isDone = key.number <= mark && self.truth.handled.contains(text)
        if isDone { self.world.counters.count(.handledAgain) }
        // A node that does not know yet that the client is elsewhere may handle what is handled there already.
        let isVoice = self.truth.isCurrent(delivery.fence, of: delivery.client)
        self.require(!isDone || !isVoice, .uplink, "a handler got \(text) again, and its mark is durable")
        if self.uplink[text]?.runs ?? 0 > 0, run.failures == 0 { self.world.counters.count(.handlerAgain) }
        self.uplink[text]?.runs += 1
    }

    /// One at a time and in order.
    private func requireOrder(_ delivery: UplinkDelivery, on node: NodeProcess) {
        let place = HandlerWatch.Place(client: delivery.client, node: node.identity)
        self.handlers.running[place, default: 0] += 1
        self.require(self.handlers.running[place] == 1, .uplink, "two handlers of \(delivery.client) run at once on \(node.name)")
        if let last = self.handlers.last[place], last.fence == delivery.fence, last.outbox == delivery.outbox {
            self.require(
                delivery.number == last.number || delivery.number == last.number.next,
                .uplink,
                "a handler of \(delivery.client) got \(delivery.number) after \(last.number)"
            )
        }
        self.handlers.last[place] = delivery
    }

    /// A handler ended.
    ///
    /// - Parameter sends: what it sent; nil when it threw.
    func handlerEnded(_ run: HandlerRun, sends: [AppendOperation]?, wasCancelled: Bool, on node: NodeProcess) {
        self.handlers.running[HandlerWatch.Place(client: run.delivery.client, node: node.identity)] = 0
        if let sends { self.handlers.results[UplinkKey(run.delivery), default: []].append(sends) }
        if wasCancelled { self.world.counters.count(.handlerOutlived) }
    }

    func decided(_ decision: HandlerDecision, about run: HandlerRun) {
        switch decision {
        case .skip:
            self.handlers.results[UplinkKey(run.delivery), default: []].append([])
            self.world.counters.count(.skipped)
        case .close: self.world.counters.count(.gaveUp)
        case .retry: self.world.counters.count(.retried)
        }
    }

    // MARK: Marks

    /// The store judged a mark.
    func judged(_ operation: MarkOperation, _ receipt: MarkReceipt) {
        switch receipt {
        case .advanced(let sends): self.marked(operation, sends)
        case .sendRefused: self.world.counters.count(.replyRefused)
        case .refused: self.world.counters.count(.markRefused)
        case .repeated, .notNext: break
        }
    }

    private func marked(_ operation: MarkOperation, _ sends: [AppendReceipt]) {
        let key = UplinkKey(operation)
        let name = "mark \(key.number) of \(key.client)"
        self.require(self.truth.isCurrent(operation.fence, of: operation.client), .oneVoice, "\(name) under an old fence counted")
        self.require(
            self.handlers.results[key]?.contains(operation.sends) == true,
            .uplink,
            "\(name) is durable, and no handler returned that sent this"
        )
        let marks = self.truth.lives[operation.client]?.marks ?? [:]
        let before = marks[operation.outbox] ?? 0
        // An outbox that was not used for long is forgotten, and begins again.
        let isForgotten = key.number == 1 && marks.count > Limits.maxOutboxes
        self.require(key.number == before + 1 || isForgotten, .uplink, "\(name) came after \(before)")
        self.truth.lives[operation.client]?.marks[operation.outbox] = key.number
        let highest = self.truth.marks[operation.client]?[operation.outbox] ?? 0
        self.truth.marks[operation.client, default: [:]][operation.outbox] = max(highest, key.number)
        if let text = self.handlers.texts[key] {
            self.truth.handled.insert(text)
            self.truth.replies[text, default: 0] += sends.count
        }
        for (append, receipt) in zip(operation.sends, sends) { self.appended(append, receipt, isReply: true) }
    }
}
