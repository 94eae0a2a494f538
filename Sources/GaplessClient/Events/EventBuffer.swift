import GaplessCore
import NIOCore
import Synchronization

/// The way of events from the event loop to the one consumer, whichever thread that is on.
///
/// It holds what the session handed over and the consumer has not asked for. The session bounds that: a server may have a window of messages
/// under way, and the window moves only when the consumer is done with something.
final class EventBuffer: Sendable {
    private typealias Waiter = CheckedContinuation<Void, any Error>

    private struct State {
        var events = CircularBuffer<GaplessClient.Event>()
        var bytes = 0
        var waiter: Waiter?
        /// The newest message or gap that the consumer was given.
        var given: EventReference?
        /// The consumer was given it and has not come back.
        var isInHand = false
        var hasConsumer = false
        /// Set once: nothing more comes, and the consumer is told how it ended.
        var end: Result<Void, ClientError>?
    }

    /// What a consumer who asks gets.
    private enum Answer {
        case events([GaplessClient.Event])
        case failure(ClientError)
        case wait
    }

    private let state = Mutex(State())
    private let mailbox: ClientMailbox
    private let acknowledgement: ClientConfiguration.Acknowledgement

    init(mailbox: ClientMailbox, acknowledgement: ClientConfiguration.Acknowledgement) {
        self.mailbox = mailbox
        self.acknowledgement = acknowledgement
    }

    /// Whether so much waits for the consumer that nothing more should be read. A server that keeps to the window never gets there; one
    /// that resets the numbering again and again would.
    var isFull: Bool {
        self.state.withLock { Self.maxEvents < $0.events.count || Self.maxBytes < $0.bytes }
    }

    private static let maxEvents = 1 << 19
    private static let maxBytes = 1 << 28

    // MARK: The event loop's side

    /// Adds events behind the others; of states in a row only the newest stays.
    func append(_ events: [GaplessClient.Event]) {
        let waiter = self.state.withLock { state -> Waiter? in
            guard state.end == nil else { return nil }
            for event in events {
                if event.isState, let last = state.events.last, last.isState { _ = state.events.popLast() }
                state.events.append(event)
                state.bytes += event.payloadBytes
            }
            return state.events.isEmpty ? nil : state.waiter.take()
        }
        waiter?.resume()
    }

    /// Ends the sequence: what waits is handed over first, if it is to be.
    ///
    /// - Parameter discarding: whether what waits is thrown away; it comes again when the client does.
    func end(_ result: Result<Void, ClientError>, discarding: Bool) {
        let waiter = self.state.withLock { state -> Waiter? in
            guard state.end == nil else { return nil }
            state.end = result
            if discarding {
                state.events.removeAll()
                state.bytes = 0
            }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// The newest message or gap that somebody still works on and may yet report as handled; nil when nobody does.
    var inHand: EventReference? {
        self.state.withLock { state in
            switch self.acknowledgement {
            case .automatic: state.isInHand && state.hasConsumer ? state.given : nil
            case .explicit: state.given
            }
        }
    }

    // MARK: The consumer's side

    /// There is a consumer now.
    ///
    /// - Precondition: there was none before: two would each get half of the events.
    func claim() {
        let isFirst = self.state.withLock { state in
            defer { state.hasConsumer = true }
            return !state.hasConsumer
        }
        precondition(isFirst, "the events of a client have one consumer")
    }

    /// The consumer went away without asking for more: what it has in hand does not count as handled.
    func release() {
        self.state.withLock { $0.hasConsumer = false }
        self.mailbox.post(.perform { $0.consumerLeft() })
    }

    /// The next events, at least one and at most so many; none at the end.
    ///
    /// - Throws: the error that the client stopped with, after everything was handed over; `CancellationError`.
    func next(max: Int) async throws -> [GaplessClient.Event] {
        self.acknowledgeGiven()
        while true {
            switch self.take(max: max) {
            case .events(let events): return events
            case .failure(let error): throw error
            case .wait: try await self.wait()
            }
        }
    }

    /// The consumer asks for more: with automatic acknowledgement, what it was given before is handled.
    private func acknowledgeGiven() {
        self.state.withLock { state in
            guard state.isInHand, let given = state.given else { return }
            state.isInHand = false
            // Posted under the lock: whoever finds nothing in hand finds the report in the mailbox.
            if self.acknowledgement == .automatic { self.mailbox.post(.handledThrough(given, bookmark: nil)) }
        }
    }

    private func take(max: Int) -> Answer {
        self.state.withLock { state in
            guard !state.events.isEmpty else {
                switch state.end {
                case .success: return .events([])
                case .failure(let error): return .failure(error)
                case nil: return .wait
                }
            }
            let taken = Array(state.events.prefix(max))
            state.events.removeFirst(taken.count)
            state.bytes -= taken.reduce(0) { $0 + $1.payloadBytes }
            if let reference = taken.last(where: { $0.reference != nil })?.reference {
                state.given = reference
                state.isInHand = true
            }
            return .events(taken)
        }
    }

    private func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: Waiter) in
                let isReady = self.state.withLock { state in
                    precondition(state.waiter == nil, "the events of a client have one consumer")
                    guard state.events.isEmpty, state.end == nil, !Task.isCancelled else { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
        }
        try Task.checkCancellation()
    }
}
