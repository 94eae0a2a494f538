import NIOPosix
import Synchronization

/// A node's standard output, for messages from clients.
///
/// Whoever reads it may let the node wait for as long as he likes: a thread of its own waits then, and nobody else. It writes one line after
/// the other, since a pipe mixes long lines that are written at the same time. Only lines whose tasks wait for them are kept, and the one that
/// is being written; so what bounds the handlers bounds the lines.
final class UplinkOutput: Sendable {
    /// The standard output of this process.
    static let standard = UplinkOutput { writeAll($0, to: 1) }

    private struct Line: Sendable {
        let bytes: [UInt8]
        let outcome: AsyncStream<Bool>.Continuation
    }

    private let thread: NIOThreadPool
    private let put: @Sendable ([UInt8]) -> Bool
    private let lines = Mutex(WaitingLines<Line>())

    /// Writes with `put`, which may wait and says whether it could write.
    init(_ put: @escaping @Sendable ([UInt8]) -> Bool) {
        self.put = put
        self.thread = NIOThreadPool(numberOfThreads: 1)
        self.thread.start()
    }

    deinit {
        self.thread.shutdownGracefully { _ in }
    }

    /// Writes a line, and returns when it is written.
    ///
    /// - Throws: `ProgramError` when nobody reads any more, `CancellationError` when the task is cancelled first; then the line is dropped,
    ///   unless it is being written already.
    func write(_ line: [UInt8]) async throws {
        let (outcomes, outcome) = AsyncStream.makeStream(of: Bool.self)
        let (ticket, wakesWriter) = self.lines.withLock { $0.add(Line(bytes: line, outcome: outcome)) }
        if wakesWriter {
            self.thread.submit { state in self.writeAllThatWaits(isActive: state == .active) }
        }
        for await isWritten in outcomes {
            guard isWritten else { throw ProgramError(.inputOutput, "standard output cannot be written") }
            return
        }
        self.lines.withLock { $0.withdraw(ticket) }
        throw CancellationError()
    }

    private func writeAllThatWaits(isActive: Bool) {
        while let line = self.lines.withLock({ $0.take() }) {
            line.outcome.yield(isActive && self.put(line.bytes))
            line.outcome.finish()
        }
    }
}
