/// What every open connection has, attached or not: its heartbeat, a socket that may be full, and answers that wait for room in it.
struct Link: Hashable, Sendable {
    private var heartbeat: Heartbeat
    private let slowConsumerTime: Duration
    /// Whether the socket takes more.
    private(set) var isWritable = true
    /// When the connection counts as a slow consumer; nil while nothing is to be sent. [R8-6]
    private var stuckAt: Instant?
    /// Answers for which there was no room, the newest of each: a peer that does not read piles up nothing. [R4.6-1]
    private var waitingPong: UInt64?
    private var waitingAcknowledgement: SequenceNumber?

    init(_ configuration: ServerSessionConfiguration, now: Instant) {
        self.heartbeat = Heartbeat(beforeWelcomeAt: now)
        self.slowConsumerTime = configuration.slowConsumerTime
    }

    /// `WELCOME` is about to tell the intervals of the settings; until now neither side knew them (Protocol.md §8).
    mutating func adopt(_ configuration: ServerSessionConfiguration, now: Instant) {
        self.heartbeat.adopt(interval: configuration.heartbeat, silence: configuration.silence, now: now)
    }

    // MARK: Sending

    mutating func send(_ frame: ServerFrame, now: Instant, into output: inout ServerSessionOutput) {
        output.frames.append(frame)
        self.sent(now: now)
    }

    /// Frames were appended to the output.
    mutating func sent(now: Instant) {
        self.heartbeat.sent(now: now)
        if self.stuckAt == nil {
            self.stuckAt = now + self.slowConsumerTime
        }
    }

    mutating func pong(_ number: UInt64, now: Instant, into output: inout ServerSessionOutput) {
        guard self.isWritable else {
            self.waitingPong = number
            return
        }
        // When several pings wait to be answered, answering the newest is enough.
        if case .pong = output.frames.last { output.frames.removeLast() }
        self.send(.pong(number), now: now, into: &output)
    }

    mutating func acknowledge(through number: SequenceNumber, now: Instant, into output: inout ServerSessionOutput) {
        guard self.isWritable else {
            self.waitingAcknowledgement = number
            return
        }
        if case .acknowledge = output.frames.last { output.frames.removeLast() }
        self.send(.acknowledge(through: number), now: now, into: &output)
    }

    // MARK: The socket

    mutating func heard(now: Instant) {
        self.heartbeat.heard(now: now)
    }

    mutating func writabilityChanged(to isWritable: Bool, now: Instant, into output: inout ServerSessionOutput) {
        self.isWritable = isWritable
        guard isWritable else { return }
        if let number = self.waitingPong {
            self.waitingPong = nil
            self.pong(number, now: now, into: &output)
        }
        if let number = self.waitingAcknowledgement {
            self.waitingAcknowledgement = nil
            self.acknowledge(through: number, now: now, into: &output)
        }
    }

    mutating func bytesTaken(pending: Int, now: Instant) {
        self.stuckAt = pending == 0 ? nil : now + self.slowConsumerTime
    }

    // MARK: Time

    var nextDeadline: Instant {
        min(self.heartbeat.nextDeadline, self.stuckAt ?? self.heartbeat.nextDeadline)
    }

    /// Sends what is due; returns why the connection ends, if it does.
    mutating func timerFired(now: Instant, into output: inout ServerSessionOutput) -> SessionEnding? {
        if let stuckAt, now >= stuckAt {
            // This process stood still; what the socket took meanwhile is not reported yet.
            guard now - stuckAt <= Heartbeat.maxLateness else {
                self.stuckAt = now + Heartbeat.probeTime
                return nil
            }
            return SessionEnding(.slowConsumer, "The socket took no byte for \(self.slowConsumerTime.milliseconds) ms.")
        }
        switch self.heartbeat.timerFired(now: now) {
        case .silent:
            return SessionEnding(.silent, "Nothing came for \(self.heartbeat.silence.milliseconds) ms.")
        case .ping(let number):
            self.send(.ping(number), now: now, into: &output)
            return nil
        case nil:
            return nil
        }
    }
}
