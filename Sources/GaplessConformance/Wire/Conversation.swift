import GaplessCore

/// What came over a conversation.
enum Incoming<Frame: ReportedFrame> {
    case frame(Frame)
    /// The connection ended, with the code that the peer gave, if it gave one.
    case end(UInt16?)
}

/// A frame that both directions know enough of for a trial.
protocol ReportedFrame {
    /// The frame as a report writes it.
    var told: String { get }
    /// What an `ACK` acknowledges; nil for every other frame.
    var acknowledged: UInt64? { get }
    /// What a `PONG` answers; nil for every other frame.
    var answeredPing: UInt64? { get }
}

/// A connection to a peer under test, read frame by frame.
///
/// Each wait has one limit as a whole: frames that come meanwhile, such as the peer's heartbeat, do not lengthen it.
protocol Conversation: AnyObject {
    associatedtype Frame: ReportedFrame

    var socket: WireSocket { get }
    /// How long a wait takes at most, unless it says otherwise.
    var patience: Duration { get }
    /// The number of the newest `PING` of the kit.
    var lastPing: UInt64 { get set }

    /// What an event means for the trial; nil for what is not its concern.
    func take(_ event: WireEvent, _ wanted: String) throws -> Incoming<Frame>?
    /// Sends frames as text messages, in one write.
    func send(_ frames: String...)
    /// What came, for a report.
    func told(_ incoming: Incoming<Frame>) -> String
}

extension Conversation {
    /// The next frame or the end.
    ///
    /// - Throws: `Broken` when neither comes in time.
    func next(_ wanted: String, within patience: Duration? = nil) async throws -> Incoming<Frame> {
        try await self.next(wanted, until: self.limit(patience))
    }

    private func limit(_ patience: Duration?) -> ContinuousClock.Instant {
        .now + (patience ?? self.patience)
    }

    private func next(_ wanted: String, until limit: ContinuousClock.Instant) async throws -> Incoming<Frame> {
        while let event = await self.socket.next(within: max(.zero, limit - .now)) {
            if let incoming = try self.take(event, wanted) { return incoming }
        }
        throw Broken(wanted, came: Broken.silence)
    }

    /// The next frame that is no `ACK`, which must be the one that is wanted.
    func expect<Value>(_ wanted: String, within patience: Duration? = nil, _ pick: (Frame) throws -> Value?) async throws -> Value {
        try await self.expect(wanted, until: self.limit(patience), pick)
    }

    private func expect<Value>(
        _ wanted: String,
        until limit: ContinuousClock.Instant,
        _ pick: (Frame) throws -> Value?
    ) async throws -> Value {
        while true {
            let incoming = try await self.next(wanted, until: limit)
            if case .frame(let frame) = incoming {
                if let value = try pick(frame) { return value }
                if frame.acknowledged != nil { continue }
            }
            throw Broken(wanted, came: self.told(incoming))
        }
    }

    /// An `ACK` through this number, and none above it.
    func acknowledgement(through number: UInt64) async throws {
        let limit = self.limit(nil)
        while true {
            let through = try await self.expect("ACK \(number)", until: limit) { $0.acknowledged }
            if through == number { return }
            try require(through < number, "ACK \(number)", came: "ACK \(through)")
        }
    }

    /// The end, with one of these codes; frames before it do not matter.
    @discardableResult
    func ends(_ codes: UInt16?..., within patience: Duration? = nil) async throws -> UInt16? {
        let wanted = "the end with \(codes.map(CloseCode.told).joined(separator: " or "))"
        let code = try await self.end(wanted, within: patience)
        guard codes.contains(code) else { throw Broken(wanted, came: self.told(.end(code))) }
        return code
    }

    /// The end, with whatever code; frames before it do not matter.
    @discardableResult
    func end(_ wanted: String, within patience: Duration? = nil) async throws -> UInt16? {
        let limit = self.limit(patience)
        while true {
            if case .end(let code) = try await self.next(wanted, until: limit) { return code }
        }
    }

    /// A `PING` is answered, and nothing but `ACK` comes before the answer.
    func pings(_ wanted: String = "PONG") async throws {
        self.lastPing += 1
        let number = self.lastPing
        self.send("PING \(number)")
        _ = try await self.expect(wanted) { $0.answeredPing == number ? number : nil }
    }

    func told(_ incoming: Incoming<Frame>) -> String {
        switch incoming {
        case .frame(let frame): frame.told
        case .end(let code): "the end with \(CloseCode.told(code))"
        }
    }
}
