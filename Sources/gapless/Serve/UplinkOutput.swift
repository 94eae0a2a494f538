import NIOPosix

/// A node's standard output, for messages from clients.
///
/// Whoever reads it may let the node wait for as long as he likes: a thread of its own waits then, and nobody else. It writes one line after
/// the other, since a pipe mixes long lines that are written at the same time.
enum UplinkOutput {
    private static let thread = {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        return pool
    }()

    /// Writes a line, and returns when it is written.
    ///
    /// - Throws: `ProgramError` when nobody reads any more, `CancellationError` when the task is cancelled first; then the line may come later.
    static func write(_ line: [UInt8]) async throws {
        let (outcomes, input) = AsyncStream.makeStream(of: Bool.self)
        self.thread.submit { state in
            input.yield(state == .active && writeAll(line, to: 1))
            input.finish()
        }
        for await isWritten in outcomes {
            guard isWritten else { throw ProgramError(.inputOutput, "standard output cannot be written") }
            return
        }
        throw CancellationError()
    }
}
