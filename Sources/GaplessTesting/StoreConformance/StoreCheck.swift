package import GaplessCore
package import GaplessStore

/// One promise that every store makes, as a check that runs against any of them.
package struct StoreCheck: Sendable, CustomStringConvertible {
    /// What the promise is about.
    package let topic: String
    /// The promise, as a sentence.
    package let law: String
    /// The bounds that the store under test is opened with.
    let policy: StorePolicy
    let body: @Sendable (StoreBench) throws -> Void

    init(_ topic: String, _ law: String, policy: StorePolicy = StorePolicy(), _ body: @escaping @Sendable (StoreBench) throws -> Void) {
        self.topic = topic
        self.law = law
        self.policy = policy
        self.body = body
    }

    package var description: String { "\(self.topic): \(self.law)" }

    /// Runs the check against a fresh store.
    ///
    /// - Throws: `ConformanceFailure` when the promise is broken; whatever the store throws when it cannot work at all.
    package func run(_ makeStore: StoreMaker, processes: StoreProcesses) throws {
        let subject = try makeStore(self.policy)
        defer { subject.destroy() }
        let bench = try StoreBench(subject, policy: self.policy, processes: processes)
        defer { bench.closeAll() }
        do {
            try self.body(bench)
        } catch var failure as ConformanceFailure {
            failure.check = self.description
            throw failure
        }
    }
}

/// Through how many store objects, each standing for a process of its own, a check drives the store.
package enum StoreProcesses: String, Sendable, CaseIterable {
    /// All operations through one object.
    case one
    /// Each operation through another of two objects than the one before.
    case twoAlternating
}

/// Makes a fresh, empty store with the given bounds.
package typealias StoreMaker = @Sendable (StorePolicy) throws -> StoreUnderTest

/// One store and the ways to it.
package struct StoreUnderTest: Sendable {
    /// Opens the store as a process does; called several times for one store.
    package var open: @Sendable () throws -> any QueueStore
    /// Copies the whole store while no object is open, and gives what puts the copy back in its place.
    package var saveCopy: @Sendable () throws -> @Sendable () throws -> Void
    /// Removes the store, after all objects were closed.
    package var destroy: @Sendable () -> Void

    package init(
        open: @escaping @Sendable () throws -> any QueueStore,
        saveCopy: @escaping @Sendable () throws -> @Sendable () throws -> Void,
        destroy: @escaping @Sendable () -> Void = {}
    ) {
        self.open = open
        self.saveCopy = saveCopy
        self.destroy = destroy
    }
}

/// A promise that a store broke, as a sentence.
package struct ConformanceFailure: Error, CustomStringConvertible {
    /// What was expected and what came instead.
    package let sentence: String
    /// Where the expectation stands.
    package let place: String
    /// The check that it belongs to.
    package var check = ""

    init(_ sentence: String, file: String = #fileID, line: Int = #line) {
        self.sentence = sentence
        self.place = "\(file):\(line)"
    }

    package var description: String { "\(self.check) - \(self.sentence) (\(self.place))" }
}

/// Every promise of a store.
package enum StoreConformance {
    /// All checks, grouped by topic.
    package static let all: [StoreCheck] =
        numbering + fanOut + retention + expiry + acknowledging + attaching + takeover + fences + marks + sequences + keys + ends
        + removals + lifetimes + bounds + signals + reading + listing + clock + restores + faults + model
}
