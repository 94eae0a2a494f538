import NIOCore

@testable import GaplessServer

/// The bodies that the HTTP API takes: one JSON object, or lines of them in pieces of any size.
enum APITarget {
    static func run(_ input: Input) -> CInt {
        guard let choice = input.choice else { return 0 }
        let body = input.rest
        _ = try? AdminMessage.parse(body)
        let whole = Self.lines(body, pieces: max(1, body.readableBytes))
        if Self.lines(body, pieces: Int(choice) + 1) != whole { fault("lines depend on the pieces in which they come") }
        for line in whole.lines { _ = try? AdminMessage.parse(line) }
        return 0
    }

    private struct Lines: Equatable {
        var lines: [ByteBuffer] = []
        var isOverLimit = false
    }

    private static func lines(_ body: ByteBuffer, pieces size: Int) -> Lines {
        var (body, splitter, found) = (body, LineSplitter(maxLineBytes: 512), Lines())
        while let piece = body.readSlice(length: min(size, body.readableBytes)), piece.readableBytes > 0 {
            splitter.append(piece)
            while let line = splitter.next() { found.lines.append(line) }
        }
        if let line = splitter.last() { found.lines.append(line) }
        found.isOverLimit = splitter.isOverLimit
        for line in found.lines where line.readableBytes > 512 { fault("a line is longer than allowed") }
        return found
    }
}
