import GaplessCore
import Synchronization

/// Somebody who waits in `async` code for one or several operations: one continuation for all of them.
final class CommitCaller: Sendable {
    typealias Answer = Result<StoreReceipt, QueueStoreError>

    private struct State {
        var answers: [Answer?]
        var missing: Int
        var continuation: CheckedContinuation<[Answer], Never>?

        mutating func takeResumption(default answer: Answer) -> Resumption? {
            guard let continuation = self.continuation else { return nil }
            self.continuation = nil
            return Resumption(continuation: continuation, answers: self.answers.map { $0 ?? answer })
        }
    }

    private let state: Mutex<State>

    init(count: Int, continuation: CheckedContinuation<[Answer], Never>) {
        self.state = Mutex(State(answers: Array(repeating: nil, count: count), missing: count, continuation: continuation))
    }

    /// Answers one operation. Gives what resumes the caller when it was the last; nothing for one that gave up.
    func answer(_ index: Int, _ answer: Answer) -> Resumption? {
        self.state.withLock { state -> Resumption? in
            guard state.continuation != nil, state.answers[index] == nil else { return nil }
            state.answers[index] = answer
            state.missing -= 1
            return state.missing == 0 ? state.takeResumption(default: answer) : nil
        }
    }

    /// Answers everything that is not answered yet; later answers are dropped.
    func giveUp(_ error: QueueStoreError) -> Resumption? {
        self.state.withLock { $0.takeResumption(default: .failure(error)) }
    }

    /// A caller with all of its answers, to be resumed outside of every lock.
    struct Resumption: Sendable {
        fileprivate let continuation: CheckedContinuation<[Answer], Never>
        fileprivate let answers: [Answer]

        func resume() {
            self.continuation.resume(returning: self.answers)
        }
    }
}
