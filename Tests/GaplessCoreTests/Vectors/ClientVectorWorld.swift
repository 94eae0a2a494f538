import GaplessCore
import NIOCore

/// A client session in the time of a vector, and what it did that no step has expected yet.
final class ClientVectorWorld {
    /// What a connection of the client did.
    enum Sight {
        case frame(ClientFrame)
        case close(CloseCode)
    }

    private let configuration: ClientSessionConfiguration
    private(set) var session: ClientSession
    private var turn: ClientTurn<SeededLuck>
    /// Connections that were asked for, by name and URL.
    var connects: [(name: String, endpoint: String)] = []
    private(set) var sights: [(name: String, sights: [Sight])] = []
    /// What the application was told, each as the step that expects it.
    var events: [VectorValue] = []
    /// Messages and gaps that the application is not done with, oldest first.
    private var pending: [EventReference] = []
    /// What was handed out to be saved, and what is durable.
    private(set) var record: ClientRecord
    private var durable: ClientRecord
    private var unsaved: [(change: ClientRecordChange, version: SaveVersion)] = []
    private var texts: [UplinkTicket: String] = [:]
    /// Processes that ran before: their connections have names of their own.
    private var lives = 0
    private var connectionCount = 0

    init(configuration: ClientSessionConfiguration, record: ClientRecord, luck: SeededLuck) {
        var luck = luck
        self.configuration = configuration
        self.record = record
        self.durable = record
        self.session = ClientSession(configuration: configuration, record: record, random: &luck)
        self.turn = ClientTurn(now: Instant(nanoseconds: 1_000_000_000_000), random: luck)
        self.nameTickets(of: record)
    }

    var now: Instant { self.turn.now }

    // MARK: Events

    func drive(_ event: (inout ClientSession, inout ClientTurn<SeededLuck>) -> Void) {
        event(&self.session, &self.turn)
        for action in self.turn.takeActions() { self.perform(action) }
    }

    func id(_ name: String) throws -> ConnectionID {
        guard let number = UInt64(name.dropFirst()), name.hasPrefix("c"), number > UInt64(self.lives) else {
            throw VectorFailure("no connection \(name)")
        }
        return ConnectionID(number - UInt64(self.lives))
    }

    func receive(_ kind: PayloadKind, _ bytes: [UInt8], on id: ConnectionID) {
        self.drive { session, turn in
            do throws(FrameDecodingError) {
                if let frame = try ServerFrameDecoder(validation: .checked).decode(kind, ByteBuffer(bytes: bytes)) {
                    session.received(frame, on: id, &turn)
                } else {
                    session.signOfLife(id, &turn)
                }
            } catch {
                session.misread(id, &turn)
            }
        }
    }

    func enqueue(_ payload: Payload) -> UplinkRefusal? {
        var refusal: UplinkRefusal?
        // The ticket is known before the session does what comes of it.
        self.drive { session, turn in
            do throws(UplinkRefusal) {
                let ticket = try session.enqueue(payload, &turn)
                self.texts[ticket] = payload.text ?? "binary"
            } catch {
                refusal = error
            }
        }
        return refusal
    }

    /// The application is done with the oldest events.
    func handle(_ count: Int) throws {
        for _ in 0..<count {
            guard let reference = self.pending.first else { throw VectorFailure("nothing is left to handle") }
            self.pending.removeFirst()
            self.drive { $0.handled(reference, &$1) }
        }
    }

    /// The application is done with the event that ends at the number, whatever came before it.
    func handle(number: UInt64) throws {
        guard let index = self.pending.firstIndex(where: { $0.through.rawValue == number }) else {
            throw VectorFailure("no event ends at \(number)")
        }
        let reference = self.pending.remove(at: index)
        self.drive { $0.handled(reference, &$1) }
    }

    /// Everything that was handed out is durable.
    func save() {
        let unsaved = self.unsaved
        self.unsaved = []
        for (change, _) in unsaved { self.durable.apply(change) }
        if let version = unsaved.last?.version { self.drive { $0.saved(version, &$1) } }
    }

    /// The process dies; another one begins with what is durable.
    func restart() {
        self.record = self.durable
        self.unsaved = []
        self.pending = []
        self.texts = [:]
        self.connects = []
        self.lives = self.connectionCount
        self.session = ClientSession(configuration: self.configuration, record: self.durable, random: &self.turn.random)
        self.nameTickets(of: self.durable)
    }

    private func nameTickets(of record: ClientRecord) {
        for (index, payload) in record.outbox.messages.enumerated() {
            self.texts[UplinkTicket(UInt64(index + 1))] = payload.text ?? "binary"
        }
    }

    // MARK: Time

    /// Time passes; whatever is due happens when it is due.
    func pass(_ time: Duration) {
        let end = self.turn.now + time
        for _ in 0..<100_000 {
            guard let deadline = self.session.nextDeadline, deadline <= end else { break }
            self.turn.now = max(self.turn.now, deadline)
            self.drive { $0.timerFired(&$1) }
        }
        self.turn.now = max(self.turn.now, end)
    }

    /// The process stands still; what was due happens when it goes on.
    func stall(_ time: Duration) {
        self.turn.now = self.turn.now + time
        self.drive { $0.timerFired(&$1) }
    }

    /// Lets time pass until a connection is asked for; how long that was. Nil when none is within the time, which has passed then.
    func waitForConnect(atMost limit: Duration) -> Duration? {
        let start = self.turn.now
        for _ in 0..<100_000 where self.connects.isEmpty {
            guard let deadline = self.session.nextDeadline, deadline <= start + limit else {
                self.turn.now = max(self.turn.now, start + limit)
                return nil
            }
            self.turn.now = max(self.turn.now, deadline)
            self.drive { $0.timerFired(&$1) }
        }
        return self.connects.isEmpty ? nil : self.turn.now - start
    }

    // MARK: What it does

    private func perform(_ action: ClientAction) {
        switch action {
        case .connect(let id, let endpoint):
            let number = Int(id.rawValue) + self.lives
            self.connectionCount = max(self.connectionCount, number)
            self.connects.append(("c\(number)", endpoint))
        case .send(let id, let frame): self.see(.frame(frame), id)
        case .close(let id, let code): self.see(.close(code), id)
        case .deliver(let event): self.tell(event)
        case .confirmed(let tickets): self.events.append(.object(["confirmed": self.names(tickets)]))
        case .discarded(let tickets, _): self.events.append(.object(["discarded": self.names(tickets)]))
        case .save(let change, let version, _):
            self.record.apply(change)
            self.unsaved.append((change, version))
        case .obtainToken(.hello): self.events.append(.object(["asked": .string("hello")]))
        case .obtainToken(.renewal(let within)): self.events.append(.object(["asked": .milliseconds(within)]))
        }
    }

    private func see(_ sight: Sight, _ id: ConnectionID) {
        let name = "c\(Int(id.rawValue) + self.lives)"
        if let index = self.sights.firstIndex(where: { $0.name == name }) {
            self.sights[index].sights.append(sight)
        } else {
            self.sights.append((name, [sight]))
        }
    }

    func takeSight(_ name: String) -> Sight? {
        guard let index = self.sights.firstIndex(where: { $0.name == name }), !self.sights[index].sights.isEmpty else { return nil }
        return self.sights[index].sights.removeFirst()
    }

    private func names(_ tickets: [UplinkTicket]) -> VectorValue {
        .array(tickets.map { .string(self.texts[$0] ?? "unknown") })
    }

    private func tell(_ event: ClientEvent) {
        switch event {
        case .message(let reference, let message):
            self.pending.append(reference)
            var fields: [String: VectorValue] = [
                "seq": .number(message.sequence.rawValue), "time": .number(message.time.milliseconds),
                "payload": VectorBytes.plain(message.payload.bytes.readableBytesView),
            ]
            if message.payload.kind == .binary { fields["binary"] = .bool(true) }
            self.events.append(.object(["message": .object(fields)]))
        case .gap(let reference, let gap):
            self.pending.append(reference)
            let (first, last) = (gap.range.first.rawValue, gap.range.last.rawValue)
            self.events.append(.object(["gap": .array([.number(first), .number(last), .string(gap.reason.description)])]))
        case .reset(let reason): self.events.append(.object(["reset": .string(reason.description)]))
        case .uplinkMayRepeat(let tickets): self.events.append(.object(["mayRepeat": self.names(tickets)]))
        case .state(.stopped(let reason)): self.events.append(.object(["stopped": .int(Int64(reason.code.rawValue))]))
        case .state(.idle): self.events.append(.object(["idle": .bool(true)]))
        case .state(.connecting), .state(.online), .state(.offline): break
        }
    }
}
