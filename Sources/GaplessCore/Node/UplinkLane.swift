import DequeModule

/// The uplink of one client on one node: its handlers run one at a time, in order, and outlive connections (Protocol.md §7.2).
///
/// A lane takes messages from whichever connection is the client's voice. When that connection is lost, the lane goes on: the fence stays
/// valid until the next attach. When the same outbox attaches here again, the message being handled is taken over into the new
/// fence, so that a lost socket does not repeat it; what only waits is dropped, since the client sends it again. When the client is
/// displaced by others, the handler is cancelled and its result, if it has one, is dropped.
package struct UplinkLane: Hashable, Sendable {
    /// What a lane wants done.
    package enum Action: Hashable, Sendable {
        case run(HandlerRun)
        case cancel(HandlerRun.ID)
        case decide(HandlerRun)
        case commit(MarkOperation)
        /// The connection with this fence acknowledges through the number.
        case handled(Fence, through: SequenceNumber)
        /// The connection with this fence closes with 4103.
        case gaveUp(Fence)
        /// The connection with this fence is displaced.
        case displaced(Fence, FenceRefusal)
    }

    /// The message being handled, and how often its handler failed.
    private struct Current: Hashable, Sendable {
        var delivery: UplinkDelivery
        var failures = 0
        /// Whether it came by an older connection than the one that acknowledges it.
        var isTakenOver = false

        mutating func takeOver(by fence: Fence) {
            self.delivery.fence = fence
            self.isTakenOver = true
        }
    }

    /// A message that was taken over from an older connection and is handled.
    package struct Settled: Hashable, Sendable {
        package let outbox: OutboxID
        package let number: SequenceNumber
    }

    private enum State: Hashable, Sendable {
        /// Nothing is being handled. Next: running, held.
        case idle
        /// The handler waits until the node has room for what it may send. Next: running, idle.
        case held(Current)
        /// The handler runs. Next: committing, held, waiting, deciding, idle.
        case running(Current)
        /// The handler runs for nobody: it was cancelled, and what it returns is dropped. Next: idle.
        case cancelled
        /// The handler failed and is tried again. Next: running, held, idle.
        case waiting(Current, until: Instant)
        /// The service is asked what becomes of the message. Next: committing, waiting, idle.
        case deciding(Current)
        /// The service is asked about a message that is nobody's any more. Next: idle.
        case decidingForNobody
        /// The mark was submitted under the fence, with what the handler sent. Next: waiting, committingAgain, committingForNobody, idle.
        case committing(Current, sends: [AppendOperation], under: Fence)
        /// The mark of a message that is nobody's any more was submitted. Next: idle.
        case committingForNobody
        /// The store failed; the mark is submitted again. Next: committing, idle.
        case committingAgain(Current, sends: [AppendOperation], at: Instant)
    }

    /// The client.
    package let client: ClientID
    private let policy: HandlerPolicy
    private var state = State.idle
    private var queue = Deque<UplinkDelivery>()
    /// Whether a connection of this node is the client's voice.
    private var hasVoice = true
    /// Whether handlers may begin: false while the node holds as much as it may of what others sent.
    package var mayRun = true
    /// Set when a message that was taken over is handled: its client may send it once more before its connection hears of that.
    package private(set) var settled: Settled?
    /// The number of the newest run.
    package private(set) var runs: UInt64

    /// An idle lane.
    ///
    /// - Parameter runs: the number of the last run of this client, so that no name of a run is used twice.
    package init(client: ClientID, policy: HandlerPolicy, runs: UInt64 = 0) {
        self.client = client
        self.policy = policy
        self.runs = runs
    }

    /// Whether the lane can be forgotten.
    package var isIdle: Bool { self.state == .idle && self.queue.isEmpty }

    /// Payload bytes of messages that the lane holds.
    package var bytes: Int {
        self.queue.reduce(self.current?.delivery.payload.count ?? 0) { $0 + $1.payload.count }
    }

    /// Bytes of what a handler sent and the store has not taken yet.
    package var sentBytes: Int {
        switch self.state {
        case .committing(_, let sends, under: _), .committingAgain(_, let sends, at: _): sends.reduce(0) { $0 + $1.heldBytes }
        case .idle, .held, .running, .cancelled, .waiting, .deciding, .decidingForNobody, .committingForNobody: 0
        }
    }

    /// Whether a handler waits for room.
    package var isHeld: Bool { if case .held = self.state { true } else { false } }

    /// When to call `timerFired`; nil when nothing is waited for.
    package var nextDeadline: Instant? {
        switch self.state {
        case .waiting(_, until: let moment), .committingAgain(_, sends: _, at: let moment): moment
        case .idle, .held, .running, .cancelled, .deciding, .decidingForNobody, .committing, .committingForNobody: nil
        }
    }

    // MARK: Messages and fences

    /// A connection, the client's voice, received the next message.
    package mutating func deliver(_ delivery: UplinkDelivery, into actions: inout [Action]) {
        #if MUTANTS
        if Mutant.handledForEachConnection.isPlanted {
            self.queue.append(delivery)
            return self.runNext(into: &actions)
        }
        #endif
        self.hasVoice = true
        if let current = self.current?.delivery, current.outbox == delivery.outbox, current.number == delivery.number {
            return  // Taken over from the connection before.
        }
        self.queue.append(delivery)
        self.runNext(into: &actions)
    }

    /// A connection of this node became the client's voice.
    ///
    /// - Parameter mark: of the outbox. When the client was elsewhere meanwhile, the message that is handled here may be handled there; only
    ///   the next one is taken over. [R7.2-2]
    package mutating func attached(under fence: Fence, outbox: OutboxID?, mark: SequenceNumber, into actions: inout [Action]) {
        self.settled = nil
        self.hasVoice = true
        self.queue.removeAll()
        if let current = self.current?.delivery, current.outbox == outbox, current.number == mark.next {
            self.adopt(fence)
        } else {
            self.forsake(into: &actions)
        }
    }

    /// The client's voice is elsewhere, or its queue is gone.
    package mutating func displaced(into actions: inout [Action]) {
        self.settled = nil
        self.queue.removeAll()
        self.forsake(into: &actions)
    }

    /// The client's voice is gone from this node; whoever comes back is told the mark in its `WELCOME`.
    ///
    /// A message that the service wants tried for as long as it takes is given up: the client brings it again, perhaps to another node, and
    /// nothing would end the attempts here.
    package mutating func left() {
        self.settled = nil
        self.hasVoice = false
        self.change { $0.isTakenOver = false }
        switch self.state {
        case .waiting(let current, _), .held(let current):
            guard current.failures >= self.policy.maxAttempts else { return }
            self.state = .idle
            self.queue.removeAll()
        case .idle, .running, .cancelled, .deciding, .decidingForNobody, .committing, .committingForNobody, .committingAgain:
            break
        }
    }

    // MARK: Handlers

    /// A handler returned, with what it sent.
    package mutating func returned(sends: [AppendOperation], into actions: inout [Action]) {
        switch self.state {
        case .running(let current) where !self.mayRun && !sends.isEmpty:
            self.state = .held(current)  // There is no room for what it sent; it runs again when there is.
        case .running(let current):
            self.commit(current, sends: sends, into: &actions)
        case .cancelled:
            self.state = .idle
            self.runNext(into: &actions)
        case .idle, .held, .waiting, .deciding, .decidingForNobody, .committing, .committingForNobody, .committingAgain:
            preconditionFailure("a handler returned that does not run")
        }
    }

    /// A handler threw.
    package mutating func threw(now: Instant, into actions: inout [Action]) {
        switch self.state {
        case .running(let current):
            self.failed(current, now: now, into: &actions)
        case .cancelled:
            self.state = .idle
            self.runNext(into: &actions)
        case .idle, .held, .waiting, .deciding, .decidingForNobody, .committing, .committingForNobody, .committingAgain:
            preconditionFailure("a handler threw that does not run")
        }
    }

    /// The service decided about a message whose handler failed again and again.
    package mutating func decided(_ decision: HandlerDecision, now: Instant, into actions: inout [Action]) {
        switch (self.state, decision) {
        case (.deciding(let current), .skip):
            self.commit(current, sends: [], into: &actions)
        case (.deciding(let current), .retry) where self.hasVoice:
            self.state = .waiting(current, until: now + self.policy.wait(after: current.failures))
        case (.deciding(let current), .retry), (.deciding(let current), .close):
            self.giveUp(current.delivery.fence, into: &actions)
        case (.decidingForNobody, _):
            self.state = .idle
            self.runNext(into: &actions)
        case (.idle, _), (.held, _), (.running, _), (.cancelled, _), (.waiting, _), (.committing, _), (.committingForNobody, _),
            (.committingAgain, _):
            preconditionFailure("a decision that was not asked for")
        }
    }

    // MARK: The store

    /// A mark was judged.
    package mutating func committed(_ receipt: MarkReceipt, now: Instant, into actions: inout [Action]) {
        guard self.state != .committingForNobody else { return self.settleForNobody(into: &actions) }
        guard case .committing(let current, let sends, let fence) = self.state else {
            preconditionFailure("an answer to a mark that was not submitted")
        }
        let number = current.delivery.number
        switch receipt {
        case .advanced, .repeated:
            self.finish(current, into: &actions)
        case .notNext(let mark) where mark > number:
            self.finish(current, into: &actions)  // Another connection got further.
        case .notNext:
            self.giveUp(current.delivery.fence, into: &actions)  // The store forgot what was handled before.
        case .sendRefused(_, let receipt):
            self.failed(current, refused: receipt, now: now, into: &actions)
        case .refused where fence != current.delivery.fence:
            self.commit(current, sends: sends, into: &actions)  // Taken over while the store worked.
        case .refused(let refusal):
            self.state = .idle
            self.queue.removeAll()
            actions.append(.displaced(fence, refusal))
        }
    }

    /// The store did not do it, or nobody knows; doing it again settles it.
    package mutating func commitFailed(now: Instant, into actions: inout [Action]) {
        guard self.state != .committingForNobody else { return self.settleForNobody(into: &actions) }
        guard case .committing(let current, let sends, _) = self.state else {
            preconditionFailure("an answer to a mark that was not submitted")
        }
        self.state = .committingAgain(current, sends: sends, at: now + self.policy.commitRetry)
        #if MUTANTS
        if Mutant.retryLosesReplies.isPlanted {
            self.state = .committingAgain(current, sends: [], at: now + self.policy.commitRetry)
        }
        #endif
    }

    /// The deadline passed.
    package mutating func timerFired(now: Instant, into actions: inout [Action]) {
        switch self.state {
        case .waiting(let current, let moment) where now >= moment:
            self.run(current, into: &actions)
        case .committingAgain(let current, let sends, let moment) where now >= moment:
            self.commit(current, sends: sends, into: &actions)
        case .idle, .held, .running, .cancelled, .waiting, .deciding, .decidingForNobody, .committing, .committingForNobody,
            .committingAgain:
            break
        }
    }

    /// The node has room again: a handler that waits for that begins.
    package mutating func roomCame(into actions: inout [Action]) {
        guard case .held(let current) = self.state else { return }
        self.run(current, into: &actions)
    }

    // MARK: Private

    private var current: Current? {
        switch self.state {
        case .held(let current), .running(let current), .waiting(let current, _), .deciding(let current),
            .committing(let current, _, _), .committingAgain(let current, _, _):
            current
        case .idle, .cancelled, .decidingForNobody, .committingForNobody: nil
        }
    }

    private mutating func adopt(_ fence: Fence) {
        self.change { $0.takeOver(by: fence) }
    }

    /// Changes the message being handled, if there is one that is somebody's.
    private mutating func change(_ body: (inout Current) -> Void) {
        guard var current = self.current else { return }
        body(&current)
        switch self.state {
        case .held: self.state = .held(current)
        case .running: self.state = .running(current)
        case .waiting(_, until: let moment): self.state = .waiting(current, until: moment)
        case .deciding: self.state = .deciding(current)
        case .committing(_, let sends, let submitted): self.state = .committing(current, sends: sends, under: submitted)
        case .committingAgain(_, let sends, let moment): self.state = .committingAgain(current, sends: sends, at: moment)
        case .idle, .cancelled, .decidingForNobody, .committingForNobody: break
        }
    }

    private mutating func forsake(into actions: inout [Action]) {
        switch self.state {
        case .running:
            actions.append(.cancel(HandlerRun.ID(client: self.client, number: self.runs)))
            self.state = .cancelled
        case .held, .waiting, .committingAgain:
            self.state = .idle
        case .deciding:
            self.state = .decidingForNobody
        case .committing:
            self.state = .committingForNobody  // The store says what became of it, and nobody here needs to know.
        case .idle, .cancelled, .decidingForNobody, .committingForNobody:
            break
        }
    }

    private mutating func settleForNobody(into actions: inout [Action]) {
        self.state = .idle
        self.runNext(into: &actions)
    }

    private mutating func runNext(into actions: inout [Action]) {
        guard self.state == .idle, let delivery = self.queue.popFirst() else { return }
        #if MUTANTS
        if Mutant.markBeforeHandler.isPlanted { return self.commit(Current(delivery: delivery), sends: [], into: &actions) }
        #endif
        self.run(Current(delivery: delivery), into: &actions)
    }

    private mutating func run(_ current: Current, into actions: inout [Action]) {
        guard self.mayRun else { return self.state = .held(current) }
        self.runs += 1
        self.state = .running(current)
        actions.append(.run(self.run(of: current)))
    }

    private func run(of current: Current, refused: AppendReceipt? = nil) -> HandlerRun {
        HandlerRun(
            id: HandlerRun.ID(client: self.client, number: self.runs),
            delivery: current.delivery,
            failures: current.failures,
            refused: refused
        )
    }

    private mutating func commit(_ current: Current, sends: [AppendOperation], into actions: inout [Action]) {
        let delivery = current.delivery
        self.state = .committing(current, sends: sends, under: delivery.fence)
        let operation = MarkOperation(
            client: self.client,
            fence: delivery.fence,
            outbox: delivery.outbox,
            number: delivery.number,
            sends: sends
        )
        actions.append(.commit(operation))
        #if MUTANTS
        if Mutant.ackBeforeCommit.isPlanted { actions.append(.handled(delivery.fence, through: delivery.number)) }
        #endif
    }

    /// - Parameter refused: what the store said to what the handler sent; nil when the handler itself failed.
    private mutating func failed(_ current: Current, refused: AppendReceipt? = nil, now: Instant, into actions: inout [Action]) {
        var current = current
        current.failures += 1
        if current.failures < self.policy.maxAttempts {
            self.state = .waiting(current, until: now + self.policy.wait(after: current.failures))
        } else {
            self.state = .deciding(current)
            actions.append(.decide(self.run(of: current, refused: refused)))
        }
    }

    private mutating func finish(_ current: Current, into actions: inout [Action]) {
        actions.append(.handled(current.delivery.fence, through: current.delivery.number))
        #if MUTANTS
        if Mutant.markBeforeHandler.isPlanted {
            self.run(current, into: &actions)
            return self.state = .cancelled
        }
        #endif
        if current.isTakenOver { self.settled = Settled(outbox: current.delivery.outbox, number: current.delivery.number) }
        self.state = .idle
        self.runNext(into: &actions)
    }

    private mutating func giveUp(_ fence: Fence, into actions: inout [Action]) {
        self.state = .idle
        self.queue.removeAll()
        actions.append(.gaveUp(fence))
    }
}

extension AppendOperation {
    /// What it takes in memory, about: its payload and the names of those whom it is for.
    fileprivate var heldBytes: Int {
        switch self.recipients {
        case .clients(let clients, existingOnly: _): self.payload.count + 64 * clients.count
        case .user: self.payload.count + 64
        }
    }
}
