import GaplessCore
public import GaplessServer
import GaplessStore

/// One promise that every store makes, as a check that runs against any of them.
public struct StoreCheck: Sendable, Identifiable, CustomStringConvertible {
    /// What the promise is about, in a word or two.
    public let topic: String

    /// The promise, as a sentence.
    public let law: String

    /// The bounds that the store under test is opened with.
    let policy: StorePolicy
    let body: @Sendable (StoreBench) throws -> Void

    init(_ topic: String, _ law: String, policy: StorePolicy = StorePolicy(), _ body: @escaping @Sendable (StoreBench) throws -> Void) {
        self.topic = topic
        self.law = law
        self.policy = policy
        self.body = body
    }

    /// Topic and law, which no other check has.
    public var id: String { self.description }

    /// Topic and law.
    public var description: String { "\(self.topic): \(self.law)" }

    /// Runs the check against fresh stores, one after another: through one server's access to the store, then through two that take turns.
    ///
    /// - Parameter makeStore: gives a store that does not exist yet. It is told a name, never used before and fit for a file, and is called
    ///   once for each store. What the check made is removed after it.
    /// - Throws: `StoreConformanceFailure`, whatever went wrong.
    public func run(on makeStore: (_ name: String) throws -> StoreConfiguration) throws(StoreConformanceFailure) {
        var random = SystemRandomNumberGenerator()
        for processes in StoreProcesses.allCases {
            do {
                let name = "gapless-check-\(String(random.next(), radix: 16))"
                let configuration = try makeStore(name)
                try self.run({ StoreUnderTest(configuration, policy: $0) }, processes: processes)
            } catch let failure as StoreConformanceFailure {
                throw failure
            } catch {
                var failure = StoreConformanceFailure("the store failed: \(error)")
                (failure.topic, failure.law) = (self.topic, self.law)
                throw failure
            }
        }
    }

    /// Runs the check against a fresh store.
    ///
    /// - Throws: `StoreConformanceFailure` when the promise is broken; whatever the store throws when it cannot work at all.
    package func run(_ makeStore: StoreMaker, processes: StoreProcesses) throws {
        let subject = try makeStore(self.policy)
        defer { subject.destroy() }
        let bench = try StoreBench(subject, policy: self.policy, processes: processes)
        defer { bench.closeAll() }
        do {
            try self.body(bench)
        } catch var failure as StoreConformanceFailure {
            (failure.topic, failure.law) = (self.topic, self.law)
            throw failure
        }
    }
}

/// A promise that a store broke.
public struct StoreConformanceFailure: Error, CustomStringConvertible, Sendable {
    /// What the promise is about.
    public internal(set) var topic = ""

    /// The promise.
    public internal(set) var law = ""

    /// What was expected and what came instead.
    public let sentence: String

    /// Where the expectation stands in the suite.
    public let place: String

    init(_ sentence: String, file: String = #fileID, line: Int = #line) {
        self.sentence = sentence
        self.place = "\(file):\(line)"
    }

    /// Topic, law, and what happened.
    public var description: String { "\(self.topic): \(self.law) - \(self.sentence) (\(self.place))" }
}

/// Through how many store objects, each standing for a process of its own, a check drives the store.
package enum StoreProcesses: String, Sendable, CaseIterable {
    /// All operations through one object.
    case one
    /// Each operation through another of two objects than the one before.
    case twoAlternating
}
