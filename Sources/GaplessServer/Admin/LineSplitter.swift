import NIOCore

/// Cuts a stream of bytes into lines. Lines without anything but spaces are left out; a carriage return before a line end belongs to it.
struct LineSplitter {
    private var buffer = ByteBuffer()
    /// How many of the readable bytes were searched for a line end.
    private var searched = 0
    private let maxLineBytes: Int

    init(maxLineBytes: Int) {
        self.maxLineBytes = maxLineBytes
    }

    mutating func append(_ bytes: ByteBuffer) {
        self.buffer.writeImmutableBuffer(bytes)
    }

    /// Whether a line is longer than allowed; nothing is given any more then.
    private(set) var isOverLimit = false

    /// The next whole line; nil when more bytes are needed.
    mutating func next() -> ByteBuffer? {
        while !self.isOverLimit {
            let view = self.buffer.readableBytesView
            guard let end = view.dropFirst(self.searched).firstIndex(of: UInt8(ascii: "\n")) else {
                self.searched = view.count
                self.isOverLimit = view.count > self.maxLineBytes
                return nil
            }
            self.searched = 0
            let length = end - view.startIndex
            guard length <= self.maxLineBytes, let line = self.buffer.readSlice(length: length) else {
                self.isOverLimit = true
                return nil
            }
            self.buffer.moveReaderIndex(forwardBy: 1)
            if self.buffer.readerIndex > 1_048_576 { self.buffer.discardReadBytes() }
            if let line = Self.trimmed(line) { return line }
        }
        return nil
    }

    /// What stands behind the last line end; nil when there is nothing. Call it when no more bytes come.
    mutating func last() -> ByteBuffer? {
        guard !self.isOverLimit else { return nil }
        defer { self.buffer.clear() }
        return Self.trimmed(self.buffer)
    }

    private static func trimmed(_ line: ByteBuffer) -> ByteBuffer? {
        let view = line.readableBytesView
        guard let last = view.lastIndex(where: { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else {
            return nil
        }
        return line.getSlice(at: line.readerIndex, length: last - view.startIndex + 1)
    }
}
