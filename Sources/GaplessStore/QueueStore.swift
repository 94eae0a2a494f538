package import GaplessCore

/// Where queues live: batches in, receipts out, one durable transaction a batch.
///
/// A store numbers messages, keeps bounds, and is the only authority on who is attached. It is synchronous: each shell calls it on
/// threads of its own. Several processes may work on one store at once; each has an object of its own.
package protocol QueueStore: AnyObject, Sendable {
    /// The life of the store that this object sees.
    var incarnation: Incarnation { get throws(QueueStoreError) }

    /// Applies the operations in order, in one transaction, and returns when they are durable.
    ///
    /// - Parameter now: the caller's wall clock; the store's clock is the highest that it ever saw.
    /// - Throws: `.unavailable` and its like when nothing happened; `.unknown` when that cannot be known.
    func commit(_ operations: [StoreOperation], now: Timestamp) throws(QueueStoreError) -> CommitReceipt

    /// Reads for delivery; one receipt a request, in their order.
    func read(_ requests: [ReadRequest], now: Timestamp) throws(QueueStoreError) -> [ReadReceipt]

    /// What concerns the connections of a node and came after the cursor. The truth behind every wake-up.
    func signals(for node: NodeIdentity, after cursor: SignalCursor) throws(QueueStoreError) -> SignalBatch

    /// One queue; nil when there is none.
    func snapshot(of client: ClientID, now: Timestamp) throws(QueueStoreError) -> QueueSnapshot?

    /// Queues in order of their address, above `after`, of one user or of all; at most `limit`.
    func snapshots(of user: UserID?, after: ClientID?, limit: Int, now: Timestamp) throws(QueueStoreError) -> [QueueSnapshot]

    /// Two keys for the tokens of clients that the server names, newest first; made and rotated by the store every 30 days.
    func tokenKeys(now: Timestamp) throws(QueueStoreError) -> [TokenKey]

    /// Ends all work with the store; later calls fail with `.closed`.
    func close()
}

/// A commit, once durable.
package struct CommitReceipt: Hashable, Sendable {
    /// The commit's number in the store, counting up from 1.
    package var number: UInt64
    /// The commit's time on the store's clock.
    package var time: Timestamp
    /// One receipt an operation, in their order.
    package var receipts: [StoreReceipt]
    /// Other processes that have new signals and can be woken.
    package var wake: [NodeIdentity]

    package init(number: UInt64, time: Timestamp, receipts: [StoreReceipt], wake: [NodeIdentity]) {
        self.number = number
        self.time = time
        self.receipts = receipts
        self.wake = wake
    }
}

/// A key under which client tokens are made (Protocol.md §9.2).
package struct TokenKey: Hashable, Sendable {
    /// The key's name in tokens.
    package var id: String
    /// 32 random bytes; a secret.
    package var secret: [UInt8]
    /// When it was made.
    package var created: Timestamp

    package init(id: String, secret: [UInt8], created: Timestamp) {
        self.id = id
        self.secret = secret
        self.created = created
    }
}
