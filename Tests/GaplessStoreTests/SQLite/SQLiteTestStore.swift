import Foundation
import GRDB
import GaplessCore
import GaplessStore
import Logging
import Synchronization

@testable import GaplessSQLite

/// Opens stores on one file, and has short names for what tests do with them.
struct SQLiteTestStore {
    static let phone = client("alice/phone")
    static let start = Timestamp(milliseconds: 1_767_225_600_000)

    let folder = TemporaryFolder()
    let log = LogRecords()

    var path: String { self.folder.file() }

    func open(
        policy: StorePolicy = StorePolicy(),
        _ change: (inout SQLiteStoreConfiguration) -> Void = { _ in }
    ) throws -> SQLiteQueueStore {
        var configuration = SQLiteStoreConfiguration()
        configuration.lockLimit = .seconds(300)  // Longer than a busy machine stands still.
        change(&configuration)
        return try SQLiteQueueStore(path: self.path, policy: policy, logger: self.log.logger, configuration: configuration)
    }

    /// Opens a connection of its own, as somebody with the `sqlite3` program does.
    func withDatabase<Result>(_ name: String = "gapless.db", _ body: (Database) throws -> Result) throws -> Result {
        let queue = try DatabaseQueue(path: self.folder.file(name))
        defer { try? queue.close() }
        return try queue.writeWithoutTransaction(body)
    }

    /// Copies the database alone, as a careless backup does. No store object may have it open.
    func copyDatabase() throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: self.path))
    }

    /// Puts a copy back in the place of what is there.
    func restoreDatabase(_ copy: Data) throws {
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: self.path + suffix) }
        try FileManager.default.removeItem(atPath: self.path)
        try copy.write(to: URL(fileURLWithPath: self.path))
    }

    static func client(_ text: String) -> ClientID {
        guard let client = ClientID(text) else { preconditionFailure("\(text) is no client") }
        return client
    }

    static func node(_ name: String, incarnation: UInt64 = 1) -> NodeIdentity {
        guard let name = NodeName(name) else { preconditionFailure("\(name) is no node name") }
        return NodeIdentity(name: name, incarnation: incarnation)
    }

    static func message(_ text: String, to client: ClientID = phone, key: String? = nil) -> StoreOperation {
        .append(
            AppendOperation(
                recipients: .clients([client], existingOnly: false),
                payload: Payload(text: text),
                idempotencyKey: key.flatMap { IdempotencyKey($0) }
            )
        )
    }

    static func hello(
        _ client: ClientID = phone,
        attempt: UInt64 = 1,
        at node: NodeIdentity = node("a"),
        position: Position? = nil,
        held: Generation? = nil
    ) -> AttachOperation {
        guard let instance = InstanceID("first") else { preconditionFailure("an instance") }
        return AttachOperation(client: client, node: node, instance: instance, attempt: Attempt(attempt), position: position, held: held)
    }

    static func heartbeat(
        _ node: NodeIdentity,
        schemas: ClosedRange<UInt32> = 1...1,
        report: NodeReport? = nil,
        isStopping: Bool = false
    ) -> StoreOperation {
        .heartbeat(HeartbeatOperation(node: node, schemas: schemas, seen: .zero, report: report, isStopping: isStopping))
    }
}

extension QueueStore {
    /// Commits one operation and gives its receipt.
    func commit(_ operation: StoreOperation, now: Timestamp = SQLiteTestStore.start) throws -> StoreReceipt {
        guard let receipt = try self.commit([operation], now: now).receipts.first else { throw CocoaError(.featureUnsupported) }
        return receipt
    }

    /// Sends texts, a commit each.
    func send(_ texts: String..., to client: ClientID = SQLiteTestStore.phone, now: Timestamp = SQLiteTestStore.start) throws {
        for text in texts { _ = try self.commit(SQLiteTestStore.message(text, to: client), now: now) }
    }

    /// Attaches; anything else is an error.
    func attach(_ hello: AttachOperation = SQLiteTestStore.hello(), now: Timestamp = SQLiteTestStore.start) throws -> Attachment {
        guard case .attach(.attached(let attachment)) = try self.commit(.attach(hello), now: now) else {
            throw CocoaError(.featureUnsupported)
        }
        return attachment
    }

    /// The texts that follow a cursor.
    func texts(
        after: SequenceNumber = .zero,
        _ fence: Fence,
        of client: ClientID = SQLiteTestStore.phone,
        now: Timestamp = SQLiteTestStore.start
    ) throws -> [String] {
        let request = ReadRequest(client: client, fence: fence, after: after, maxMessages: 1_000_000, maxBytes: .max)
        guard case .slice(let slice) = try self.read([request], now: now).first else { throw CocoaError(.featureUnsupported) }
        return slice.messages.compactMap(\.payload.text)
    }
}

/// Keeps what was logged.
final class LogRecords: Sendable {
    private let records = Mutex<[String]>([])

    /// The level and the message of each record.
    var messages: [String] { self.records.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(records: self) }
        logger.logLevel = .info
        return logger
    }

    fileprivate func add(_ record: String) {
        self.records.withLock { $0.append(record) }
    }

    private struct Handler: LogHandler {
        let records: LogRecords
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            self.records.add("\(event.level): \(event.message)")
        }
    }
}
