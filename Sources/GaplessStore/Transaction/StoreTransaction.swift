package import GaplessCore

/// The tables of a store while one batch is applied to them; what the operations mean is written once, in the extensions of this protocol.
///
/// A store with tables of any kind conforms by simple finding and changing, and gets `apply(_:)` for all operations whose meaning does not
/// depend on how it sweeps. `QueueRecord` judges; the extensions ask it and carry out what it says; the conforming type does as it is told.
package protocol StoreTransaction: AnyObject {
    /// What a table can fail with; it ends the whole batch.
    associatedtype Failure: Error

    /// The bounds of the store.
    var policy: StorePolicy { get }
    /// The time of the commit, on the store's clock.
    var clock: Timestamp { get }
    /// How many queues there are.
    var queueCount: Int { get }
    /// How many payload bytes count towards the bound of the store.
    var storedBytes: Int { get }

    // MARK: Queues

    /// A queue; nil when there is none.
    func record(of client: ClientID) throws(Failure) -> QueueRecord?
    /// Puts a changed queue back.
    func setRecord(_ record: QueueRecord) throws(Failure)
    /// Makes a queue with nothing in it and an epoch that was never used.
    func createQueue(_ client: ClientID) throws(Failure) -> QueueRecord
    /// Removes a queue with everything in it. It is gone at once; what it held may take longer to leave the tables, where nobody sees it.
    func removeQueue(_ client: ClientID) throws(Failure)
    /// The addresses of a user's queues, in order.
    func clients(of user: UserID) throws(Failure) -> [ClientID]
    /// An epoch that was never used.
    func freshEpoch() -> Epoch
    /// What is known of the node of the queue's newest attachment.
    func liveness(of record: QueueRecord) throws(Failure) -> HolderLiveness

    // MARK: Messages of a queue that is there; none of these changes its record

    /// Keeps a message under a number above all that are kept.
    func keep(_ payload: Payload, as number: SequenceNumber, times: KeptTimes, of client: ClientID) throws(Failure)
    /// What is known of the message with a number; nil when it is not kept.
    func times(of number: SequenceNumber, of client: ClientID) throws(Failure) -> KeptTimes?
    /// The newest message that is kept in a range and expires after a moment; nil when there is none.
    func newest(in range: SequenceRange, unexpiredAt moment: Timestamp, of client: ClientID) throws(Failure) -> LastMessage?
    /// When the oldest message that is kept was committed; nil when none is.
    func oldestTime(of client: ClientID) throws(Failure) -> Timestamp?
    /// Whether a message is kept that has not expired.
    func hasUnexpired(_ client: ClientID) throws(Failure) -> Bool
    /// Removes what is at or below the record's floor, and says how much that was; it too may only be out of sight at first.
    func removeAcknowledged(_ record: QueueRecord) throws(Failure) -> KeptSum
    /// Removes what has expired, the oldest first, at most `limit`; nil when that is nothing.
    func removeExpired(_ client: ClientID, limit: Int) throws(Failure) -> RemovedMessages?
    /// Removes the oldest until so much has gone; nil when nothing was kept.
    func removeOldest(_ shortage: KeptSum, of client: ClientID) throws(Failure) -> RemovedMessages?

    // MARK: The rest

    /// Notes that the node of a holder is to look at a client. News for a node that counts as dead at the end of the batch are dropped: if it
    /// comes back, it looks at all of its clients.
    func raise(_ kind: Signal.Kind, for client: ClientID, at node: NodeIdentity) throws(Failure)
    /// Whether there is room for so many payload bytes more, after letting go of some that are gone already.
    func hasRoom(for bytes: Int) throws(Failure) -> Bool
    /// Whether it can be kept who is sent away.
    var keepsSentAway: Bool { get }
    /// Whether and until when a client is sent away; nil when it may come.
    func sentAway(_ client: ClientID) throws(Failure) -> SentAway?
    /// Sends a client away, or lets it come.
    func setSentAway(_ client: ClientID, to away: SentAway?) throws(Failure)
    /// Whether one more can be sent away, after forgetting some who may come by now.
    func hasRoomForSentAway() throws(Failure) -> Bool
    /// What a key stands for; nil when it is unknown or its time is over.
    func answer(to key: IdempotencyKey) throws(Failure) -> KeyedAnswer?
    /// Whether one more key can be remembered, after forgetting some whose time is over.
    func hasRoomForKey() throws(Failure) -> Bool
    /// Remembers a key until a moment.
    func remember(_ key: IdempotencyKey, _ answer: KeyedAnswer, until expires: Timestamp) throws(Failure)
    /// Does something wholly or, when the body says no, not at all.
    func attempt<Result>(_ body: () throws(Failure) -> (result: Result, isKept: Bool)) throws(Failure) -> Result
}

/// Messages that left a queue.
package struct RemovedMessages: Hashable, Sendable {
    /// How many and how large.
    package var sum: KeptSum
    /// The lowest and the highest number among them.
    package var range: SequenceRange

    package init(sum: KeptSum, range: SequenceRange) {
        self.sum = sum
        self.range = range
    }
}

/// What was answered to the first send under an idempotency key.
package struct KeyedAnswer: Hashable, Sendable {
    /// Stands for what was sent.
    package var digest: ContentDigest
    /// The receipt, as a repetition gives it.
    package var receipt: Receipt

    package enum Receipt: Hashable, Sendable {
        case append(AppendReceipt)
        case sequence(AppendSequenceReceipt)
    }

    package init(digest: ContentDigest, receipt: Receipt) {
        self.digest = digest
        self.receipt = receipt
    }
}
