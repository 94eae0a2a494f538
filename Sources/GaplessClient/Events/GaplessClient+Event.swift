public import GaplessCore
import NIOCore

extension GaplessClient {
    /// What the application is told, in order.
    @nonexhaustive
    public enum Event: Sendable {
        /// A message.
        case message(Message)
        /// Messages are gone; none of them will come.
        case gap(Gap)
        /// The numbering is new: some messages may have been missed, others may come again. Fetch anew what you build from messages.
        case reset(ResetReason)
        /// The server forgot which messages of this client it had handled: these were sent before and may be handled twice.
        case uplinkMayRepeat([Ticket])
        /// The client is in another state; of several in a row only the newest is told.
        case state(State)
    }

    /// A message from the server.
    public struct Message: Sendable {
        /// Its number: consecutive within an epoch.
        public let sequence: SequenceNumber
        /// The numbering that the number belongs to.
        public let epoch: EpochToken
        /// When it was committed, by the store's clock. It does not order messages, numbers do.
        public let time: Timestamp
        /// What it carries.
        public let payload: Payload

        let reference: EventReference
        let mailbox: ClientMailbox

        /// The text; nil when the message carries bytes.
        public var text: String? { self.payload.text }

        /// The bytes, of text as well.
        public var bytes: [UInt8] { Array(self.payload.bytes.readableBytesView) }

        /// Says that this message is handled.
        ///
        /// - Parameter bookmark: A number of your own that is saved together with the position, as soon as the position includes this
        ///   message; such as the length of the file that you write. See ``GaplessClient/init(_:logger:bookmark:)``.
        public func acknowledge(bookmark: UInt64? = nil) {
            self.mailbox.post(.handled(self.reference, bookmark: bookmark))
        }

        /// Says that this message and every event before it are handled.
        ///
        /// - Parameter bookmark: As with ``acknowledge(bookmark:)``.
        public func acknowledgeThrough(bookmark: UInt64? = nil) {
            self.mailbox.post(.handledThrough(self.reference, bookmark: bookmark))
        }
    }

    /// A range of messages that the server no longer has.
    public struct Gap: Sendable {
        /// The numbers that will not come.
        public let range: SequenceRange
        /// The numbering that the numbers belong to.
        public let epoch: EpochToken
        /// Why they are gone.
        public let reason: GapReason

        let reference: EventReference
        let mailbox: ClientMailbox

        /// Says that the gap is taken note of.
        ///
        /// - Parameter bookmark: As with ``Message/acknowledge(bookmark:)``.
        public func acknowledge(bookmark: UInt64? = nil) {
            self.mailbox.post(.handled(self.reference, bookmark: bookmark))
        }

        /// Says that the gap and every event before it are handled.
        ///
        /// - Parameter bookmark: As with ``Message/acknowledge(bookmark:)``.
        public func acknowledgeThrough(bookmark: UInt64? = nil) {
            self.mailbox.post(.handledThrough(self.reference, bookmark: bookmark))
        }
    }
}

extension GaplessClient.Event {
    /// Names the event towards the session; nil for those that need no acknowledgement.
    var reference: EventReference? {
        switch self {
        case .message(let message): message.reference
        case .gap(let gap): gap.reference
        case .reset, .uplinkMayRepeat, .state: nil
        }
    }

    /// How many bytes of payload the event holds.
    var payloadBytes: Int {
        if case .message(let message) = self { message.payload.count } else { 0 }
    }

    /// Whether a later state makes this event pointless.
    var isState: Bool {
        if case .state = self { true } else { false }
    }

    /// What a session's event is to the application.
    init(_ event: GaplessCore.ClientEvent, mailbox: ClientMailbox) {
        switch event {
        case .message(let reference, let message):
            self = .message(
                GaplessClient.Message(
                    sequence: message.sequence,
                    epoch: reference.epoch,
                    time: message.time,
                    payload: message.payload,
                    reference: reference,
                    mailbox: mailbox
                )
            )
        case .gap(let reference, let gap):
            self = .gap(
                GaplessClient.Gap(range: gap.range, epoch: reference.epoch, reason: gap.reason, reference: reference, mailbox: mailbox)
            )
        case .reset(let reason): self = .reset(reason)
        case .uplinkMayRepeat(let tickets): self = .uplinkMayRepeat(tickets.map { GaplessClient.Ticket($0, mailbox: mailbox) })
        case .state(let state): self = .state(GaplessClient.State(state))
        }
    }
}
