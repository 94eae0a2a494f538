import GaplessCore

// What applications are handed and what they handle.
extension Checker {
    /// A process of a client starts.
    ///
    /// - Parameter isSuccessor: whether it has what its predecessor saved last.
    func began(_ process: ClientProcess, isSuccessor: Bool) {
        var listener = Listener()
        if let position = process.record.progress.position {
            listener.epoch = position.epoch
            listener.last = position.handled.rawValue
            listener.isSuccessor = isSuccessor
        }
        self.listeners[process.number] = listener
        // What was handled and not acknowledged when everything was lost comes again, to this process or to one after it.
        if !isSuccessor { self.handledMessages[process.clientID] = nil }
    }

    func welcomed(_ welcome: Welcome, _ link: SimulatedLink) {
        let process = link.client
        // What the store knows nothing of contradicts nothing. [R5.2-14]
        if let hello = link.hello, self.forgotten.contains(HelloName(hello.instance, hello.attempt)) {
            self.listeners[process.number]?.version = nil
        }
        guard self.listeners[process.number]?.epoch != welcome.epoch else { return }
        self.listeners[process.number]?.next = (welcome.epoch, welcome.after.rawValue)
    }

    /// The application was told that the numbering is new.
    func reset(_ reason: ResetReason, _ process: ClientProcess) {
        guard var listener = self.listeners[process.number] else { return }
        listener.former = listener.epoch ?? listener.former
        listener.epoch = nil
        listener.version = nil
        self.listeners[process.number] = listener
    }

    /// The application ended the session itself; whatever comes is new, and it knows.
    func ended(_ process: ClientProcess) {
        self.listeners[process.number] = Listener()
    }

    /// What comes next: the numbering, and whether its start follows the end of the last event. Gives the message before it.
    private func advance(_ reference: EventReference, from first: UInt64, to process: ClientProcess) -> Truth.Message? {
        var listener = self.listeners[process.number] ?? Listener()
        if listener.epoch != reference.epoch {
            self.require(listener.epoch == nil, .honestGaps, "\(process.name) went to another epoch without a reset")
            // A store that went back may have an old numbering again.
            let isNew = listener.former != reference.epoch || self.lines.hasBranches
            self.require(isNew, .honestGaps, "\(process.name) was told of a reset and had that epoch")
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
        listener.last = reference.through.rawValue
        listener.version = nil
        self.listeners[process.number] = listener
        self.progress += 1
        return version
    }

    func handed(_ message: StoredMessage, _ reference: EventReference, to process: ClientProcess) {
        let number = message.sequence.rawValue
        let before = self.advance(reference, from: number, to: process)
        let key = Truth.Key(process.clientID, reference.epoch)
        let version = self.versions[key]?[number]?.last { $0.payload == message.payload && $0.time == message.time }
        self.require(version != nil, .noInvention, "\(process.name) got \(number), which nobody appended there")
        if let before, let version {
            let isOneLine =
                self.lines.isVisible(before.operation, of: before.line, on: version.line)
                || self.lines.isVisible(version.operation, of: version.line, on: before.line)
            self.require(isOneLine, .noSilentLoss, "\(process.name) got \(number) of another time line than what came before")
        }
        self.listeners[process.number]?.version = version
        if self.handledMessages[key.client]?[key.epoch]?.contains(number) == true { self.repeated(number, to: process) }
    }

    /// A message that another process of the client handled comes again: at most a window of them, when the saved state was kept.
    private func repeated(_ number: UInt64, to process: ClientProcess) {
        self.world.counters.count(.handedAgain)
        guard self.listeners[process.number]?.isSuccessor == true else { return }
        self.listeners[process.number]?.repeats += 1
        let isExcused = process.client.hasCopies || self.lines.hasBranches
        self.require(
            self.listeners[process.number]?.repeats ?? 0 <= self.world.options.downlinkWindow.messages || isExcused,
            .noDuplicate,
            "\(process.name) got \(number) again, and more than a window with it"
        )
    }

    func handed(_ gap: Gap, _ reference: EventReference, to process: ClientProcess) {
        let (first, last) = (gap.range.first.rawValue, gap.range.last.rawValue)
        _ = self.advance(reference, from: first, to: process)
        self.world.counters.count(gap: gap.reason)
        let key = Truth.Key(process.clientID, reference.epoch)
        guard self.truth.numberings[key] != nil else { return }
        for number in first...last {
            guard let lie = self.lie(number, gap.reason, key, in: self.truth) else { continue }
            // It may have been said on a time line that is no more.
            let wasTrue = self.abandoned.contains {
                number <= $0.numberings[key]?.head ?? 0 && self.lie(number, gap.reason, key, in: $0) == nil
            }
            self.require(wasTrue, .honestGaps, "\(process.name): \(number) \(lie)")
        }
    }

    /// What is wrong with calling a number gone for the reason; nil when it is true.
    private func lie(_ number: UInt64, _ reason: GapReason, _ key: Truth.Key, in truth: Truth) -> String? {
        let retention = self.policy.retention
        let messages = truth.numberings[key]?.messages ?? []
        let message = messages[safe: Int(number) - 1] ?? nil
        switch reason {
        case .expired:
            return message.map { $0.expires <= truth.clock } ?? true ? nil : "is called expired and is not"
        case .overflow:
            let newer = messages.dropFirst(Int(number) - 1)
            let bytes = newer.reduce(0) { $0 + ($1?.payload.count ?? 0) }
            let isFull = newer.count > retention.maxMessages || bytes > retention.maxBytes
            return isFull ? nil : "is called overflown and is not: \(newer.count) messages, \(bytes) bytes"
        case .acknowledged:
            return number <= self.handled[key] ?? 0 ? nil : "is called acknowledged and nobody handled it"
        default:
            return "is called gone for \(reason)"
        }
    }

    /// The application is done with everything through a number.
    ///
    /// - Parameter isMessage: whether the last of it is a message, and not a gap.
    func handled(_ reference: EventReference, isMessage: Bool, by process: ClientProcess) {
        let key = Truth.Key(process.clientID, reference.epoch)
        self.handled[key] = max(self.handled[key] ?? 0, reference.through.rawValue)
        // What a double handled is no business of the process that goes on from the state.
        if isMessage, !process.isTwin {
            self.handledMessages[key.client, default: [:]][key.epoch, default: []].insert(reference.through.rawValue)
        }
        if self.listeners[process.number]?.epoch != reference.epoch { self.world.counters.count(.handledAfterReset) }
        self.progress += 1
    }
}
