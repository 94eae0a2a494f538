import Dispatch
import GaplessCore
import NIOCore
import Synchronization
import Testing

@testable import GaplessClient

/// The thread that saves: in order, together, and never twice at once.
@Suite struct StateWriterTests {
    private let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
    }

    private func record() throws -> ClientRecord {
        try StateJournal.read(ByteBuffer(bytes: try self.folder.read("state"))).record
    }

    /// A writer whose saves pass through `beforeStep`, and what it reports.
    private func writer(
        beforeStep: @escaping @Sendable (StateFile.Step) throws(StateFileError) -> Void = { _ in }
    ) throws -> (StateWriter, Mailbag<Result<SaveVersion, StateFileError>>) {
        var random = SystemRandomNumberGenerator()
        let reports = Mailbag<Result<SaveVersion, StateFileError>>()
        let path = self.folder.file("state")
        let file = try StateFile.open(path, initial: try .fresh(), using: &random, beforeStep: beforeStep)
        return (StateWriter(file) { reports.put($0) }, reports)
    }

    @Test("Nothing is saved before it is asked for, and all that waits is saved together")
    func savesTogether() async throws {
        let syncs = Mutex(0)
        let (writer, reports) = try self.writer { step throws(StateFileError) in
            if step == .syncRecord { syncs.withLock { $0 += 1 } }
        }
        for version in UInt64(1)...100 { writer.append(.progress(try .example(handled: version)), SaveVersion(version)) }
        #expect(try self.record().progress.position == nil)
        writer.save()
        #expect(try await reports.next("a report").get() == SaveVersion(100))
        #expect(try self.record().progress == (try .example(handled: 100)))
        #expect(syncs.withLock { $0 } == 1)
        try await writer.finish()
    }

    @Test("What comes while a save is under way is saved by the next one")
    func gathersWhileSaving() async throws {
        let gate = DispatchSemaphore(value: 0)
        let entered = Mailbag<Void>()
        let (writer, reports) = try self.writer { step throws(StateFileError) in
            guard step == .syncRecord else { return }
            entered.put(())
            gate.wait()
            gate.signal()
        }
        writer.append(.queued(.example(1)), SaveVersion(1))
        writer.save()
        try await entered.next("the first save")
        for version in UInt64(2)...50 {
            writer.append(.queued(.example(version)), SaveVersion(version))
            writer.save()
        }
        gate.signal()
        #expect(try await reports.next("a report").get() == SaveVersion(1))
        #expect(try await reports.next("a report").get() == SaveVersion(50))
        #expect(try self.record().outbox.messages.count == 50)
        try await writer.finish()
    }

    @Test("The end saves what is left, in a tidy file that is free for others")
    func finishing() async throws {
        let (writer, reports) = try self.writer()
        writer.append(.progress(try .example(handled: 7)), SaveVersion(1))
        try await writer.finish()
        #expect(reports.isEmpty)
        var random = SystemRandomNumberGenerator()
        let file = try StateFile.open(self.folder.file("state"), initial: try .fresh(), using: &random)
        #expect(file.record.progress == (try .example(handled: 7)))
        writer.append(.progress(try .example(handled: 8)), SaveVersion(2))
        writer.save()
        try await writer.finish()
        #expect(try self.record().progress == (try .example(handled: 7)))
    }

    @Test("A save that fails is reported once, and nothing is saved after it")
    func failure() async throws {
        let (writer, reports) = try self.writer { step throws(StateFileError) in
            if step == .appendRecord { throw StateFileError(.full, path: "state", "No space left on device") }
        }
        writer.append(.progress(try .example(handled: 7)), SaveVersion(1))
        writer.save()
        do {
            _ = try await reports.next("a report").get()
            Issue.record("it was saved")
        } catch let error as StateFileError {
            #expect(error.code == .full)
        }
        writer.append(.progress(try .example(handled: 8)), SaveVersion(2))
        writer.save()
        try await writer.finish()
        #expect(reports.isEmpty)
        #expect(try self.record().progress.position == nil)
    }
}
