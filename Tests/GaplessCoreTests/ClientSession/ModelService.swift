import GaplessCore

/// What a service does by Protocol.md, as briefly as it can be said: one queue, no disk, no time.
///
/// It notes every rule that the client breaks, and what its handler saw.
struct ModelService {
    /// What travels to the client.
    enum Down {
        case frame(ServerFrame)
        case close(CloseCode)
    }

    /// One WebSocket, as the service sees it.
    struct Link {
        let id: UInt64
        var isGreeted = false
        var isClosed = false
        /// What the fence of the attachment is; nil before it.
        var generation: UInt64?
        var outbox: OutboxID?
        var cursor: UInt64 = 0
        var acknowledged: UInt64 = 0
        var window = Window.defaultDownlink
        var inFlight: [UInt64] = []
        /// The number of the next uplink message, once one came.
        var nextUp: UInt64?
        /// Received and not yet handled.
        var waiting: [(number: UInt64, text: String)] = []
        /// On their way.
        var up: [ClientFrame] = []
        var down: [Down] = []
    }

    private(set) var links: [Link] = []
    /// Broken rules.
    private(set) var violations: [String] = []
    /// What the handler saw, in order.
    private(set) var handled: [String] = []
    /// What the handler saw and the service forgot: it may see that again, and nobody can know.
    private(set) var forgotten: Set<String> = []
    /// Messages of the queue: number n is at n-1.
    private(set) var log: [String] = []
    private(set) var floor: UInt64 = 0
    private var discarded: UInt64 = 0
    private var epoch = 1
    private var generation: UInt64 = 0
    private var instance: InstanceID?
    private var attempt: Attempt?
    private var marks: [OutboxID: UInt64] = [:]
    /// What each number of each outbox carried; it may never carry anything else.
    private var texts: [OutboxID: [UInt64: String]] = [:]
    private var reason = ResetReason.epoch
    /// Answer the next hellos with this.
    var refusals: [ErrorFrame] = []
    var window = Window(messages: 4, bytes: 40)

    var head: UInt64 { UInt64(self.log.count) }
    private var epochToken: EpochToken { .test("e.\(self.epoch)") }

    // MARK: What happens to the service

    mutating func publish(_ text: String) {
        self.log.append(text)
        self.pumpAll()
    }

    /// Retention drops the oldest.
    mutating func discard(through number: UInt64) {
        self.discarded = max(self.discarded, min(number, self.head))
        self.pumpAll()
    }

    /// The store went back in time: what came after is lost, and so are marks.
    mutating func rollback(to head: UInt64, losingMarks: Bool) {
        self.log.removeLast(Int(self.head - min(head, self.head)))
        self.floor = min(self.floor, self.head)
        self.discarded = min(self.discarded, self.head)
        if losingMarks { self.forgetMarks { $0 / 2 } }
        self.renumber(.rollback, .fenceChanged)
    }

    /// The queue is removed.
    mutating func remove() {
        self.log = []
        self.floor = 0
        self.discarded = 0
        self.forgetMarks { _ in 0 }
        self.generation = 0
        self.attempt = nil
        self.renumber(.unknown, .queueRemoved)
    }

    private mutating func forgetMarks(_ keep: (UInt64) -> UInt64) {
        for (outbox, mark) in self.marks {
            let kept = keep(mark)
            for (number, text) in self.texts[outbox] ?? [:] where kept < number && number <= mark { self.forgotten.insert(text) }
            self.marks[outbox] = kept
        }
    }

    private mutating func renumber(_ reason: ResetReason, _ code: CloseCode) {
        self.epoch += 1
        self.reason = reason
        for index in self.links.indices where self.links[index].generation != nil { self.end(index, code) }
    }

    /// The node asks its client to move.
    mutating func drain(within: Duration) {
        for index in self.links.indices where self.isVoice(index) { self.links[index].down.append(.frame(.drain(Drain(within: within)))) }
    }

    // MARK: Connections

    mutating func open(_ id: UInt64) {
        self.links.removeAll { $0.isClosed && $0.up.isEmpty && $0.down.isEmpty }
        self.links.append(Link(id: id))
    }

    func index(_ id: UInt64) -> Int? { self.links.firstIndex { $0.id == id } }

    /// The connection is gone for the service; its last frames may still come.
    mutating func lose(_ id: UInt64) {
        guard let index = self.index(id) else { return }
        self.links[index].isClosed = true
        self.links[index].down = []
    }

    mutating func send(_ frame: ClientFrame, on id: UInt64) {
        guard let index = self.index(id) else { return }
        self.links[index].up.append(frame)
    }

    /// The service reads one frame.
    mutating func read(_ index: Int) {
        guard !self.links[index].up.isEmpty else { return }
        let frame = self.links[index].up.removeFirst()
        if case .hello(let hello) = frame { return self.greet(index, hello) }
        // What an attachment that is no longer current does has no effect, and is not judged.
        guard self.links[index].isGreeted else { return self.violate("\(frame) before HELLO") }
        guard self.isVoice(index) else { return }
        switch frame {
        case .hello, .pong, .authenticate: return
        case .ping(let number): self.links[index].down.append(.frame(.pong(number)))
        case .acknowledge(let through): self.acknowledged(index, through.rawValue)
        case .message(let sequence, let payload): self.received(index, sequence.rawValue, payload.text ?? "")
        case .bye: self.violate("BYE")
        }
    }

    private func isVoice(_ index: Int) -> Bool {
        !self.links[index].isClosed && self.links[index].generation == self.generation
    }

    private mutating func end(_ index: Int, _ code: CloseCode, _ error: ErrorFrame? = nil) {
        guard !self.links[index].isClosed else { return }
        self.links[index].down += [.frame(.error(error ?? ErrorFrame(code: code, message: "No."))), .close(code)]
        self.links[index].isClosed = true
    }

    private mutating func violate(_ what: String) { self.violations.append(what) }

    // MARK: Attaching

    private mutating func greet(_ index: Int, _ hello: Hello) {
        if self.links[index].isGreeted { self.violate("a second HELLO") }
        self.links[index].isGreeted = true
        if !self.refusals.isEmpty {
            let refusal = self.refusals.removeFirst()
            return self.end(index, refusal.code, refusal)
        }
        if let attempt = self.attempt, hello.instance == self.instance, hello.attempt <= attempt { return self.end(index, .superseded) }
        for other in self.links.indices where self.isVoice(other) {
            self.end(other, hello.instance == self.instance ? .superseded : .takenOver)
        }
        self.instance = hello.instance
        self.attempt = hello.attempt
        self.generation += 1
        let (resume, after) = self.judge(hello)
        self.links[index].generation = self.generation
        self.links[index].outbox = hello.outbox
        self.links[index].window = self.window
        self.links[index].cursor = after
        self.links[index].acknowledged = after
        guard !self.links[index].isClosed else { return }
        self.links[index].down.append(
            .frame(
                .welcome(
                    Welcome.test(
                        epoch: self.epochToken.description,
                        generation: self.generation,
                        resume,
                        after: after,
                        head: self.head,
                        mark: hello.outbox.flatMap { self.marks[$0] } ?? 0,
                        down: self.window,
                        up: self.window
                    )
                )
            )
        )
        if after < self.floor { self.sendGap(index, through: self.floor, .acknowledged) }
        self.pump(index)
    }

    private mutating func judge(_ hello: Hello) -> (Resume, UInt64) {
        guard let position = hello.position else { return (.resumed, self.floor) }
        guard position.epoch == self.epochToken else { return (.reset(self.reason), self.floor) }
        let handled = position.handled.rawValue
        if handled > self.head || (hello.held?.rawValue ?? 0) >= self.generation {
            self.violate("a position beyond the head: \(handled) of \(self.head), held \(hello.held?.rawValue ?? 0) of \(self.generation)")
        }
        if handled < self.floor { return (.partial, handled) }
        self.floor = handled
        return (handled < self.discarded ? .partial : .resumed, handled)
    }

    // MARK: Down

    private mutating func pumpAll() {
        for index in self.links.indices where self.isVoice(index) { self.pump(index) }
    }

    private mutating func pump(_ index: Int) {
        while self.links[index].cursor < self.head {
            let next = self.links[index].cursor + 1
            if next <= self.discarded {
                self.sendGap(index, through: self.discarded, .overflow)
            } else {
                guard self.links[index].inFlight.count < Int(self.links[index].window.messages) else { return }
                let message = StoredMessage(
                    sequence: SequenceNumber(next),
                    time: Timestamp(milliseconds: next),
                    payload: Payload(text: self.log[Int(next - 1)])
                )
                self.links[index].inFlight.append(next)
                self.links[index].cursor = next
                self.links[index].down.append(.frame(.message(message)))
            }
        }
    }

    private mutating func sendGap(_ index: Int, through: UInt64, _ reason: GapReason) {
        self.links[index].down.append(.frame(.gap(.test(self.links[index].cursor + 1, through, reason))))
        self.links[index].cursor = through
    }

    private mutating func acknowledged(_ index: Int, _ through: UInt64) {
        guard through <= self.head else { return self.violate("ACK \(through) beyond the head \(self.head)") }
        if through <= self.links[index].acknowledged { self.violate("ACK \(through) after \(self.links[index].acknowledged)") }
        self.links[index].acknowledged = through
        self.links[index].inFlight.removeAll { $0 <= through }
        self.links[index].cursor = max(self.links[index].cursor, through)
        self.floor = max(self.floor, through)
        self.pump(index)
    }

    // MARK: Up

    private mutating func received(_ index: Int, _ number: UInt64, _ text: String) {
        guard let outbox = self.links[index].outbox else { return self.violate("MSG without an outbox") }
        if let known = self.texts[outbox]?[number], known != text { self.violate("number \(number) carried \(known), now \(text)") }
        self.texts[outbox, default: [:]][number] = text
        let mark = self.marks[outbox] ?? 0
        if let next = self.links[index].nextUp {
            if number != next { self.violate("MSG \(number) instead of \(next)") }
        } else if number > mark + 1 {
            self.violate("first MSG \(number) above mark \(mark)")
        }
        self.links[index].nextUp = number + 1
        guard mark < number else { return self.links[index].down.append(.frame(.acknowledge(through: SequenceNumber(mark)))) }
        self.links[index].waiting.append((number, text))
        let bytes = self.links[index].waiting.reduce(0) { $0 + $1.text.utf8.count }
        let window = self.links[index].window
        let count = UInt64(self.links[index].waiting.count)
        if count > window.messages || (bytes > window.bytes && count > 1) {
            self.violate("\(count) messages, \(bytes) bytes in flight of \(window)")
        }
    }

    /// The handler handles one message; its mark is committed if the attachment is still current.
    mutating func handle(_ index: Int) {
        guard self.isVoice(index), let outbox = self.links[index].outbox, !self.links[index].waiting.isEmpty else { return }
        let message = self.links[index].waiting.removeFirst()
        self.handled.append(message.text)
        self.marks[outbox] = message.number
        self.links[index].down.append(.frame(.acknowledge(through: SequenceNumber(message.number))))
    }

    /// Takes the oldest thing on its way to the client.
    mutating func nextDown(_ index: Int) -> Down? {
        self.links[index].down.isEmpty ? nil : self.links[index].down.removeFirst()
    }
}
