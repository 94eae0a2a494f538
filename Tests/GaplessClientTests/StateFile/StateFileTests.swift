import Foundation
import GaplessCore
import NIOCore
import Synchronization
import Testing

@testable import GaplessClient

/// The state file on a disk: private, locked, and whole after whatever happens.
@Suite struct StateFileTests {
    private let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
    }

    private func open(
        _ name: String = "alice.state",
        initial: ClientRecord? = nil,
        beforeStep: @escaping @Sendable (StateFile.Step) throws(StateFileError) -> Void = { _ in }
    ) throws -> StateFile {
        var random = SystemRandomNumberGenerator()
        return try StateFile.open(self.folder.file(name), initial: try initial ?? .fresh(), using: &random, beforeStep: beforeStep)
    }

    /// The code with which the file is refused.
    private func refusal(_ name: String = "alice.state") throws -> StateFileError.Code? {
        do {
            _ = try self.open(name)
            return nil
        } catch let error as StateFileError {
            return error.code
        }
    }

    /// A batch that moves the position.
    private func progress(_ handled: UInt64) throws -> ClientRecordBatch {
        ClientRecordBatch(.progress(try .example(handled: handled)))
    }

    @Test func aNewFileHoldsTheFirstRecordAndNothingElseIsLeft() throws {
        let first = try ClientRecord.example()
        do {
            let file = try self.open(initial: first)
            #expect(file.record == first)
            #expect(file.tornBytes == 0)
        }
        #expect(try self.folder.names() == ["alice.state"])
        #expect(try self.open().record == first)
    }

    @Test func whatWasSavedIsThereAfterwards() throws {
        var expected = try ClientRecord.fresh()
        for round in UInt64(1)...20 {
            var file = try self.open()
            #expect(file.record == expected)
            for change in [
                .progress(try .example(handled: round)), .queued(.example(round)), .queued(.example(round + 1)),
                .assigned(through: SequenceNumber(round)), .acknowledged(through: SequenceNumber(round - 1)),
            ] as [ClientRecordChange] {
                expected.apply(change)
                try file.save(ClientRecordBatch(change))
                #expect(file.record == expected)
            }
            if round.isMultiple(of: 3) { try file.compact() }
            #expect(try self.folder.names() == ["alice.state"])
        }
        #expect(try self.open().record == expected)
    }

    @Test func theFileIsPrivateToItsOwner() throws {
        _ = try self.open()
        #expect(try self.folder.mode("alice.state") == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: self.folder.file("alice.state"))
        var file = try self.open()
        #expect(try self.folder.mode("alice.state") == 0o600)
        try file.compact()
        #expect(try self.folder.mode("alice.state") == 0o600)
    }

    @Test func theJournalIsReplacedByASnapshotWhenItHasGrown() throws {
        var file = try self.open()
        var largest = 0
        var previous = 0
        var replacements = 0
        for number in UInt64(1)...100 {
            let payload = Payload(binary: ByteBuffer(repeating: 0xaa, count: 8_192))
            let through = SequenceNumber(number)
            try file.save(ClientRecordBatch(.queued(payload), .assigned(through: through), .acknowledged(through: through)))
            let bytes = try self.folder.read("alice.state").count
            if bytes < previous { replacements += 1 }
            previous = bytes
            largest = max(largest, bytes)
        }
        #expect(replacements >= 2)
        #expect(largest < StateFile.minJournalBytes + 3 * 8_192)
        #expect(file.record.outbox.acknowledged == SequenceNumber(100))
        _ = consume file
        #expect(try self.open().record.outbox.acknowledged == SequenceNumber(100))
    }

    // MARK: Locking

    @Test func aSecondClientOfTheSameProcessIsRefused() throws {
        var file = try self.open()
        #expect(try self.refusal() == .locked)
        try file.compact()
        #expect(try self.refusal() == .locked)
        _ = consume file
        #expect(try self.refusal() == nil)
    }

    @Test func anotherProcessIsRefusedWhileTheFileIsOpen() throws {
        let path = self.folder.file("alice.state")
        var file = try self.open()
        #expect(try Self.run("flock", "--nonblock", path, "true") == 1)
        try file.compact()
        #expect(try Self.run("flock", "--nonblock", path, "true") == 1)
        _ = consume file
        #expect(try Self.run("flock", "--nonblock", path, "true") == 0)
    }

    @Test func aFileThatAnotherProcessHasLockedIsRefused() throws {
        _ = try self.open()
        let path = self.folder.file("alice.state")
        let holder = Process()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        holder.arguments = ["flock", path, "sh", "-c", "echo locked; read line"]
        let output = Pipe()
        let input = Pipe()
        holder.standardOutput = output
        holder.standardInput = input
        try holder.run()
        #expect(try output.fileHandleForReading.read(upToCount: 7) == Data("locked\n".utf8))
        #expect(try self.refusal() == .locked)
        try input.fileHandleForWriting.close()
        holder.waitUntilExit()
        #expect(try self.refusal() == nil)
    }

    #if os(Linux)
    @Test func theLockEndsThoughAProcessThatIsBeingStartedStillHasTheFile() throws {
        let file = try self.open()
        let path = self.folder.file("alice.state")
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
        let own = try #require(
            descriptors.first { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path }
        )
        // As a fork leaves it until its exec: the same open file, a second time.
        let copy = dup(own)
        defer { close(copy) }
        _ = consume file
        #expect(try self.refusal() == nil)
    }
    #endif

    private static func run(_ arguments: String...) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test func manyWhoCreateTheFileAtOnceAgreeOnOne() async throws {
        for round in 0..<8 {
            let folder = self.folder
            let outcomes = await withTaskGroup(of: StateFileError.Code?.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        do {
                            var random = SystemRandomNumberGenerator()
                            let initial = try ClientRecord.example(handled: UInt64(index))
                            let file = try StateFile.open(folder.file("\(round)"), initial: initial, using: &random)
                            return file.record.progress.position == nil ? .failed : nil
                        } catch let error as StateFileError {
                            return error.code
                        } catch {
                            return .failed
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.contains(nil), "somebody creates it")
            #expect(outcomes.allSatisfy { $0 == nil || $0 == .locked }, "\(outcomes)")
            #expect(try self.refusal("\(round)") == nil)
        }
    }

    // MARK: Refusals

    @Test func aDamagedFileIsRefusedAndLeftAsItWas() throws {
        _ = try self.open(initial: try .example())
        var bytes = try self.folder.read("alice.state")
        bytes[60] ^= 1
        try self.folder.write(bytes, to: "alice.state")
        #expect(try self.refusal() == .corrupt)
        #expect(try self.folder.read("alice.state") == bytes)
    }

    @Test func aHalfWrittenFileIsRefusedAndLeftAsItWas() throws {
        _ = try self.open(initial: try .example())
        let bytes = try self.folder.read("alice.state")
        for count in 0..<bytes.count {
            try self.folder.write(Array(bytes[..<count]), to: "alice.state")
            #expect(try self.refusal() == .corrupt, "cut at \(count)")
            #expect(try self.folder.read("alice.state").count == count)
        }
    }

    @Test func aForeignFileIsRefused() throws {
        try self.folder.write(Array("127.0.0.1 localhost\n".utf8), to: "alice.state")
        #expect(try self.refusal() == .foreign)
    }

    @Test func aNewerFileIsRefused() throws {
        _ = try self.open()
        var bytes = try self.folder.read("alice.state")
        bytes[19] = 9
        try self.folder.write(bytes, to: "alice.state")
        #expect(try self.refusal() == .newer)
    }

    @Test func whatIsNoRegularFileIsRefused() throws {
        try FileManager.default.createDirectory(atPath: self.folder.file("folder"), withIntermediateDirectories: false)
        #expect(try self.refusal("folder") == .inaccessible)
        #expect(try Self.run("mkfifo", self.folder.file("pipe")) == 0)
        #expect(try self.refusal("pipe") == .inaccessible)
        #expect(try self.refusal("missing/alice.state") == .inaccessible)
        #expect(try self.refusal("") == .inaccessible)
    }

    @Test func aSymbolicLinkLeadsToTheFileAndStaysALink() throws {
        try FileManager.default.createDirectory(atPath: self.folder.file("real"), withIntermediateDirectories: false)
        _ = try self.open("real/alice.state")
        try FileManager.default.createSymbolicLink(atPath: self.folder.file("link"), withDestinationPath: "real/alice.state")
        do {
            var file = try self.open("link")
            try file.save(try self.progress(77))
            try file.compact()
        }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: self.folder.file("link")) == "real/alice.state")
        #expect(try self.open("real/alice.state").record.progress.position?.handled == SequenceNumber(77))
    }

    @Test func aFileThatWasReplacedBeneathIsNotOverwritten() throws {
        var file = try self.open()
        try FileManager.default.removeItem(atPath: self.folder.file("alice.state"))
        let other = try ClientRecord.example(handled: 99)
        _ = try self.open(initial: other)
        do throws(StateFileError) {
            try file.compact()
            Issue.record("it was overwritten")
        } catch {
            #expect(error.code == .replaced)
        }
        _ = consume file
        #expect(try self.open().record == other)
    }

    @Test(arguments: [false, true])
    func whatNobodyWouldFindIsNotSaved(isReplaced: Bool) throws {
        var file = try self.open()
        try file.save(try self.progress(1))
        let copy = try self.folder.read("alice.state")
        try FileManager.default.removeItem(atPath: self.folder.file("alice.state"))
        if isReplaced { try self.folder.write(copy, to: "alice.state") }
        for handled in UInt64(2)...3 {
            let batch = try self.progress(handled)
            do throws(StateFileError) {
                try file.save(batch)
                Issue.record("it was saved where nobody looks")
            } catch {
                #expect(error.code == .replaced)
            }
        }
    }

    // MARK: Crashes

    @Test func aTornEndIsCutOffAndSaid() throws {
        do {
            var file = try self.open()
            try file.save(try self.progress(4))
            try file.save(try self.progress(5))
        }
        let bytes = try self.folder.read("alice.state")
        try self.folder.write(Array(bytes.dropLast(3)), to: "alice.state")
        do {
            var file = try self.open()
            #expect(file.tornBytes > 0)
            #expect(file.record.progress == (try .example(handled: 4)))
            try file.save(try self.progress(6))
        }
        let file = try self.open()
        #expect(file.tornBytes == 0)
        #expect(file.record.progress == (try .example(handled: 6)))
    }

    /// Whatever step fails, the file on the disk holds the record before or the one after, and the next save works.
    @Test(arguments: StateFile.Step.allCases)
    func aFailureAtEachStepLeavesAWholeRecord(step: StateFile.Step) throws {
        let failing = Mutex(false)
        let before = try ClientRecord.example(handled: 1)
        var file = try self.open(initial: before) { reached throws(StateFileError) in
            if reached == step, failing.withLock({ $0 }) { throw StateFileError(.full, path: "", "No space left on device") }
        }
        failing.withLock { $0 = true }
        let batch = ClientRecordBatch(.queued(.example(7)), .progress(try .example(handled: 2)))
        var after = before
        for change in batch.changes { after.apply(change) }
        var failures = 0
        do throws(StateFileError) { try file.save(batch) } catch { failures += error.code == .full ? 1 : 9 }
        do throws(StateFileError) { try file.compact() } catch { failures += error.code == .full ? 1 : 9 }
        #expect(failures == 1)
        // What another process would find if this one died here.
        try FileManager.default.copyItem(atPath: self.folder.file("alice.state"), toPath: self.folder.file("copy"))
        #expect([before, after].contains(try self.open("copy").record))
        failing.withLock { $0 = false }
        try file.save(ClientRecordBatch(.progress(try .example(handled: 3))))
        let last = file.record
        #expect(last.progress == (try .example(handled: 3)))
        _ = consume file
        #expect(try self.open().record == last)
        #expect(try self.folder.names() == ["alice.state", "copy"])
    }

    @Test(arguments: [StateFile.Step.createSuccessor, .writeSuccessor, .syncSuccessor, .renameSuccessor])
    func aFailureWhileCreatingLeavesNothingInTheWay(step: StateFile.Step) throws {
        #expect(throws: StateFileError.self) {
            _ = try self.open { reached throws(StateFileError) in
                if reached == step { throw StateFileError(.full, path: "", "No space left on device") }
            }
        }
        #expect(try self.folder.names().contains("alice.state") == false)
        let first = try ClientRecord.example(handled: 8)
        #expect(try self.open(initial: first).record == first)
        #expect(try self.folder.names() == ["alice.state"])
    }

    @Test func theErrorNamesTheFileAndSaysWhatIsWrong() throws {
        try self.folder.write([1, 2, 3], to: "alice.state")
        do {
            _ = try self.open()
            Issue.record("it was accepted")
        } catch let error as StateFileError {
            #expect(error.description.hasSuffix("alice.state: is not the state of a Gapless client"))
        }
    }
}
