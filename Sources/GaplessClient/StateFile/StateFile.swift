import GaplessCore
import NIOCore

/// The file that keeps a client's state, so that a restarted process goes on where the last one was (Protocol.md §5.5).
///
/// A save appends one record and syncs it. When the journal has grown, and at a clean end, a new file with a snapshot alone takes the place
/// of the old one in one step; so no moment of a crash leaves anything but a whole earlier or a whole later state. The file is private to
/// its owner and locked while it is open. All calls block on the disk.
struct StateFile: ~Copyable {
    /// The steps of writing, in the order in which they are taken; tests break them one by one.
    enum Step: Hashable, CaseIterable {
        case createSuccessor
        case writeSuccessor
        case syncSuccessor
        case renameSuccessor
        case syncFolder
        case appendRecord
        case syncRecord
    }

    /// How large the journal may grow beyond the snapshot, in bytes, before a new snapshot takes its place.
    static let minJournalBytes = 256 * 1_024

    /// Where the file is, without symbolic links.
    let path: String
    /// How many bytes a crash had torn and the opening cut off; 0 after a clean end.
    let tornBytes: Int
    /// What the file holds.
    private(set) var record: ClientRecord
    private var descriptor: StateFileDescriptor
    private var journal: StateJournal
    private var wholeBytes: Int
    private var snapshotBytes: Int
    /// Whether a record could not be appended, so that what stands behind the whole bytes is unknown.
    private var isDoubtful = false
    private let beforeStep: @Sendable (Step) throws(StateFileError) -> Void

    /// Opens and locks the file, or creates it with a first state when there is none.
    ///
    /// - Parameters:
    ///   - path: where the file is; its folder must exist.
    ///   - initial: the state to begin with.
    ///   - random: names the file.
    ///   - beforeStep: is asked before each step of writing; throwing breaks the step.
    static func open(
        _ path: String,
        initial: ClientRecord,
        using random: inout some RandomNumberGenerator,
        beforeStep: @escaping @Sendable (Step) throws(StateFileError) -> Void = { _ in }
    ) throws(StateFileError) -> StateFile {
        let path = try StateFileDescriptor.resolve(path)
        // Another process may create, replace or remove the file between two steps; then this one looks again.
        for _ in 0..<100 {
            if let descriptor = try StateFileDescriptor.open(path, creating: .mustExist) {
                let attributes = try descriptor.attributes()
                guard attributes.isRegular else { throw StateFileError(.inaccessible, path: path, "is not a regular file") }
                guard try descriptor.lock() else { throw StateFileError.locked(path) }
                guard StateFileDescriptor.attributes(of: path)?.inode == attributes.inode else { continue }
                return try Self.adopt(descriptor, path: path, beforeStep: beforeStep)
            }
            let file = UInt64.random(in: .min ... .max, using: &random)
            if let created = try Self.create(path, file: file, initial: initial, beforeStep: beforeStep) { return created }
        }
        throw StateFileError(.failed, path: path, "is created and removed all the time by another process")
    }

    private init(
        path: String,
        record: ClientRecord,
        descriptor: consuming StateFileDescriptor,
        journal: StateJournal,
        wholeBytes: Int,
        snapshotBytes: Int,
        tornBytes: Int,
        beforeStep: @escaping @Sendable (Step) throws(StateFileError) -> Void
    ) {
        self.path = path
        self.record = record
        self.descriptor = descriptor
        self.journal = journal
        self.wholeBytes = wholeBytes
        self.snapshotBytes = snapshotBytes
        self.tornBytes = tornBytes
        self.beforeStep = beforeStep
    }

    /// Saves the changes: when this returns, they survive the death of the process and of the machine.
    ///
    /// After an error the file holds either all of them or none; `compact` with a whole record settles it.
    mutating func save(_ batch: ClientRecordBatch) throws(StateFileError) {
        var record = self.record
        guard record.accepts(batch) else { preconditionFailure("changes that do not fit the record they were made from") }
        if self.isDoubtful || self.wholeBytes - self.snapshotBytes > max(Self.minJournalBytes, 2 * self.snapshotBytes) {
            try self.compact(record)
        } else {
            try self.append(batch, giving: record)
        }
    }

    /// Replaces the journal by a snapshot, which has no torn end that could be mistaken; for a clean end.
    mutating func compact() throws(StateFileError) {
        try self.compact(self.record)
    }

    private mutating func compact(_ record: ClientRecord) throws(StateFileError) {
        try self.requirePlace()
        var journal = StateJournal(file: self.journal.file &+ 1)
        let successor = Self.successorPath(self.path)
        try StateFileDescriptor.remove(successor)
        try self.beforeStep(.createSuccessor)
        guard let descriptor = try StateFileDescriptor.open(successor, creating: .mustBeNew), try descriptor.lock() else {
            throw StateFileError.locked(self.path)
        }
        let bytes = try Self.write(record, to: descriptor, journal: &journal, path: self.path, beforeStep: self.beforeStep)
        self.descriptor = descriptor
        self.record = record
        self.journal = journal
        self.wholeBytes = bytes
        self.snapshotBytes = bytes
        self.isDoubtful = false
        try self.beforeStep(.syncFolder)
        try StateFileDescriptor.syncFolder(Self.folder(of: self.path), of: self.path)
    }

    private mutating func append(_ batch: ClientRecordBatch, giving record: ClientRecord) throws(StateFileError) {
        var journal = self.journal
        let bytes = journal.append(batch)
        do {
            try self.beforeStep(.appendRecord)
            try self.descriptor.write(bytes, at: self.wholeBytes)
            try self.beforeStep(.syncRecord)
            try self.descriptor.sync()
            try self.requirePlace()
        } catch {
            self.isDoubtful = true
            throw error
        }
        self.record = record
        self.journal = journal
        self.wholeBytes += bytes.readableBytes
    }

    /// Throws when another file or none is where this one was: what is saved here now is found by nobody.
    private func requirePlace() throws(StateFileError) {
        guard let here = StateFileDescriptor.attributes(of: self.path), here.inode == (try self.descriptor.attributes().inode) else {
            throw StateFileError(.replaced, path: self.path, "was removed or replaced while it was in use")
        }
    }

    // MARK: Opening

    private static func adopt(
        _ descriptor: consuming StateFileDescriptor,
        path: String,
        beforeStep: @escaping @Sendable (Step) throws(StateFileError) -> Void
    ) throws(StateFileError) -> StateFile {
        // Sizes count only once the file is locked.
        let attributes = try descriptor.attributes()
        guard attributes.bytes <= StateJournal.maxFileBytes else {
            throw StateFileError(.foreign, path: path, "is too large for a state file")
        }
        let bytes = try descriptor.read(bytes: attributes.bytes)
        let contents: StateJournalContents
        do {
            contents = try StateJournal.read(bytes)
        } catch {
            throw StateFileError(error, path: path)
        }
        if attributes.mode & 0o077 != 0 { try descriptor.makePrivate() }
        if contents.wholeBytes < attributes.bytes { try descriptor.truncate(bytes: contents.wholeBytes) }
        return StateFile(
            path: path,
            record: contents.record,
            descriptor: descriptor,
            journal: contents.journal,
            wholeBytes: contents.wholeBytes,
            snapshotBytes: contents.snapshotBytes,
            tornBytes: attributes.bytes - contents.wholeBytes,
            beforeStep: beforeStep
        )
    }

    /// Creates the file; nil when another process did so, or removed its leftovers, at the same time.
    private static func create(
        _ path: String,
        file: UInt64,
        initial: ClientRecord,
        beforeStep: @escaping @Sendable (Step) throws(StateFileError) -> Void
    ) throws(StateFileError) -> StateFile? {
        let successor = Self.successorPath(path)
        try beforeStep(.createSuccessor)
        guard let descriptor = try StateFileDescriptor.open(successor, creating: .mustBeNew) else {
            // Left behind by a crash, or another process is creating the file right now and holds the lock.
            guard let leftover = try StateFileDescriptor.open(successor, creating: .mustExist) else { return nil }
            guard try leftover.lock() else { throw StateFileError.locked(path) }
            if StateFileDescriptor.attributes(of: successor)?.inode == (try leftover.attributes().inode) {
                try StateFileDescriptor.remove(successor)
            }
            return nil
        }
        guard try descriptor.lock(), StateFileDescriptor.attributes(of: successor)?.inode == (try descriptor.attributes().inode),
            StateFileDescriptor.attributes(of: path) == nil
        else { return nil }
        var journal = StateJournal(file: file)
        let bytes = try Self.write(initial, to: descriptor, journal: &journal, path: path, beforeStep: beforeStep)
        try beforeStep(.syncFolder)
        try StateFileDescriptor.syncFolder(Self.folder(of: path), of: path)
        return StateFile(
            path: path,
            record: initial,
            descriptor: descriptor,
            journal: journal,
            wholeBytes: bytes,
            snapshotBytes: bytes,
            tornBytes: 0,
            beforeStep: beforeStep
        )
    }

    /// Writes header and snapshot to the successor and puts it in its place; the lock goes with it.
    private static func write(
        _ record: ClientRecord,
        to successor: borrowing StateFileDescriptor,
        journal: inout StateJournal,
        path: String,
        beforeStep: (Step) throws(StateFileError) -> Void
    ) throws(StateFileError) -> Int {
        var bytes = journal.header
        bytes.writeImmutableBuffer(journal.append(ClientRecordBatch(record)))
        do {
            try beforeStep(.writeSuccessor)
            try successor.makePrivate()
            try successor.write(bytes, at: 0)
            try beforeStep(.syncSuccessor)
            try successor.sync()
            try beforeStep(.renameSuccessor)
            try StateFileDescriptor.rename(successor.path, to: path)
        } catch {
            // The first error says why; a leftover is removed by whoever comes next, too.
            try? StateFileDescriptor.remove(successor.path)
            throw error
        }
        return bytes.readableBytes
    }

    /// Where the next file is written before it takes the place of this one.
    static func successorPath(_ path: String) -> String { "\(path).new" }

    private static func folder(of path: String) -> String {
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return folder.isEmpty ? "/" : folder
    }
}

extension StateFileError {
    fileprivate static func locked(_ path: String) -> StateFileError {
        StateFileError(.locked, path: path, "is in use by another process or another client of this one")
    }

    fileprivate init(_ fault: StateJournalFault, path: String) {
        switch fault {
        case .foreign:
            self.init(.foreign, path: path, "is not the state of a Gapless client")
        case .newer(let version):
            self.init(.newer, path: path, "has format \(version), written by a newer version; this one knows \(StateJournal.version)")
        case .damaged(let offset):
            self.init(.corrupt, path: path, "is damaged at byte \(offset); put a copy back, or remove it to start anew")
        }
    }
}
