import Foundation
import GaplessCore
import Testing

@testable import gapless

/// What stands in the file behind the saved position, and when it is cut off.
@Suite struct MessageOutputTests {
    /// A file with these bytes, open for writing; removed afterwards.
    private func withFile(_ text: String, _ body: (_ descriptor: Int32, _ contents: () throws -> String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "gapless-output-\(UUID().uuidString)")
        try Data(text.utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let file = try FileHandle(forUpdating: url)
        try body(file.fileDescriptor) { try String(contentsOf: url, encoding: .utf8) }
        try file.close()
    }

    private func output(_ descriptor: Int32, at bookmark: UInt64?, maxTail: UInt64 = 100) throws -> MessageOutput {
        try MessageOutput(resumingAt: bookmark, isResumable: true, maxTail: maxTail, descriptor: descriptor)
    }

    /// The bookmark of a run that wrote two lines of which it saved the first.
    private func bookmark(_ descriptor: Int32) throws -> UInt64? {
        var killed = try self.output(descriptor, at: nil)
        try killed.write("one".utf8)
        try killed.flush()
        let bookmark = killed.bookmark
        try killed.write("two".utf8)
        try killed.flush()
        return bookmark
    }

    @Test("What a killed run wrote behind its position is cut off when it comes again, not before")
    func cut() throws {
        try self.withFile("zero\n") { descriptor, contents in
            let bookmark = try self.bookmark(descriptor)
            var output = try self.output(descriptor, at: bookmark)
            #expect(try contents() == "zero\none\ntwo\n")
            #expect(output.bookmark == bookmark)
            #expect(!output.isWhole)
            try output.cutTail()
            try output.write("again".utf8)
            #expect(!output.isWhole)
            try output.flush()
            #expect(output.isWhole)
            try output.cutTail()
            #expect(try contents() == "zero\none\nagain\n")
        }
    }

    @Test("What does not come again is kept")
    func keep() throws {
        try self.withFile("") { descriptor, contents in
            var output = try self.output(descriptor, at: try self.bookmark(descriptor))
            output.keepTail()
            try output.cutTail()
            try output.write("three".utf8)
            try output.flush()
            #expect(try contents() == "one\ntwo\nthree\n")
        }
    }

    @Test("More than a killed run can have written is never cut off")
    func tooMuch() throws {
        try self.withFile("") { descriptor, contents in
            let bookmark = try self.bookmark(descriptor)
            #expect(throws: Never.self) { _ = try self.output(descriptor, at: bookmark, maxTail: 4) }
            let error = #expect(throws: ProgramError.self) { _ = try self.output(descriptor, at: bookmark, maxTail: 3) }
            #expect(error?.kind == .inputOutput)
            #expect(error?.description.contains("cut this one back to 4 bytes") == true)
            #expect(try contents() == "one\ntwo\n")
        }
    }

    @Test("Without a bookmark, or with one of another file, nothing is cut off")
    func strangers() throws {
        try self.withFile("zero\n") { descriptor, contents in
            for bookmark in [nil, 1] as [UInt64?] {
                var output = try self.output(descriptor, at: bookmark, maxTail: 0)
                try output.cutTail()
                #expect(output.isWhole)
            }
            #expect(try contents() == "zero\n")
        }
    }

    @Test("A file that takes nothing more keeps its bookmark")
    func failure() throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.close()
        var output = try self.output(pipe.fileHandleForReading.fileDescriptor, at: nil)
        try output.write("one".utf8)
        #expect(throws: ProgramError.self) { try output.flush() }
        #expect(!output.isWhole)
    }

    @Test("The bound is two windows of the longest lines")
    func bound() {
        #expect(MessageOutput.maxTail(of: Window(messages: 9, bytes: 1)) == 2 * (6 * 1_048_577 + 2_560))
    }
}
