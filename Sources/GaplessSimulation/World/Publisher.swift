import GaplessCore
import GaplessStore

/// Whoever sends through the service: repeats a send under its key, on any node, until somebody says that it is durable.
final class Publisher {
    /// One send, until it has its receipt.
    private struct Send {
        let operation: StoreOperation
        /// The texts of its messages.
        let texts: [String]
        /// Its own, so that a send more or less changes nothing for the others.
        var random: SeededRandom
        var tries = 0
    }

    private unowned let world: World
    /// The step that sends now, and how many sends it made.
    private var step = 0
    private var sends = 0
    /// Sends without a receipt.
    private(set) var open = 0
    /// Sends that have one, for repetitions.
    private var done: [(operation: AppendOperation, text: String, receipt: AppendReceipt)] = []

    init(world: World) {
        self.world = world
    }

    /// A step of the plan begins; what it sends is named after it.
    func begin(step: Int) {
        (self.step, self.sends) = (step, 0)
    }

    /// The name of the next send, and its luck.
    private func next() -> (name: String, random: SeededRandom) {
        self.sends += 1
        let random = SeededRandom(seed: self.world.plan.seed, stream: "send", UInt64(self.step), UInt64(self.sends))
        return ("\(self.step)-\(self.sends)", random)
    }

    // MARK: Sending

    func send(to recipients: Recipients, bytes: Int = 8, timeToLive: Duration? = nil) {
        let (name, random) = self.next()
        let text = "m\(name)"
        let operation = AppendOperation(
            recipients: recipients,
            payload: Self.payload(text, bytes: bytes),
            timeToLive: timeToLive,
            idempotencyKey: IdempotencyKey("key-\(name)")
        )
        self.begin(Send(operation: .append(operation), texts: [text], random: random))
    }

    /// Several messages in order, under one key.
    func sendSequence(to client: ClientID, count: Int) {
        let (name, random) = self.next()
        let texts = (0..<count).map { "m\(name)-\($0)" }
        let appends = texts.map {
            AppendOperation(recipients: .clients([client], existingOnly: false), payload: Self.payload($0, bytes: 8))
        }
        let sequence = AppendSequenceOperation(appends: appends, idempotencyKey: IdempotencyKey("key-\(name)"))
        self.begin(Send(operation: .appendSequence(sequence), texts: texts, random: random))
    }

    /// Sends something once more that has its receipt, under its key: nothing may be stored, and other contents are refused.
    func sendAgain(isChanged: Bool) {
        var random = self.next().random
        guard let (operation, text, receipt) = self.done.randomElement(using: &random), let node = self.anyNode(&random) else { return }
        var again = operation
        if isChanged { again.payload = Self.payload("\(text)x", bytes: 8) }
        node.run {
            node.gateway.submit(.append(again)) { result in
                guard case .success(.append(let second)) = result else { return }
                self.world.counters.count(.sentAgain)
                self.world.checker.repeated(text, receipt, second, isChanged: isChanged)
            }
        }
    }

    /// A text filled up to a size.
    private static func payload(_ text: String, bytes: Int) -> Payload {
        Payload(text: text + String(repeating: ".", count: max(0, bytes - text.utf8.count)))
    }

    private func anyNode(_ random: inout SeededRandom) -> NodeProcess? {
        self.world.nodes.compactMap(\.process).randomElement(using: &random)
    }

    private func begin(_ send: Send) {
        self.open += 1
        self.attempt(send)
    }

    private func attempt(_ send: Send) {
        var next = send
        next.tries += 1
        guard let node = self.anyNode(&next.random) else {
            return self.world.after(.milliseconds(200)) { self.attempt(next) }
        }
        let wait = Int.random(in: 10...400, using: &next.random)
        if send.tries > 0 { self.world.counters.count(.sendRetried) }
        var isAnswered = false
        // Whoever hears nothing asks somebody else.
        self.world.after(.seconds(5)) {
            guard !isAnswered else { return }
            isAnswered = true
            self.attempt(next)
        }
        node.run {
            node.gateway.submit(send.operation) { result in
                guard !isAnswered else { return }
                isAnswered = true
                self.answered(next, result, wait: wait)
            }
        }
    }

    private func answered(_ send: Send, _ result: Result<StoreReceipt, QueueStoreError>, wait: Int) {
        switch (send.operation, result) {
        case (.append(let append), .success(.append(let receipt))):
            self.open -= 1
            self.accepted(append, receipt, text: send.texts[0])
        case (.appendSequence(let sequence), .success(.appendSequence(let receipt))):
            self.open -= 1
            for (index, stored) in receipt.stored.enumerated() {
                self.accepted(sequence.appends[index], stored, text: send.texts[index])
            }
            if receipt.refused != nil { self.world.counters.count(.sequenceCut) }
        case (_, .failure):
            // The longer it fails, the more patient.
            self.world.after(.milliseconds(wait * min(send.tries, 8))) { self.attempt(send) }
        case (_, .success): preconditionFailure("a send has a receipt of its own kind")
        }
    }

    private func accepted(_ operation: AppendOperation, _ receipt: AppendReceipt, text: String) {
        let isRefused = receipt.refusal != nil || receipt.deliveries.contains { if case .stored = $0.outcome { false } else { true } }
        if isRefused { self.world.counters.count(.sendRefused) }
        self.world.checker.accepted(operation, receipt, text: text)
        let isStored = receipt.deliveries.contains { if case .stored = $0.outcome { true } else { false } }
        guard isStored, operation.idempotencyKey != nil else { return }
        self.done.append((operation, text, receipt))
        if self.done.count > 50 { self.done.removeFirst() }
    }

    // MARK: Operating

    /// Sends a client away, or lets it come again; asks once.
    func sendAway(_ client: ClientID, code: CloseCode?, for time: Duration = SendAwayOperation.hour) {
        var random = self.next().random
        guard let node = self.anyNode(&random) else { return }
        node.run { node.gateway.submit(.sendAway(SendAwayOperation(client: client, code: code, time: time))) { _ in } }
    }

    func remove(_ client: ClientID) {
        var random = self.next().random
        guard let node = self.anyNode(&random) else { return }
        node.run { node.gateway.submit(.remove(RemoveOperation(client: client))) { _ in } }
    }
}
