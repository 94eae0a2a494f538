import GaplessCore
import Testing

extension ServerFrame {
    /// A `WELCOME`; what is not said is as at a first connection.
    static func welcome(
        client: String = "alice/phone",
        epoch: String = "e1",
        generation: UInt64 = 1,
        resume: Resume = .resumed,
        after: UInt64 = 0,
        head: UInt64? = nil,
        mark: UInt64 = 0,
        window: Window = .defaultDownlink,
        uplinkWindow: Window = .defaultUplink,
        heartbeat: Duration = .seconds(300),
        silence: Duration = .seconds(600),
        token: String? = nil,
        endpoints: [String]? = nil,
        maxMessage: Int = 65_536
    ) throws -> ServerFrame {
        .welcome(
            Welcome(
                client: try #require(ClientID(client) as ClientID?),
                epoch: try #require(EpochToken(epoch)),
                generation: Generation(generation),
                resume: resume,
                after: SequenceNumber(after),
                head: SequenceNumber(head ?? after),
                mark: SequenceNumber(mark),
                downlinkWindow: window,
                uplinkWindow: uplinkWindow,
                heartbeat: heartbeat,
                silence: silence,
                node: "a",
                token: token,
                endpoints: endpoints,
                limits: WireLimits(message: maxMessage)
            )
        )
    }

    /// A message with the text `message N`.
    static func message(_ number: UInt64) -> ServerFrame {
        .message(
            StoredMessage(
                sequence: SequenceNumber(number),
                time: Timestamp(milliseconds: 1_767_225_600_000 + number),
                payload: Payload(text: "message \(number)")
            )
        )
    }

    /// A gap.
    static func gap(_ first: UInt64, _ last: UInt64, _ reason: GapReason) -> ServerFrame {
        .gap(Gap(SequenceRange(SequenceNumber(first), through: SequenceNumber(last)), reason: reason))
    }

    /// An uplink acknowledgement.
    static func acknowledge(_ number: UInt64) -> ServerFrame {
        .acknowledge(through: SequenceNumber(number))
    }
}

extension ClientFrame {
    /// An uplink message with the text.
    static func message(_ number: UInt64, _ text: String) -> ClientFrame {
        .message(sequence: SequenceNumber(number), payload: Payload(text: text))
    }

    /// An acknowledgement.
    static func acknowledge(_ number: UInt64) -> ClientFrame {
        .acknowledge(through: SequenceNumber(number))
    }
}
