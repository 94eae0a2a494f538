import GaplessCore
import GaplessStore

/// Whoever sends through the service: repeats a send under its key, on any node, until somebody says that it is durable.
final class Publisher {
    /// One send, until it has its receipt.
    private struct Send {
        let operation: StoreOperation
        /// The texts of its messages.
        let texts: [String]
        var tries = 0
    }

    private unowned let world: World
    private var sends: UInt64 = 0
    private var random: SeededRandom
    /// Sends without a receipt.
    private(set) var open = 0
    /// Sends that have one, for repetitions.
    private var done: [(operation: AppendOperation, text: String, receipt: AppendReceipt)] = []

    init(world: World) {
        self.world = world
        self.random = SeededRandom(seed: world.plan.seed, stream: "publisher")
    }

    // MARK: Sending

    func send(to recipients: Recipients, bytes: Int = 8, timeToLive: Duration? = nil) {
        self.sends += 1
        let text = "m\(self.sends)"
        let operation = AppendOperation(
            recipients: recipients,
            payload: Self.payload(text, bytes: bytes),
            timeToLive: timeToLive,
            idempotencyKey: IdempotencyKey("key-\(self.sends)")
        )
        self.begin(Send(operation: .append(operation), texts: [text]))
    }

    /// Several messages in order, under one key.
    func sendSequence(to client: ClientID, count: Int) {
        self.sends += 1
        let texts = (0..<count).map { "m\(self.sends)-\($0)" }
        let appends = texts.map {
            AppendOperation(recipients: .clients([client], existingOnly: false), payload: Self.payload($0, bytes: 8))
        }
        let sequence = AppendSequenceOperation(appends: appends, idempotencyKey: IdempotencyKey("key-\(self.sends)"))
        self.begin(Send(operation: .appendSequence(sequence), texts: texts))
    }

    /// Sends something once more that has its receipt, under its key: nothing may be stored, and other contents are refused.
    func sendAgain(isChanged: Bool) {
        guard let (operation, text, receipt) = self.done.randomElement(using: &self.random), let node = self.anyNode() else { return }
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

    private func anyNode() -> NodeProcess? {
        self.world.nodes.compactMap(\.process).randomElement(using: &self.random)
    }

    private func begin(_ send: Send) {
        self.open += 1
        self.attempt(send)
    }

    private func attempt(_ send: Send) {
        var next = send
        next.tries += 1
        guard let node = self.anyNode() else {
            return self.world.after(.milliseconds(200)) { self.attempt(next) }
        }
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
                self.answered(next, result)
            }
        }
    }

    private func answered(_ send: Send, _ result: Result<StoreReceipt, QueueStoreError>) {
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
            let wait = Int.random(in: 10...400, using: &self.random) * min(send.tries, 8)
            self.world.after(.milliseconds(wait)) { self.attempt(send) }
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

    // MARK: Removing

    func remove(_ client: ClientID) {
        guard let node = self.anyNode() else { return }
        node.run { node.gateway.submit(.remove(RemoveOperation(client: client))) { _ in } }
    }
}
