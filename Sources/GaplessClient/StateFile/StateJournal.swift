import GaplessCore
import NIOCore

/// The bytes of a state file: a header, a snapshot, and a journal of what was saved since.
///
/// ```text
/// header   "gapless-state\n\0\0" | version 4 | file 8 | check 8              the file's own random number seeds every check
/// record   length 4 | number 4 | check 8 | body | check 8                    number counts from 0, the snapshot
/// ```
///
/// The header and the snapshot are written to another file that takes this one's place when it is complete, so they are never torn; each
/// later record is appended by one write and synced before the next. So only the last record can be torn by a crash: it ends the file, is
/// not valid, and nothing valid follows. That one is dropped. Every other damage is refused.
struct StateJournal {
    /// What marks a state file of any version.
    static let magic: [UInt8] = Array("gapless-state\n".utf8) + [0, 0]
    /// The version of the format that this software writes and reads.
    static let version: UInt32 = 1
    /// Bytes before the first record.
    static let headerBytes = 36
    /// Bytes of a record besides its body.
    static let recordOverhead = 24
    /// The largest file that is read, in bytes.
    static let maxFileBytes = 1 << 30

    /// The file's own number, drawn by whoever creates it.
    let file: UInt64
    /// The number of the next record.
    private(set) var nextNumber: UInt32 = 0

    /// The journal of a file that is being created.
    init(file: UInt64) {
        self.file = file
    }

    /// The first bytes of the file.
    var header: ByteBuffer {
        var buffer = ByteBuffer(bytes: Self.magic)
        buffer.writeMultipleIntegers(Self.version, self.file)
        var check = StateChecksum(seed: 0)
        check.update(buffer.readableBytesView)
        buffer.writeInteger(check.value)
        return buffer
    }

    /// The next record: what saves the changes when everything before it is in the file.
    mutating func append(_ batch: ClientRecordBatch) -> ByteBuffer {
        let body = batch.encoded()
        var buffer = ByteBuffer()
        buffer.reserveCapacity(body.readableBytes + Self.recordOverhead)
        buffer.writeMultipleIntegers(UInt32(body.readableBytes), self.nextNumber)
        buffer.writeInteger(self.check(of: buffer.readableBytesView))
        buffer.writeImmutableBuffer(body)
        buffer.writeInteger(self.check(of: buffer.readableBytesView))
        self.nextNumber += 1
        return buffer
    }

    private func check(of bytes: ByteBufferView) -> UInt64 {
        var check = StateChecksum(seed: self.file)
        check.update(bytes)
        return check.value
    }
}

/// What stands in a state file.
struct StateJournalContents {
    /// Where to go on.
    var journal: StateJournal
    /// The client's record after the last whole one of the journal.
    var record: ClientRecord
    /// How many bytes the header and the snapshot take.
    var snapshotBytes: Int
    /// How many bytes are whole; what follows is the torn end that a crash left behind.
    var wholeBytes: Int
}

/// Why bytes are not a state file that this software can use.
enum StateJournalFault: Error, Hashable {
    /// It is something else.
    case foreign
    /// It has a version that this software does not know.
    case newer(version: UInt32)
    /// It is damaged at that byte.
    case damaged(offset: Int)
}

extension StateJournal {
    /// Reads a whole file.
    static func read(_ bytes: ByteBuffer) throws(StateJournalFault) -> StateJournalContents {
        let count = bytes.readableBytes
        let prefix = bytes.readableBytesView.prefix(Self.magic.count)
        guard Self.magic.starts(with: prefix) else { throw .foreign }
        guard count >= Self.headerBytes, let version = bytes.integer(16, as: UInt32.self), let file = bytes.integer(20, as: UInt64.self)
        else {
            throw .damaged(offset: count)
        }
        guard version == Self.version else { throw .newer(version: version) }
        var check = StateChecksum(seed: 0)
        check.update(bytes.view(0, Self.headerBytes - 8))
        guard bytes.integer(Self.headerBytes - 8) == check.value else {
            throw .damaged(offset: Self.magic.count)
        }

        var journal = StateJournal(file: file)
        guard let (number, body) = journal.record(in: bytes, at: Self.headerBytes), number == 0,
            var record = ClientRecordBatch(decoding: body).flatMap({ ClientRecord($0) })
        else { throw .damaged(offset: Self.headerBytes) }
        journal.nextNumber = 1
        let snapshotBytes = Self.headerBytes + body.readableBytes + Self.recordOverhead
        var offset = snapshotBytes
        while offset < count, let (number, body) = journal.record(in: bytes, at: offset), number == journal.nextNumber {
            guard let batch = ClientRecordBatch(decoding: body), record.accepts(batch) else { throw .damaged(offset: offset) }
            journal.nextNumber += 1
            offset += body.readableBytes + Self.recordOverhead
        }
        guard offset == count || !journal.hasRecord(in: bytes, from: offset) else { throw .damaged(offset: offset) }
        return StateJournalContents(journal: journal, record: record, snapshotBytes: snapshotBytes, wholeBytes: offset)
    }

    /// The record that begins at the offset; nil when none does, or not a whole one.
    private func record(in bytes: ByteBuffer, at offset: Int) -> (number: UInt32, body: ByteBuffer)? {
        guard let length = bytes.integer(offset, as: UInt32.self), let number = bytes.integer(offset + 4, as: UInt32.self),
            let headCheck = bytes.integer(offset + 8, as: UInt64.self), headCheck == self.check(of: bytes.view(offset, 8)),
            let body = bytes.getSlice(at: bytes.readerIndex + offset + 16, length: Int(length)),
            let bodyCheck = bytes.integer(offset + 16 + Int(length), as: UInt64.self),
            bodyCheck == self.check(of: bytes.view(offset, 16 + Int(length)))
        else { return nil }
        return (number, body)
    }

    /// Whether a whole record begins at the offset or anywhere behind: then what stands there is damage and not the torn end.
    private func hasRecord(in bytes: ByteBuffer, from offset: Int) -> Bool {
        let last = bytes.readableBytes - Self.recordOverhead
        guard offset <= last else { return false }
        return (offset...last).contains { self.record(in: bytes, at: $0) != nil }
    }
}

/// FNV-1a of 64 bits: each step is a bijection, so that no single wrong byte goes unseen. It guards against damage, not against malice.
struct StateChecksum {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    /// Begins with the seed's eight bytes.
    init(seed: UInt64) {
        withUnsafeBytes(of: seed.littleEndian) { bytes in
            for byte in bytes { self.add(byte) }
        }
    }

    /// Adds bytes.
    mutating func update(_ bytes: ByteBufferView) {
        bytes.withUnsafeBytes { bytes in
            for byte in bytes { self.add(byte) }
        }
    }

    private mutating func add(_ byte: UInt8) {
        self.value = (self.value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
}

extension ByteBuffer {
    /// The bytes at an offset from the first readable one.
    ///
    /// - Precondition: there are so many.
    fileprivate func view(_ offset: Int, _ count: Int) -> ByteBufferView {
        guard let view = self.viewBytes(at: self.readerIndex + offset, length: count) else {
            preconditionFailure("the bytes of a state file were counted before they are looked at")
        }
        return view
    }

    /// An integer at an offset from the first readable byte; nil when the bytes end before.
    fileprivate func integer<Integer: FixedWidthInteger>(_ offset: Int, as type: Integer.Type = Integer.self) -> Integer? {
        self.getInteger(at: self.readerIndex + offset, as: type)
    }
}
