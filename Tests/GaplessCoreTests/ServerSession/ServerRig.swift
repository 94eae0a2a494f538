import GaplessCore

/// A server session with a clock of its own: drives it, and hands back what each event made it do.
///
/// Observations are taken out of the outputs and kept apart, so that a test compares what matters to the protocol.
final class ServerRig {
    var session: ServerSession
    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    var wallClock = Timestamp(milliseconds: 1_767_225_600_000)
    private(set) var observations: [SessionObservation] = []
    private let configuration: ServerSessionConfiguration

    static let epoch = Epoch(incarnation: Incarnation(rawValue: 7), queue: 1)
    static let fence = Fence(epoch: epoch, generation: Generation(3))
    static let node = NodeIdentity(name: Named.node("a"), incarnation: 1)
    static let instance = Named.instance("i1")
    static let outbox = Named.outbox("o1")

    init(_ configure: (inout ServerSessionConfiguration) -> Void = { _ in }) {
        var configuration = ServerSessionConfiguration(node: Self.node)
        configure(&configuration)
        self.configuration = configuration
        self.session = ServerSession(configuration: configuration, now: self.now)
    }

    // MARK: Events

    func receive(_ frames: ClientFrame...) -> ServerSessionOutput {
        self.perform { session, output in
            for frame in frames { session.received(frame, now: self.now, into: &output) }
        }
    }

    func misread(_ code: CloseCode) -> ServerSessionOutput {
        self.perform { $0.misread(code, "No frame.", now: self.now, into: &$1) }
    }

    func admitted(_ admission: Admission = .accepted) -> ServerSessionOutput {
        self.perform { $0.admitted(admission, now: self.now, into: &$1) }
    }

    func authenticated(_ outcome: AuthenticationOutcome = .unneeded) -> ServerSessionOutput {
        self.perform { $0.authenticated(outcome, wallClock: self.wallClock, now: self.now, into: &$1) }
    }

    func notice(_ notices: SessionNotice...) -> ServerSessionOutput {
        self.perform { session, output in
            for notice in notices { session.notice(notice, now: self.now, into: &output) }
        }
    }

    func loaded(_ receipt: ReadReceipt) -> ServerSessionOutput {
        self.perform { $0.loaded(receipt, now: self.now, into: &$1) }
    }

    func loaded(_ numbers: ClosedRange<UInt64>, head: UInt64? = nil, size: Int = 1) -> ServerSessionOutput {
        self.loaded(.slice(.test(numbers.map { .test($0, size: size) }, through: numbers.upperBound, head: head)))
    }

    func writable(_ isWritable: Bool) -> ServerSessionOutput {
        self.perform { $0.writabilityChanged(to: isWritable, now: self.now, into: &$1) }
    }

    func bytesTaken(pending: Int = 0) {
        self.session.bytesTaken(pending: pending, now: self.now)
    }

    func signOfLife() {
        self.session.signOfLife(now: self.now)
    }

    func peerClosed(by side: SessionSide = .peer) -> ServerSessionOutput {
        self.perform { $0.peerClosed(by: side, now: self.now, into: &$1) }
    }

    /// Lets time pass and fires the timer once, at the end of it.
    func wait(_ duration: Duration) -> ServerSessionOutput {
        self.now = self.now + duration
        return self.perform { $0.timerFired(now: self.now, into: &$1) }
    }

    /// Jumps to the deadline and fires the timer; how long that was.
    func nextDeadline() -> Duration? {
        self.session.nextDeadline.map { $0 - self.now }
    }

    var isOver: Bool { self.session.isOver }

    var client: ClientID? { self.session.client }

    private func perform(_ event: (inout ServerSession, inout ServerSessionOutput) -> Void) -> ServerSessionOutput {
        var output = ServerSessionOutput()
        event(&self.session, &output)
        for case .observe(let observation) in output.effects { self.observations.append(observation) }
        output.effects.removeAll { if case .observe = $0 { true } else { false } }
        return output
    }

    // MARK: States

    /// A session that has got as far as the phase says.
    static func at(_ phase: Phase, _ configure: (inout ServerSessionConfiguration) -> Void = { _ in }) -> ServerRig {
        let rig = ServerRig(configure)
        if phase == .awaitingHello { return rig }
        _ = rig.receive(.hello(.test()))
        if phase == .admitting { return rig }
        _ = rig.admitted()
        if phase == .authenticating { return rig }
        _ = rig.authenticated()
        if phase == .attaching { return rig }
        _ = rig.notice(.attached(.attached(.test())))
        rig.bytesTaken()
        if phase == .attached { return rig }
        if phase == .leaving {
            _ = rig.receive(.bye)
            return rig
        }
        _ = rig.misread(.malformed)
        if phase == .closing { return rig }
        _ = rig.peerClosed()
        return rig
    }

    enum Phase: CaseIterable {
        case awaitingHello, admitting, authenticating, attaching, attached, leaving, closing, closed
    }

    /// An attached session that has nothing to read yet, or reads.
    static func attached(
        _ attachment: GaplessCore.Attachment = .test(),
        hello: Hello = .test(),
        outcome: AuthenticationOutcome = .unneeded,
        _ configure: (inout ServerSessionConfiguration) -> Void = { _ in }
    ) -> ServerRig {
        let rig = ServerRig(configure)
        _ = rig.receive(.hello(hello))
        _ = rig.admitted()
        _ = rig.authenticated(outcome)
        _ = rig.notice(.attached(.attached(attachment)))
        rig.bytesTaken()
        return rig
    }

    /// An attached session whose queue holds `head` messages, of which `sent` were sent.
    static func attached(
        sent: UInt64,
        head: UInt64? = nil,
        hello: Hello = .test(),
        _ configure: (inout ServerSessionConfiguration) -> Void = { _ in }
    ) -> ServerRig {
        let rig = ServerRig.attached(.test(head: head ?? sent), hello: hello, configure)
        if sent > 0 { _ = rig.loaded(1...sent, head: head ?? sent) }
        rig.bytesTaken()
        return rig
    }
}

extension Hello {
    static func test(
        _ client: String? = "alice/phone",
        outbox: OutboxID? = ServerRig.outbox,
        window: Window? = nil,
        token: String? = nil,
        features: [String] = []
    ) -> Hello {
        Hello(
            client: client.map(Named.client),
            instance: ServerRig.instance,
            attempt: Attempt(2),
            outbox: outbox,
            window: window,
            token: token,
            features: features
        )
    }
}

extension GaplessCore.Attachment {
    static func test(
        _ resume: Resume = .resumed,
        fence: Fence = ServerRig.fence,
        after: UInt64 = 0,
        floor: UInt64? = nil,
        head: UInt64? = nil,
        mark: UInt64 = 0,
        displaced: Holder? = nil
    ) -> GaplessCore.Attachment {
        GaplessCore.Attachment(
            fence: fence,
            resume: resume,
            after: SequenceNumber(after),
            floor: SequenceNumber(floor ?? after),
            head: SequenceNumber(head ?? after),
            mark: SequenceNumber(mark),
            retention: RetentionPolicy(),
            displaced: displaced
        )
    }
}

extension QueueSlice {
    static func test(
        _ messages: [StoredMessage] = [],
        through: UInt64,
        head: UInt64? = nil,
        floor: UInt64 = 0,
        overflowedThrough: UInt64 = 0
    ) -> QueueSlice {
        QueueSlice(
            messages: messages,
            through: SequenceNumber(through),
            head: SequenceNumber(head ?? through),
            floor: SequenceNumber(floor),
            overflowedThrough: SequenceNumber(overflowedThrough)
        )
    }
}

extension ServerSessionOutput {
    static let nothing = ServerSessionOutput()

    static func says(_ frames: ServerFrame..., does effects: [ServerSessionEffect] = []) -> ServerSessionOutput {
        var output = ServerSessionOutput()
        output.frames = frames
        output.effects = effects
        return output
    }

    static func does(_ effects: ServerSessionEffect...) -> ServerSessionOutput {
        var output = ServerSessionOutput()
        output.effects = effects
        return output
    }

    /// The code of the close, when `ERROR` came last and said the same. [R3.7-1]
    var closeCode: CloseCode? {
        guard case .handshake(let code) = self.close, case .error(let error) = self.frames.last, error.code == code,
            error.name == code.name
        else { return nil }
        return code
    }

    /// The last frame, when it is `ERROR`.
    var error: ErrorFrame? {
        if case .error(let error) = self.frames.last { error } else { nil }
    }

    /// The numbers of the `MSG` frames.
    var numbers: [UInt64] {
        self.frames.compactMap { if case .message(let message) = $0 { message.sequence.rawValue } else { nil } }
    }

    var gaps: [Gap] {
        self.frames.compactMap { if case .gap(let gap) = $0 { gap } else { nil } }
    }

    var read: ReadRequest? {
        self.effects.compactMap { if case .read(let request) = $0 { request } else { nil } }.first
    }
}

extension ServerSessionEffect {
    static let detachTest = ServerSessionEffect.detach(DetachOperation(client: .phone, fence: ServerRig.fence))
    static let displacedTest = ServerSessionEffect.displaced(client: .phone, fence: ServerRig.fence)

    static func readTest(after: UInt64, messages: Int = 256, bytes: Int = 262_144) -> ServerSessionEffect {
        .read(
            ReadRequest(
                client: .phone,
                fence: ServerRig.fence,
                after: SequenceNumber(after),
                maxMessages: messages,
                maxBytes: bytes
            )
        )
    }

    static func acknowledgeTest(_ number: UInt64) -> ServerSessionEffect {
        .acknowledge(.test(number))
    }

    static func deliverTest(_ number: UInt64, _ text: String = "x") -> ServerSessionEffect {
        .deliver(.test(number, text))
    }
}

extension AcknowledgeOperation {
    static func test(_ number: UInt64) -> AcknowledgeOperation {
        AcknowledgeOperation(client: .phone, fence: ServerRig.fence, through: SequenceNumber(number))
    }
}

extension UplinkDelivery {
    static func test(
        _ number: UInt64,
        _ text: String = "x",
        client: ClientID = .phone,
        fence: Fence = ServerRig.fence,
        outbox: OutboxID = ServerRig.outbox
    ) -> UplinkDelivery {
        UplinkDelivery(client: client, fence: fence, outbox: outbox, number: SequenceNumber(number), payload: Payload(text: text))
    }
}

extension ClientFrame {
    static func ack(_ number: UInt64) -> ClientFrame { .acknowledge(through: SequenceNumber(number)) }
    static func msg(_ number: UInt64, _ text: String = "x") -> ClientFrame {
        .message(sequence: SequenceNumber(number), payload: Payload(text: text))
    }
}

extension ServerFrame {
    static func msg(_ number: UInt64, size: Int = 1) -> ServerFrame { .message(.test(number, size: size)) }
    static func ack(_ number: UInt64) -> ServerFrame { .acknowledge(through: SequenceNumber(number)) }
}
