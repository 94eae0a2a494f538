import GaplessCore

/// Everything around one client: its process, its disk, its application, the network, and a model of the service.
///
/// Each step draws one thing that happens. Connections lose their tails in either direction, disks are slow, processes die, hellos
/// come late, queues overflow, vanish and go back in time.
struct ClientWorld: ~Copyable {
    private(set) var service = ModelService()
    /// Broken promises.
    private(set) var failures: [String] = []
    /// How often what happened.
    private(set) var seen: [String: Int] = [:]
    /// One line for each thing that the session did.
    private(set) var trace: [String] = []
    /// How many things the session did.
    private var actions = 0
    private let isTraced: Bool

    private var session: ClientSession
    private var turn: ClientTurn<SeededLuck>
    private var luck: SeededLuck

    // The disk.
    private var disk: ClientRecord
    private var unsaved: [(change: ClientRecordChange, version: SaveVersion)] = []
    private var mirror: ClientRecord

    // The network. Connections of dead processes go on delivering what was sent: ids never repeat.
    private var base: UInt64 = 0
    private var opening: [UInt64] = []
    private var open: [UInt64] = []

    // The application.
    private var waiting: [EventReference] = []
    private var last: (epoch: EpochToken, numbering: UInt64, number: UInt64)?
    private var published = 0
    private var queued: [String] = []
    private var texts: [UplinkTicket: String] = [:]
    private var repeatable: Set<String> = []

    init(seed: UInt64, isTraced: Bool = false) {
        self.isTraced = isTraced
        var luck = SeededLuck(seed &* 2_654_435_761)
        let record = ClientRecord(client: .phone, using: &luck)
        self.disk = record
        self.mirror = record
        self.luck = luck
        self.turn = ClientTurn(now: Instant(nanoseconds: 0), random: luck)
        self.session = Self.session(record, &luck)
        self.perform { $0.start(&$1) }
    }

    private static func session(_ record: ClientRecord, _ luck: inout SeededLuck) -> ClientSession {
        var configuration = ClientSessionConfiguration(endpoints: [.a, .b])
        configuration.persistence = .durable
        return ClientSession(configuration: configuration, record: record, random: &luck)
    }

    // MARK: Steps

    mutating func run(steps: Int) {
        for _ in 0..<steps { self.step(chaos: true) }
    }

    /// No more faults: everything has to arrive.
    mutating func settle() {
        self.service.refusals = []
        for _ in 0..<20_000 {
            self.step(chaos: false)
            if self.isQuiet { break }
        }
        guard let position = self.session.record.progress.position else { return self.fail("no position in the end") }
        if position.handled.rawValue != self.service.head { self.fail("handled \(position.handled) of \(self.service.head)") }
        if !self.session.record.outbox.messages.isEmpty {
            self.fail("\(self.session.record.outbox.messages.count) messages were never confirmed")
        }
        self.checkUplink()
    }

    private var isQuiet: Bool {
        guard case .online = self.session.state, self.waiting.isEmpty, self.unsaved.isEmpty else { return false }
        return self.session.record.progress.position?.handled.rawValue == self.service.head && self.session.record.outbox.messages.isEmpty
            && self.service.floor == self.service.head
            && self.service.links.allSatisfy { $0.up.isEmpty && ($0.down.isEmpty || $0.isClosed) }
    }

    private enum Step { case read, deliver, handle, save, open, serve, pass, publish, enqueue, chaos }

    /// Draws one of the things that can happen now.
    private mutating func step(chaos: Bool) {
        var steps: [(step: Step, weight: Int)] = [(.pass, 3)]
        if self.service.links.contains(where: { !$0.up.isEmpty }) { steps.append((.read, 20)) }
        if self.service.links.contains(where: { !$0.down.isEmpty }) { steps.append((.deliver, 26)) }
        if self.service.links.contains(where: { !$0.waiting.isEmpty }) { steps.append((.serve, 8)) }
        if !self.waiting.isEmpty { steps.append((.handle, 10)) }
        if !self.unsaved.isEmpty { steps.append((.save, 10)) }
        if !self.opening.isEmpty { steps.append((.open, 10)) }
        if chaos { steps += [(.publish, 4), (.enqueue, 4), (.chaos, 3)] }
        var draw = Int.random(in: 0..<steps.reduce(0) { $0 + $1.weight }, using: &self.luck)
        for (step, weight) in steps {
            draw -= weight
            if draw < 0 { return self.perform(step, chaos: chaos) }
        }
    }

    private mutating func perform(_ step: Step, chaos: Bool) {
        switch step {
        case .read: self.readOne()
        case .deliver: self.deliverOne()
        case .handle: self.handleOne()
        case .save: self.saveSome()
        case .open: self.openOne(isRefused: chaos && self.isLucky(8))
        case .serve: for index in self.service.links.indices { self.service.handle(index) }
        case .pass: self.pass()
        case .publish: self.publish()
        case .enqueue: self.enqueue()
        case .chaos: self.breakSomething()
        }
    }

    private mutating func breakSomething() {
        switch Int.random(in: 0..<100, using: &self.luck) {
        case 0..<30: self.cut()
        case 30..<60: self.service.drain(within: .seconds(Int.random(in: 0..<20, using: &self.luck)))
        case 60..<70: self.service.discard(through: self.service.floor + UInt64.random(in: 0..<6, using: &self.luck))
        case 70..<76: self.restart()
        case 76..<80:
            let head = UInt64.random(in: 0...self.service.head, using: &self.luck)
            self.service.rollback(to: head, losingMarks: self.isLucky(2))
        case 80..<83: self.service.remove()
        case 83..<93:
            let codes: [CloseCode] = [.internalError, .overloaded, .storeUnavailable, .draining]
            self.service.refusals.append(ErrorFrame(code: codes[Int.random(in: 0..<4, using: &self.luck)], message: "No."))
        case 93..<96: self.perform { $0.probe(&$1) }
        default: self.service.window = Window(messages: UInt64.random(in: 1...20, using: &self.luck), bytes: 40)
        }
    }

    private mutating func isLucky(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &self.luck) == 0 }

    private mutating func readOne() {
        let indices = self.service.links.indices.filter { !self.service.links[$0].up.isEmpty }
        guard let index = indices.randomElement(using: &self.luck) else { return }
        // Some connections are slow.
        if self.service.links[index].id % 5 == 0, !self.isLucky(12) { return }
        if case .hello = self.service.links[index].up[0], self.service.links[index].id < (self.open.last ?? 0) { self.note("lateHello") }
        self.service.read(index)
    }

    private mutating func deliverOne() {
        let indices = self.service.links.indices.filter { !self.service.links[$0].down.isEmpty }
        guard let index = indices.randomElement(using: &self.luck), let down = self.service.nextDown(index) else { return }
        let id = self.service.links[index].id
        guard self.open.contains(id) else { return self.service.lose(id) }
        let connection = ConnectionID(id - self.base)
        switch down {
        case .frame(let frame):
            let before = self.actions
            self.perform { $0.received(frame, on: connection, &$1) }
            if case .message = frame, self.actions == before { self.note("duplicate") }
            if case .drain = frame { self.note("drain") }
            if case .welcome = frame { self.note("welcome") }
        case .close(let code):
            self.open.removeAll { $0 == id }
            self.perform { $0.closed(connection, code: code, &$1) }
        }
    }

    private mutating func openOne(isRefused: Bool) {
        guard !self.opening.isEmpty else { return }
        let id = self.opening.removeFirst()
        let connection = ConnectionID(id - self.base)
        if isRefused {
            self.perform { $0.connectFailed(connection, retryAfter: nil, &$1) }
        } else {
            self.open.append(id)
            self.service.open(id)
            self.perform { $0.opened(connection, subprotocol: "gapless.v1", &$1) }
        }
    }

    private mutating func cut() {
        guard let id = self.open.randomElement(using: &self.luck) else { return }
        self.open.removeAll { $0 == id }
        if self.isLucky(2) { self.service.lose(id) }
        let connection = ConnectionID(id - self.base)
        self.perform { $0.closed(connection, code: nil, &$1) }
    }

    private mutating func handleOne() {
        guard !self.waiting.isEmpty else { return }
        let reference = self.waiting.remove(at: Int.random(in: 0..<min(3, self.waiting.count), using: &self.luck))
        self.perform { $0.handled(reference, &$1) }
    }

    private mutating func saveSome() {
        guard !self.unsaved.isEmpty else { return }
        let count = Int.random(in: 1...self.unsaved.count, using: &self.luck)
        let version = self.unsaved[count - 1].version
        for save in self.unsaved.prefix(count) { self.disk.apply(save.change) }
        self.unsaved.removeFirst(count)
        self.perform { $0.saved(version, &$1) }
    }

    private mutating func pass() {
        let isWaiting = if case .offline = self.session.state { true } else { false }
        if isWaiting || self.isLucky(10), let deadline = self.session.nextDeadline {
            self.turn.now = max(self.turn.now, deadline)
        } else {
            self.turn.now = self.turn.now + .milliseconds(Int.random(in: 0..<800, using: &self.luck))
        }
        self.perform { $0.timerFired(&$1) }
    }

    private mutating func publish() {
        self.published += 1
        self.service.publish("m\(self.published)")
    }

    private mutating func enqueue() {
        let text = "u\(self.queued.count)"
        var ticket: UplinkTicket?
        self.perform { ticket = try? $0.enqueue(Payload(text: text), &$1) }
        guard let ticket else { return self.fail("\(text) was refused") }
        self.queued.append(text)
        self.texts[ticket] = text
    }

    /// The process dies; another one goes on with what the disk has.
    private mutating func restart() {
        self.note("restart")
        self.unsaved = []
        self.waiting = []
        self.opening = []
        self.open = []
        self.base += 100_000
        self.mirror = self.disk
        // What was queued and not saved is gone with the process.
        let kept = Set(self.disk.outbox.messages.compactMap(\.text))
        let handled = Set(self.service.handled)
        self.queued.removeAll { !kept.contains($0) && !handled.contains($0) }
        self.texts = [:]
        for (index, payload) in self.disk.outbox.messages.enumerated() { self.texts[UplinkTicket(UInt64(index) + 1)] = payload.text }
        self.last = self.disk.progress.position.map { ($0.epoch, 0, $0.handled.rawValue) }
        self.session = Self.session(self.disk, &self.luck)
        self.perform { $0.start(&$1) }
    }

    // MARK: What the session did

    private mutating func perform(_ event: (inout ClientSession, inout ClientTurn<SeededLuck>) -> Void) {
        event(&self.session, &self.turn)
        for action in self.turn.takeActions() {
            self.actions += 1
            if self.isTraced { self.trace.append("\(action)") }
            switch action {
            case .connect(let id, _): self.connect(id.rawValue + self.base)
            case .send(let id, let frame): self.check(frame, on: id.rawValue + self.base)
            case .close(let id, let code): self.close(id.rawValue + self.base, code)
            case .deliver(let event): self.deliver(event)
            case .confirmed(let tickets): self.confirm(tickets)
            case .discarded: self.fail("a message was discarded")
            case .save(let change, let version, _):
                self.unsaved.append((change, version))
                self.mirror.apply(change)
            case .obtainToken: self.fail("a token was asked for")
            }
        }
        if self.mirror != self.session.record, !self.isProgressAhead { self.fail("the changes do not add up to the record") }
    }

    /// What is handled is reported with the next save, everything else at once.
    private var isProgressAhead: Bool {
        var mirror = self.mirror
        mirror.progress = self.session.record.progress
        mirror.identity.attempt = self.session.record.identity.attempt
        mirror.identity.instance = self.session.record.identity.instance
        return mirror == self.session.record
    }

    private mutating func connect(_ id: UInt64) {
        self.opening.append(id)
        if self.opening.count + self.open.count > 2 { self.fail("\(self.opening.count + self.open.count) connections at a time") }
        if self.disk.identity != self.session.record.identity { self.fail("connected before the attempt was saved") }
    }

    private mutating func check(_ frame: ClientFrame, on id: UInt64) {
        switch frame {
        case .hello(let hello):
            if let position = hello.position, position != self.disk.progress.position { self.fail("HELLO tells what is not saved") }
            if hello.outbox != self.disk.outbox.id { self.fail("HELLO names an outbox that is not saved") }
        case .acknowledge(let through):
            if (self.disk.progress.position?.handled ?? .zero) < through { self.fail("ACK \(through) before it was saved") }
        case .message(let sequence, _):
            if self.disk.outbox.assigned < sequence { self.fail("MSG \(sequence) before its number was saved") }
        case .ping, .pong, .authenticate, .bye: break
        }
        self.service.send(frame, on: id)
    }

    private mutating func close(_ id: UInt64, _ code: CloseCode) {
        if code == .malformed { self.fail("the service was called faulty") }
        self.opening.removeAll { $0 == id }
        self.open.removeAll { $0 == id }
        if self.isLucky(2) { self.service.lose(id) }
    }

    private mutating func deliver(_ event: ClientEvent) {
        switch event {
        case .message(let reference, let message):
            self.note("message")
            self.advance(reference, from: message.sequence.rawValue)
        case .gap(let reference, let gap):
            self.note("gap")
            self.advance(reference, from: gap.range.first.rawValue)
        case .reset:
            self.note("reset")
            self.last = nil
        case .uplinkMayRepeat(let tickets):
            self.note("uplinkMayRepeat")
            for ticket in tickets { if let text = self.texts[ticket] { self.repeatable.insert(text) } }
        case .state(.stopped(let reason)): self.fail("stopped: \(reason)")
        case .state(.online): self.note(self.open.count > 1 ? "moved" : "online")
        case .state: break
        }
    }

    /// I1, I2 and I3: each event goes on exactly where the last one of its numbering ended.
    private mutating func advance(_ reference: EventReference, from first: UInt64) {
        if let last = self.last, last.epoch == reference.epoch {
            if first != last.number + 1 { self.fail("\(first) after \(last.number) in \(reference.epoch)") }
            if last.number > 0, last.numbering != reference.numbering, last.numbering != 0 {
                self.fail("another numbering without a reset")
            }
        } else if self.last != nil {
            self.fail("another epoch without a reset")
        }
        self.last = (reference.epoch, reference.numbering, reference.through.rawValue)
        self.waiting.append(reference)
    }

    private mutating func confirm(_ tickets: [UplinkTicket]) {
        self.note("confirmed")
        for ticket in tickets {
            guard let text = self.texts[ticket] else {
                self.fail("ticket \(ticket) was never given")
                continue
            }
            if !self.service.handled.contains(text) { self.fail("\(text) was confirmed and never handled") }
        }
    }

    /// I11: each uplink message was handled, in order, and once unless the application was told that it may be repeated.
    private mutating func checkUplink() {
        var first: [String] = []
        var counts: [String: Int] = [:]
        for text in self.service.handled {
            counts[text, default: 0] += 1
            if counts[text] == 1 { first.append(text) }
            if (counts[text] ?? 0) > 1, !self.repeatable.contains(text), !self.service.forgotten.contains(text) {
                self.fail("\(text) was handled twice")
            }
        }
        let queued = Set(self.queued)
        if first.filter({ queued.contains($0) }) != self.queued { self.fail("queued \(self.queued), handled \(first)") }
    }

    private mutating func note(_ what: String) { self.seen[what, default: 0] += 1 }

    private mutating func fail(_ what: String) { self.failures.append(what) }
}
