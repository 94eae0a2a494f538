/// Joins acknowledgements that wait for a commit: only the highest of each client and fence counts (Protocol.md §6.3).
package struct AcknowledgementCoalescer: Sendable {
    private struct Key: Hashable {
        let client: ClientID
        let fence: Fence
    }

    private var operations: [AcknowledgeOperation] = []
    private var places: [Key: Int] = [:]

    package init() {}

    /// How many operations wait.
    package var count: Int { self.operations.count }

    /// Adds one, or raises the one that waits already. Other fences are left alone: each is judged for itself.
    package mutating func add(_ operation: AcknowledgeOperation) {
        #if MUTANTS
        if Mutant.acksAcrossFences.isPlanted, let place = self.operations.firstIndex(where: { $0.client == operation.client }) {
            self.operations[place].through = max(self.operations[place].through, operation.through)
            return
        }
        #endif
        let key = Key(client: operation.client, fence: operation.fence)
        if let place = self.places[key] {
            self.operations[place].through = max(self.operations[place].through, operation.through)
        } else {
            self.places[key] = self.operations.endIndex
            self.operations.append(operation)
        }
    }

    /// Hands out what waits, in the order in which each client and fence came first, and forgets it.
    package mutating func take() -> [AcknowledgeOperation] {
        defer {
            self.operations = []
            self.places.removeAll(keepingCapacity: true)
        }
        return self.operations
    }
}
