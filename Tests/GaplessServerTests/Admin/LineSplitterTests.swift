import NIOCore
import Testing

@testable import GaplessServer

@Suite struct LineSplitterTests {
    private func lines(of text: String, pieces: Int, limit: Int = 100) -> (lines: [String], isOverLimit: Bool) {
        var splitter = LineSplitter(maxLineBytes: limit)
        var lines: [String] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            splitter.append(ByteBuffer(bytes: rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
            while let line = splitter.next() { lines.append(String(buffer: line)) }
        }
        if let line = splitter.last() { lines.append(String(buffer: line)) }
        return (lines, splitter.isOverLimit)
    }

    @Test(arguments: 1...12)
    func linesDoNotDependOnHowTheyArrive(_ pieces: Int) {
        #expect(self.lines(of: "a\nbc\r\n\n  \ndef", pieces: pieces).lines == ["a", "bc", "def"])
        #expect(self.lines(of: "a\n", pieces: pieces).lines == ["a"])
        #expect(self.lines(of: "", pieces: pieces).lines == [])
    }

    @Test(arguments: [1, 3, 100])
    func aLineIsBounded(_ pieces: Int) {
        #expect(self.lines(of: "12345\n123456\n1", pieces: pieces, limit: 6) == (["12345", "123456", "1"], false))
        #expect(self.lines(of: "12345\n1234567\n1", pieces: pieces, limit: 6) == (["12345"], true))
        #expect(self.lines(of: "1\n1234567890", pieces: pieces, limit: 6) == (["1"], true))
    }
}
