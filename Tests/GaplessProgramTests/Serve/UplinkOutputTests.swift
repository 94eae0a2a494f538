import Dispatch
import Synchronization
import Testing

@testable import gapless

/// Lines of handlers on a standard output that nobody reads for a while.
@Suite(.timeLimit(.minutes(10))) struct UplinkOutputTests {
    /// An output whose reader takes nothing until it is let go.
    private final class StuckReader: Sendable {
        let gate = DispatchSemaphore(value: 0)
        let lines = Mutex<[String]>([])
        let began: AsyncStream<String>
        private let beginning: AsyncStream<String>.Continuation

        init() {
            (self.began, self.beginning) = AsyncStream.makeStream(of: String.self)
        }

        func read(_ line: [UInt8]) -> Bool {
            let text = String(decoding: line, as: UTF8.self)
            self.beginning.yield(text)
            self.gate.wait()
            self.gate.signal()
            self.lines.withLock { $0.append(text) }
            return true
        }
    }

    @Test func linesOfCancelledHandlersAreDropped() async throws {
        let reader = StuckReader()
        let output = UplinkOutput { reader.read($0) }
        let first = Task { try await output.write(Array("first".utf8)) }
        var began = reader.began.makeAsyncIterator()
        #expect(await began.next() == "first")
        let displaced = (1...1_000).map { number in Task { try await output.write(Array("\(number)".utf8)) } }
        let patient = Task { try await output.write(Array("patient".utf8)) }
        for task in displaced {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        reader.gate.signal()
        try await first.value
        try await patient.value
        #expect(reader.lines.withLock { $0 } == ["first", "patient"])
    }

    @Test func aHandlerThatIsCancelledWhileItsLineIsWrittenDoesNotWait() async throws {
        let reader = StuckReader()
        let output = UplinkOutput { reader.read($0) }
        let first = Task { try await output.write(Array("first".utf8)) }
        var began = reader.began.makeAsyncIterator()
        #expect(await began.next() == "first")
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        reader.gate.signal()
        try await output.write(Array("second".utf8))
        #expect(reader.lines.withLock { $0 } == ["first", "second"])
    }

    @Test func anOutputThatCannotBeWrittenIsAFailure() async throws {
        let output = UplinkOutput { _ in false }
        await #expect(throws: ProgramError.self) { try await output.write([]) }
    }
}
