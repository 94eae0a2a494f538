import GaplessCore
import GaplessStore

/// Whoever sends through the service: repeats a send under its key, on any node, until somebody says that it is durable.
final class Publisher {
    private unowned let world: World
    private var sends: UInt64 = 0
    private var random: SeededRandom
    /// Sends without a receipt.
    private(set) var open = 0

    init(world: World) {
        self.world = world
        self.random = SeededRandom(seed: world.plan.seed, stream: "publisher")
    }

    func heal() {}

    func send(to clients: [ClientID], bytes: Int, timeToLive: Duration?) {
        self.sends += 1
        let text = "m\(self.sends)"
        let padding = String(repeating: ".", count: max(0, bytes - text.utf8.count))
        let operation = AppendOperation(
            recipients: .clients(clients, existingOnly: false),
            payload: Payload(text: text + padding),
            timeToLive: timeToLive,
            idempotencyKey: IdempotencyKey("key-\(self.sends)")
        )
        self.open += 1
        self.send(operation, text: text, tries: 0)
    }

    private func send(_ operation: AppendOperation, text: String, tries: Int) {
        let running = self.world.nodes.compactMap(\.process)
        guard let node = running.randomElement(using: &self.random) else {
            return self.world.after(.milliseconds(200)) { self.send(operation, text: text, tries: tries + 1) }
        }
        if tries > 0 { self.world.counters.count(.sendRetried) }
        var isAnswered = false
        // Whoever hears nothing asks somebody else.
        self.world.after(.seconds(5)) {
            guard !isAnswered else { return }
            isAnswered = true
            self.send(operation, text: text, tries: tries + 1)
        }
        node.run {
            node.gateway.submit(.append(operation)) { result in
                guard !isAnswered else { return }
                isAnswered = true
                self.answered(operation, text: text, tries: tries, result)
            }
        }
    }

    private func answered(_ operation: AppendOperation, text: String, tries: Int, _ result: Result<StoreReceipt, QueueStoreError>) {
        switch result {
        case .success(.append(let receipt)):
            let isRefused = receipt.refusal != nil || receipt.deliveries.contains { if case .stored = $0.outcome { false } else { true } }
            if isRefused { self.world.counters.count(.sendRefused) }
            self.open -= 1
            self.world.checker.accepted(operation, receipt, text: text)
        case .success: preconditionFailure("an append has a receipt of its own kind")
        case .failure:
            self.world.after(.milliseconds(Int64.random(in: 10...400, using: &self.random))) {
                self.send(operation, text: text, tries: tries + 1)
            }
        }
    }

    func remove(_ client: ClientID) {
        guard let node = self.world.nodes.compactMap(\.process).randomElement(using: &self.random) else { return }
        node.run { node.gateway.submit(.remove(RemoveOperation(client: client))) { _ in } }
    }
}
