public import GaplessCore

/// What became of a send. It exists only once everything in it is durable.
public struct SendReceipt: Hashable, Sendable {
    /// What became of a message at one of its recipients.
    public struct Delivery: Hashable, Sendable {
        /// The recipient.
        public let client: ClientID

        /// The message's number in the recipient's queue; nil when the queue did not take it.
        public let sequence: SequenceNumber?

        /// The numbering that `sequence` belongs to; nil when the queue did not take the message.
        public let epoch: Epoch?

        /// Why the queue did not take the message; nil when it did.
        public let refusal: SendError.Code?

        package init(client: ClientID, sequence: SequenceNumber, epoch: Epoch) {
            self.client = client
            self.sequence = sequence
            self.epoch = epoch
            self.refusal = nil
        }

        package init(client: ClientID, refusal: SendError.Code) {
            self.client = client
            self.sequence = nil
            self.epoch = nil
            self.refusal = refusal
        }
    }

    /// When the message was committed, on the store's clock.
    public let time: Timestamp

    /// One entry a recipient, in their order. Empty when a user has no client.
    ///
    /// A send to exactly one named client throws when its queue refuses; with more recipients each entry speaks for itself.
    public let deliveries: [Delivery]

    /// Whether this is the receipt of an earlier send with the same idempotency key; nothing was stored now.
    public let isRepeat: Bool

    package init(time: Timestamp, deliveries: [Delivery], isRepeat: Bool = false) {
        self.time = time
        self.deliveries = deliveries
        self.isRepeat = isRepeat
    }

    /// How many queues took the message.
    public var clients: Int {
        self.deliveries.count { $0.sequence != nil }
    }

    /// The message's number in the queue of its only recipient; nil when there were none or several.
    public var sequence: SequenceNumber? {
        self.deliveries.count == 1 ? self.deliveries[0].sequence : nil
    }
}
