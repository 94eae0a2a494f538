import GRDB
import GRDBSQLite
import GaplessCore
import NIOCore

/// One SQL statement, compiled once for a connection, that takes and gives numbers, text and bytes without detours.
///
/// GRDB compiles it and owns the connection; binding and stepping go straight to SQLite, because GRDB's arguments and rows cost more than
/// the row itself where hundreds of rows are written in a commit. Use it only inside an access to its connection.
struct PreparedStatement {
    private let statement: Statement
    private var pointer: OpaquePointer { self.statement.sqliteStatement }

    /// Compiles the statement, or finds it among those that this connection compiled before.
    init(_ database: Database, _ sql: String) throws {
        self.statement = try database.cachedStatement(sql: sql)
    }

    // MARK: Values, numbered from 1

    func bind(_ value: Int64, at index: Int32) {
        sqlite3_bind_int64(self.pointer, index, value)
    }

    func bind(_ value: Int64?, at index: Int32) {
        if let value { self.bind(value, at: index) } else { sqlite3_bind_null(self.pointer, index) }
    }

    /// Binds the 64 bits as they are.
    func bind(bits value: UInt64, at index: Int32) {
        self.bind(Int64(bitPattern: value), at: index)
    }

    func bind(_ value: SequenceNumber, at index: Int32) {
        self.bind(Int64(value.rawValue), at: index)
    }

    func bind(_ value: Timestamp, at index: Int32) {
        self.bind(Int64(value.milliseconds), at: index)
    }

    func bind(_ value: Timestamp?, at index: Int32) {
        self.bind(value.map { Int64($0.milliseconds) }, at: index)
    }

    func bind(_ value: String, at index: Int32) {
        var value = value
        value.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                _ = sqlite3_bind_text(self.pointer, index, characters.baseAddress, Int32(characters.count), Self.copied)
            }
        }
    }

    func bind(_ value: String?, at index: Int32) {
        if let value { self.bind(value, at: index) } else { sqlite3_bind_null(self.pointer, index) }
    }

    func bind(_ value: ByteBuffer, at index: Int32) {
        value.withUnsafeReadableBytes { bytes in
            // A blob without an address would be bound as null.
            guard !bytes.isEmpty else { return _ = sqlite3_bind_zeroblob(self.pointer, index, 0) }
            _ = sqlite3_bind_blob(self.pointer, index, bytes.baseAddress, Int32(bytes.count), Self.copied)
        }
    }

    /// Tells SQLite to copy what it is given.
    private static var copied: sqlite3_destructor_type {
        unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    // MARK: Running

    /// Runs a statement that gives no rows.
    func execute() throws {
        defer { sqlite3_reset(self.pointer) }
        guard try !self.step() else { preconditionFailure("a statement that gives rows is read, not executed") }
    }

    /// Runs the statement and gives each row to `body`, until that returns false.
    func forEachRow(_ body: (PreparedStatement) throws -> Bool) throws {
        defer { sqlite3_reset(self.pointer) }
        while try self.step() {
            guard try body(self) else { return }
        }
    }

    /// Runs the statement and makes something of its first row; nil when there is none.
    func first<Result>(_ body: (PreparedStatement) throws -> Result) throws -> Result? {
        defer { sqlite3_reset(self.pointer) }
        return try self.step() ? try body(self) : nil
    }

    private func step() throws -> Bool {
        switch sqlite3_step(self.pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            let connection = sqlite3_db_handle(self.pointer)
            throw DatabaseError(
                resultCode: ResultCode(rawValue: sqlite3_extended_errcode(connection) == 0 ? code : sqlite3_extended_errcode(connection)),
                message: sqlite3_errmsg(connection).map { String(cString: $0) }
            )
        }
    }

    // MARK: Columns of the current row, numbered from 0

    func integer(_ column: Int32) -> Int64 {
        sqlite3_column_int64(self.pointer, column)
    }

    /// The 64 bits as they are.
    func bits(_ column: Int32) -> UInt64 {
        UInt64(bitPattern: self.integer(column))
    }

    func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(self.pointer, column) == SQLITE_NULL
    }

    func text(_ column: Int32) -> String {
        guard let characters = sqlite3_column_text(self.pointer, column) else { return "" }
        let count = Int(sqlite3_column_bytes(self.pointer, column))
        return String(decoding: UnsafeBufferPointer(start: characters, count: count), as: UTF8.self)
    }

    func bytes(_ column: Int32) -> ByteBuffer {
        guard let bytes = sqlite3_column_blob(self.pointer, column) else { return ByteBuffer() }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(self.pointer, column))))
    }

    /// A sequence number, or damage.
    func sequence(_ column: Int32) throws -> SequenceNumber {
        guard let value = UInt64(exactly: self.integer(column)), let number = SequenceNumber(exactly: value) else {
            throw DamagedRow("a sequence number is \(self.integer(column))")
        }
        return number
    }

    /// A moment, or damage.
    func timestamp(_ column: Int32) throws -> Timestamp {
        guard let value = UInt64(exactly: self.integer(column)), value <= Limits.maxInteger else {
            throw DamagedRow("a time is \(self.integer(column))")
        }
        return Timestamp(milliseconds: value)
    }

    /// A moment, nothing, or damage.
    func optionalTimestamp(_ column: Int32) throws -> Timestamp? {
        self.isNull(column) ? nil : try self.timestamp(column)
    }

    /// A count, or damage.
    func count(_ column: Int32) throws -> Int {
        let value = self.integer(column)
        guard value >= 0 else { throw DamagedRow("a count is \(value)") }
        return Int(value)
    }
}

/// A row that holds what this program never writes.
struct DamagedRow: Error, CustomStringConvertible {
    /// What is wrong.
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
