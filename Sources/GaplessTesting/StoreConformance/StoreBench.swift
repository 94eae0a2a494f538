import GaplessCore
import GaplessStore

/// A store under test with a clock, names, and short ways to ask it things.
final class StoreBench {
    static let phone = Name.client("alice/phone")
    static let tablet = Name.client("alice/tablet")
    static let bob = Name.client("bob")
    static let first = Name.instance("first")
    static let second = Name.instance("second")
    static let nodeA = NodeIdentity(name: Name.node("a"), incarnation: 1)
    static let nodeB = NodeIdentity(name: Name.node("b"), incarnation: 1)
    /// What the programs of the nodes can work with: all that there is.
    static let schemas: ClosedRange<UInt32> = 1...2

    let policy: StorePolicy
    /// The wall clock of all processes.
    var now = Timestamp(milliseconds: 1_767_225_600_000)

    private let subject: StoreUnderTest
    private let processes: StoreProcesses
    private var opened: [StoreConfiguration.Opened] = []
    private var turn = 0
    private var attempts: UInt64 = 0

    init(_ subject: StoreUnderTest, policy: StorePolicy, processes: StoreProcesses) throws {
        self.subject = subject
        self.policy = policy
        self.processes = processes
        do {
            try self.openAll()
        } catch {
            self.closeAll()
            throw error
        }
    }

    // MARK: Processes

    /// The object of node A's process.
    var storeA: any QueueStore { self.opened[0].store }
    /// The object of node B's process.
    var storeB: any QueueStore { self.opened[1].store }

    /// The object whose turn it is.
    var store: any QueueStore {
        guard self.processes == .twoAlternating else { return self.storeA }
        self.turn += 1
        return self.opened[self.turn % 2].store
    }

    func openAll() throws {
        for _ in 0..<2 { self.opened.append(try self.subject.open()) }
        try self.heartbeat()
    }

    func closeAll() {
        self.opened.forEach { $0.close() }
        self.opened = []
    }

    /// Closes and opens both objects, as after a deploy of both nodes under the same names.
    func reopen() throws {
        self.closeAll()
        try self.openAll()
    }

    /// Closes both objects, copies the store, opens them again; calling the result puts the copy back in the same way.
    func saveCopy() throws -> () throws -> Void {
        self.closeAll()
        let restore = try self.subject.saveCopy()
        try self.openAll()
        return {
            self.closeAll()
            try restore()
            try self.openAll()
        }
    }

    /// Both nodes give a sign of life.
    func heartbeat() throws {
        for (opened, node) in zip(self.opened, [Self.nodeA, Self.nodeB]) {
            _ = try opened.store.commit([.heartbeat(Self.heartbeat(of: node))], now: self.now)
        }
    }

    static func heartbeat(of node: NodeIdentity, seen: SignalCursor = .zero, isStopping: Bool = false) -> HeartbeatOperation {
        HeartbeatOperation(node: node, schemas: Self.schemas, seen: seen, isStopping: isStopping)
    }

    /// Commits a heartbeat through one of the objects, and gives what it found.
    func heartbeatReceipt(_ operation: HeartbeatOperation, in store: any QueueStore) throws -> HeartbeatReceipt {
        let receipts = try store.commit([.heartbeat(operation)], now: self.now).receipts
        guard case .heartbeat(let receipt)? = receipts.first, receipts.count == 1 else { throw Self.wrongKind() }
        return receipt
    }

    func advance(by duration: Duration) {
        self.now = self.now + duration
    }

    // MARK: Operations

    func commit(_ operations: [StoreOperation]) throws -> CommitReceipt {
        let receipt = try self.store.commit(operations, now: self.now)
        try expect(receipt.receipts.count == operations.count, "each operation has a receipt")
        return receipt
    }

    /// Commits one operation and gives its receipt.
    func commit(_ operation: StoreOperation) throws -> StoreReceipt {
        guard let receipt = try self.commit([operation]).receipts.first else { throw StoreConformanceFailure("no receipt") }
        return receipt
    }

    @discardableResult
    func append(_ operation: AppendOperation) throws -> AppendReceipt {
        guard case .append(let receipt) = try self.commit(.append(operation)) else { throw Self.wrongKind() }
        return receipt
    }

    @discardableResult
    func send(_ text: String, to client: ClientID = phone, timeToLive: Duration? = nil, key: String? = nil) throws -> AppendReceipt {
        try self.append(Self.message(text, to: [client], timeToLive: timeToLive, key: key))
    }

    static func message(
        _ text: String,
        to clients: [ClientID] = [phone],
        existingOnly: Bool = false,
        timeToLive: Duration? = nil,
        key: String? = nil
    ) -> AppendOperation {
        AppendOperation(
            recipients: .clients(clients, existingOnly: existingOnly),
            payload: Payload(text: text),
            timeToLive: timeToLive,
            idempotencyKey: key.flatMap { IdempotencyKey($0) }
        )
    }

    /// Sends the numbers of the range as texts.
    func send(_ numbers: ClosedRange<Int>, to client: ClientID = phone) throws {
        for number in numbers {
            try self.send("\(number)", to: client)
        }
    }

    func attachReceipt(_ operation: AttachOperation) throws -> AttachReceipt {
        guard case .attach(let receipt) = try self.commit(.attach(operation)) else { throw Self.wrongKind() }
        return receipt
    }

    /// A hello with an attempt that was never used before, unless one is named.
    func hello(
        _ client: ClientID = phone,
        as instance: InstanceID = first,
        attempt: UInt64? = nil,
        at node: NodeIdentity = nodeA,
        position: Position? = nil,
        taken: StoredMessage? = nil,
        held: Generation? = nil,
        outbox: String? = nil,
        force: Bool = false,
        keep: Duration? = nil
    ) -> AttachOperation {
        self.attempts += 1
        return AttachOperation(
            client: client,
            node: node,
            instance: instance,
            attempt: Attempt(attempt ?? self.attempts),
            position: position,
            taken: taken.map { Taken(through: $0.sequence, newest: $0.time) },
            held: held,
            outbox: outbox.map { Name.outbox($0) },
            force: force,
            keep: keep
        )
    }

    /// Attaches; anything but an attachment is a failure.
    @discardableResult
    func attach(_ operation: AttachOperation) throws -> Attachment {
        let receipt = try self.attachReceipt(operation)
        guard case .attached(let attachment) = receipt else { throw StoreConformanceFailure("the hello attaches, and got \(receipt)") }
        return attachment
    }

    @discardableResult
    func attach(_ client: ClientID = phone) throws -> Attachment {
        try self.attach(self.hello(client))
    }

    func acknowledge(_ number: UInt64, _ fence: Fence, client: ClientID = phone) throws -> AcknowledgeReceipt {
        let operation = AcknowledgeOperation(client: client, fence: fence, through: SequenceNumber(number))
        guard case .acknowledge(let receipt) = try self.commit(.acknowledge(operation)) else { throw Self.wrongKind() }
        return receipt
    }

    func detach(_ fence: Fence, client: ClientID = phone) throws -> DetachReceipt {
        guard case .detach(let receipt) = try self.commit(.detach(DetachOperation(client: client, fence: fence))) else {
            throw Self.wrongKind()
        }
        return receipt
    }

    func mark(_ number: UInt64, of outbox: String = "o1", _ fence: Fence, sends: [AppendOperation] = []) throws -> MarkReceipt {
        let operation = MarkOperation(
            client: Self.phone,
            fence: fence,
            outbox: Name.outbox(outbox),
            number: SequenceNumber(number),
            sends: sends
        )
        guard case .advanceMark(let receipt) = try self.commit(.advanceMark(operation)) else { throw Self.wrongKind() }
        return receipt
    }

    func end(_ fence: Fence, client: ClientID = phone) throws -> EndReceipt {
        guard case .end(let receipt) = try self.commit(.end(EndOperation(client: client, fence: fence))) else { throw Self.wrongKind() }
        return receipt
    }

    func remove(_ client: ClientID = phone, code: CloseCode = .removedByOperator) throws -> RemoveReceipt {
        guard case .remove(let receipt) = try self.commit(.remove(RemoveOperation(client: client, code: code))) else {
            throw Self.wrongKind()
        }
        return receipt
    }

    func expire(maxRows: Int = 500) throws -> ExpireReceipt {
        guard case .expire(let receipt) = try self.commit(.expire(ExpireOperation(maxRows: maxRows))) else { throw Self.wrongKind() }
        return receipt
    }

    /// Sweeps until there is nothing more to do; more slices than there can be work for are a failure.
    @discardableResult
    func expireAll(maxRows: Int = 500, atMost slices: Int = 1_000) throws -> ExpireReceipt {
        var sum = ExpireReceipt(news: [], messages: 0, queues: [], hasMore: false)
        for _ in 0..<slices {
            let receipt = try self.expire(maxRows: maxRows)
            sum.news += receipt.news
            sum.messages += receipt.messages
            sum.queues += receipt.queues
            sum.depths += receipt.depths
            sum.ages += receipt.ages
            sum.stored = receipt.stored
            if !receipt.hasMore { return sum }
        }
        throw StoreConformanceFailure("the sweep ends; after \(slices) slices there was still more")
    }

    // MARK: Looking

    func readReceipt(
        after: UInt64,
        _ fence: Fence,
        client: ClientID = phone,
        maxMessages: Int = 10_000,
        maxBytes: Int = .max
    ) throws -> ReadReceipt {
        let request = ReadRequest(
            client: client,
            fence: fence,
            after: SequenceNumber(after),
            maxMessages: maxMessages,
            maxBytes: maxBytes
        )
        guard let receipt = try self.store.read([request], now: self.now).first else {
            throw StoreConformanceFailure("a read has a receipt")
        }
        return receipt
    }

    func read(
        after: UInt64 = 0,
        _ fence: Fence,
        client: ClientID = phone,
        maxMessages: Int = 10_000,
        maxBytes: Int = .max
    ) throws -> QueueSlice {
        let receipt = try self.readReceipt(after: after, fence, client: client, maxMessages: maxMessages, maxBytes: maxBytes)
        guard case .slice(let slice) = receipt else { throw StoreConformanceFailure("the read gives a slice, and got \(receipt)") }
        return slice
    }

    func snapshot(_ client: ClientID = phone) throws -> QueueSnapshot? {
        try self.store.snapshot(of: client, now: self.now)
    }

    static func wrongKind() -> StoreConformanceFailure {
        StoreConformanceFailure("a receipt is of the kind of its operation")
    }
}

extension QueueSlice {
    /// The payloads as texts.
    var texts: [String] { self.messages.map { $0.payload.text ?? "" } }
    /// The numbers of the messages.
    var numbers: [UInt64] { self.messages.map(\.sequence.rawValue) }
}

extension AppendReceipt {
    /// The number under which the first recipient's queue holds the message; nil when it does not.
    var number: UInt64? {
        if case .stored(let sequence, _) = self.deliveries.first?.outcome { sequence.rawValue } else { nil }
    }
}

extension Attachment {
    /// The position of a client that handled everything through a number.
    func position(_ handled: UInt64, last: StoredMessage? = nil) -> Position {
        Position(
            epoch: self.fence.epoch.token,
            handled: SequenceNumber(handled),
            last: last.map { LastMessage(sequence: $0.sequence, time: $0.time) }
        )
    }
}

/// Names that are known to be well formed.
enum Name {
    static func client(_ text: String) -> ClientID {
        guard let client = ClientID(text) else { preconditionFailure("\(text) is no client") }
        return client
    }

    static func user(_ text: String) -> UserID {
        guard let user = UserID(text) else { preconditionFailure("\(text) is no user") }
        return user
    }

    static func node(_ text: String) -> NodeName {
        guard let node = NodeName(text) else { preconditionFailure("\(text) is no node name") }
        return node
    }

    static func instance(_ text: String) -> InstanceID {
        guard let instance = InstanceID(text) else { preconditionFailure("\(text) is no instance") }
        return instance
    }

    static func outbox(_ text: String) -> OutboxID {
        guard let outbox = OutboxID(text) else { preconditionFailure("\(text) is no outbox") }
        return outbox
    }
}

/// Demands that something holds.
func expect(_ condition: Bool, _ sentence: String, file: String = #fileID, line: Int = #line) throws {
    if !condition { throw StoreConformanceFailure(sentence, file: file, line: line) }
}

/// Demands that two values are the same.
func expectEqual<Value: Equatable>(
    _ got: Value,
    _ expected: Value,
    _ sentence: String,
    file: String = #fileID,
    line: Int = #line
) throws {
    if got != expected {
        throw StoreConformanceFailure("\(sentence): expected \(expected), got \(got)", file: file, line: line)
    }
}
