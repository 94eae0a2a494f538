import Foundation
import GaplessStore
import Testing

@testable import GaplessSQLite

@Suite struct ProgressFileTests {
    private let folder = TemporaryFolder()

    @Test func whatWasWrittenIsRead() throws {
        let file = ProgressFile(try StorePath(self.folder.file()))
        #expect(file.read() == .missing)
        for progress in [StoreProgress(store: 1, number: 0), StoreProgress(store: .max, number: .max)] {
            try file.write(progress)
            #expect(file.read() == .progress(progress))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder.path) == ["gapless.db-progress"])
    }

    @Test func aNoteChangesTheNumberAlone() throws {
        let file = ProgressFile(try StorePath(self.folder.file()))
        try file.write(StoreProgress(store: 0xabc, number: 7))
        let note = try #require(file.openForNotes(of: 0xabc))
        for number in [8, .max, 0] as [UInt64] {
            try note.write(number)
            #expect(file.read() == .progress(StoreProgress(store: 0xabc, number: number)))
        }
        #expect(note.isCurrent)
        try file.write(StoreProgress(store: 0xabc, number: 9))
        #expect(!note.isCurrent)
    }

    @Test func notesAreTakenInNoOtherFile() throws {
        let path = try StorePath(self.folder.file())
        #expect(ProgressFile(path).openForNotes(of: 1) == nil)
        try ProgressFile(path).write(StoreProgress(store: 2, number: 0))
        #expect(ProgressFile(path).openForNotes(of: 1) == nil)
        // As it was written before there were notes.
        try self.folder.write("gapless-progress 1\n0000000000000001\n12\n".utf8, to: "gapless.db-progress")
        #expect(ProgressFile(path).read() == .progress(StoreProgress(store: 1, number: 12)))
        #expect(ProgressFile(path).openForNotes(of: 1) == nil)
    }

    @Test func onlyItsOwnerReadsIt() throws {
        let path = try StorePath(self.folder.file())
        try ProgressFile(path).write(StoreProgress(store: 1, number: 2))
        let attributes = try FileManager.default.attributesOfItem(atPath: path.progress)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test(arguments: [
        "", "\n", "gapless-progress 1\n", "gapless-progress 1\n0000000000000001\n", "gapless-progress 1\n0000000000000001\n12",
        "gapless-progress 2\n0000000000000001\n12\n", "gapless-progress 1\n1\n12\n", "gapless-progress 1\n0000000000000001\nx\n",
        "gapless-progress 1\n0000000000000001\n12\nmore", "gapless-progress 1\n0000000000000001\n-1\n",
    ])
    func anythingElseIsUnreadable(_ text: String) throws {
        let path = try StorePath(self.folder.file())
        try self.folder.write(text.utf8, to: "gapless.db-progress")
        #expect(ProgressFile(path).read() == .unreadable)
    }
}
