import DequeModule

/// The uplink messages that the server has not acknowledged: their numbers, and which of them are in flight (Protocol.md §7).
///
/// Numbers are consecutive, and only the newest messages have none. A number is given when the message is about to be written to a
/// connection, and the message is written once the number is durable.
struct Outbox: Sendable {
    /// What a `mark` or an `ACK` does.
    enum Acknowledgement: Hashable, Sendable {
        /// These messages were handled by the server; may be none.
        case confirmed([UplinkTicket])
        /// The mark is below what was acknowledged, or beyond all reason: the outbox is of no use any more.
        case forgotten
        /// The server acknowledged what it was not sent.
        case fault
    }

    private struct Entry: Sendable {
        let ticket: UplinkTicket
        let payload: Payload
    }

    /// What was written to the newest welcomed connection.
    private struct Flight: Sendable {
        /// Everything through this was written, or was below the mark.
        var through: SequenceNumber
        var messages: UInt64 = 0
        var bytes: UInt64 = 0
        /// Whether nothing was written.
        var isUntouched = true

        func hasRoom(for size: Int, in window: Window) -> Bool {
            #if MUTANTS
            if Mutant.uplinkWindowIgnored.isPlanted { return true }
            #endif
            return self.messages == 0 || (self.messages < window.messages && self.bytes + UInt64(size) <= window.bytes)
        }

        mutating func add(_ size: Int) {
            self.through = self.through.next
            self.isUntouched = false
            self.messages += 1
            self.bytes += UInt64(size)
        }
    }

    private(set) var id: OutboxID
    /// The highest number given.
    private(set) var assigned: SequenceNumber
    /// The highest number acknowledged.
    private(set) var acknowledged: SequenceNumber

    /// The highest number that may have been written to a connection, in this process or before.
    private var written: SequenceNumber
    /// Numbers through this are durable.
    private var durable: SequenceNumber
    /// Numbers that are being saved.
    private var numbering: (version: SaveVersion, through: SequenceNumber)?
    private var entries: Deque<Entry> = []
    private var bytes = 0
    private var flight: Flight?
    private var tickets: UInt64 = 0

    /// What a record kept.
    init(_ record: OutboxRecord) {
        self.id = record.id
        self.assigned = record.assigned
        self.acknowledged = record.acknowledged
        self.written = record.assigned
        self.durable = record.assigned
        #if MUTANTS
        if Mutant.outboxForgotten.isPlanted {
            (self.assigned, self.written, self.durable) = (record.acknowledged, record.acknowledged, record.acknowledged)
            return
        }
        #endif
        for payload in record.messages { _ = self.append(payload) }
    }

    /// What a record keeps.
    var record: OutboxRecord {
        OutboxRecord(id: self.id, assigned: self.assigned, acknowledged: self.acknowledged, messages: self.entries.map(\.payload))
    }

    /// How many messages are not acknowledged.
    var count: Int { self.entries.count }

    /// Whether everything was acknowledged.
    var isEmpty: Bool { self.entries.isEmpty }

    /// Whether nothing that was written to the newest connection waits for its acknowledgement.
    var isFlightEmpty: Bool { self.flight.map { $0.messages == 0 } ?? true }

    // MARK: Queueing

    /// Puts a message at the end, unless the outbox would be over a bound.
    mutating func enqueue(_ payload: Payload, maxMessages: Int, maxBytes: Int) throws(UplinkRefusal) -> UplinkTicket {
        guard self.entries.count < maxMessages, self.bytes + payload.count <= maxBytes else { throw .queueFull }
        #if MUTANTS
        if Mutant.numberedBeforeWelcome.isPlanted {
            self.assigned = self.assigned.next
            self.durable = self.assigned
        }
        #endif
        return self.append(payload)
    }

    private mutating func append(_ payload: Payload) -> UplinkTicket {
        self.tickets += 1
        let ticket = UplinkTicket(self.tickets)
        self.entries.append(Entry(ticket: ticket, payload: payload))
        self.bytes += payload.count
        return ticket
    }

    // MARK: Connections

    /// A connection was welcomed with the mark; from now on it is the one that is written to.
    mutating func welcomed(mark: SequenceNumber) -> Acknowledgement {
        #if MUTANTS
        if Mutant.oldMarkBelieved.isPlanted, mark < self.acknowledged {
            self.flight = Flight(through: self.acknowledged)
            return .confirmed([])
        }
        #endif
        guard self.acknowledged <= mark, mark <= Self.highestMark else { return .forgotten }
        let tickets = self.confirm(through: mark)
        self.durable = max(self.durable, mark)
        self.written = max(self.written, mark)
        self.flight = Flight(through: mark)
        #if MUTANTS
        if Mutant.nothingResent.isPlanted { self.flight = Flight(through: max(mark, self.written)) }
        #endif
        return .confirmed(tickets)
    }

    /// The highest mark that leaves an outbox enough numbers; no client gets there, and no server can make it count beyond the last one.
    private static let highestMark = SequenceNumber(Limits.maxInteger / 2)

    /// The newest welcomed connection ended.
    mutating func connectionEnded() {
        self.flight = nil
    }

    // MARK: Writing

    /// Gives numbers to the messages that the window lets out; the highest number when there are new ones, which are to be saved.
    ///
    /// While numbers are being saved no others are given: they go together with the next save.
    mutating func number(within window: Window) -> SequenceNumber? {
        guard var flight = self.flight, self.numbering == nil else { return nil }
        var index = self.index(after: flight.through)
        while index < self.entries.count, flight.hasRoom(for: self.entries[index].payload.count, in: window) {
            flight.add(self.entries[index].payload.count)
            index += 1
        }
        guard self.assigned < flight.through else { return nil }
        self.assigned = flight.through
        return self.assigned
    }

    /// The numbers given last are being saved.
    mutating func saving(_ version: SaveVersion) {
        self.numbering = (version, self.assigned)
        #if MUTANTS
        if Mutant.reuseNumber.isPlanted { self.durable = self.assigned }
        #endif
    }

    /// Everything through the version is durable.
    mutating func saved(through version: SaveVersion) {
        guard let numbering = self.numbering, numbering.version <= version else { return }
        self.durable = max(self.durable, numbering.through)
        self.numbering = nil
    }

    /// The next message to write to the newest connection, if its number is durable and the window lets it out.
    mutating func next(within window: Window) -> (sequence: SequenceNumber, payload: Payload)? {
        guard var flight = self.flight, flight.through < self.assigned, flight.through < self.durable else { return nil }
        let payload = self.entries[self.index(after: flight.through)].payload
        guard flight.hasRoom(for: payload.count, in: window) else { return nil }
        flight.add(payload.count)
        self.flight = flight
        self.written = max(self.written, flight.through)
        return (flight.through, payload)
    }

    private func index(after number: SequenceNumber) -> Int {
        Int(number.rawValue - self.acknowledged.rawValue)
    }

    // MARK: Acknowledgements

    /// An `ACK` came on the newest welcomed connection.
    ///
    /// Once something was written there, what was not cannot have been handled: numbers go on without a hole, so the next could not be sent.
    mutating func acknowledged(through number: SequenceNumber) -> Acknowledgement {
        guard let flight = self.flight else { return .fault }
        if number <= flight.through { return .confirmed(self.confirm(through: number)) }
        // Handlers outlive connections: before anything is sent on this one, what was sent on the one before may be handled.
        guard flight.isUntouched, number <= self.written else { return .fault }
        defer { self.flight?.through = number }
        return .confirmed(self.confirm(through: number))
    }

    /// An `ACK` came on an older connection.
    ///
    /// A server commits marks before it acknowledges, so the newest connection's mark covers it; what goes beyond is left to the newest.
    mutating func acknowledgedByOlder(through number: SequenceNumber) -> Acknowledgement {
        guard number <= self.written else { return .fault }
        if let flight = self.flight, flight.through < number { return .confirmed([]) }
        return .confirmed(self.confirm(through: number))
    }

    private mutating func confirm(through number: SequenceNumber) -> [UplinkTicket] {
        guard self.acknowledged < number else { return [] }
        var tickets: [UplinkTicket] = []
        let numbered = min(number, self.assigned)
        while self.acknowledged < numbered, let entry = self.entries.popFirst() {
            self.acknowledged = self.acknowledged.next
            self.bytes -= entry.payload.count
            tickets.append(entry.ticket)
            if let flight = self.flight, self.acknowledged <= flight.through {
                self.flight?.messages -= 1
                self.flight?.bytes -= UInt64(entry.payload.count)
            }
        }
        self.acknowledged = number
        self.assigned = max(self.assigned, number)
        return tickets
    }

    // MARK: Starting over

    /// The messages that were written and not acknowledged: handled or not, nobody here knows.
    var doubtful: [UplinkTicket] {
        let count = Int(self.written.rawValue - min(self.written, self.acknowledged).rawValue)
        return self.entries.prefix(count).map(\.ticket)
    }

    /// Takes a new id: everything is numbered from 1 again. Returns the messages that were written before and may now be handled twice.
    mutating func renew(_ id: OutboxID) -> [UplinkTicket] {
        let tickets = self.doubtful
        self.id = id
        self.assigned = .zero
        self.acknowledged = .zero
        self.written = .zero
        self.durable = .zero
        self.numbering = nil
        self.flight = nil
        return tickets
    }

    /// Whether a message that has a number is larger than the server takes; without it, nothing can fill its number.
    func hasNumbered(above limit: Int) -> Bool {
        let numbered = Int(self.assigned.rawValue - self.acknowledged.rawValue)
        return self.entries.prefix(numbered).contains { limit < $0.payload.count }
    }

    /// Takes out the messages that are larger than the server takes.
    ///
    /// - Precondition: none of them has a number.
    mutating func discard(above limit: Int) -> [UplinkTicket] {
        let tickets = self.entries.filter { limit < $0.payload.count }.map(\.ticket)
        guard !tickets.isEmpty else { return [] }
        precondition(!self.hasNumbered(above: limit), "a message with a number cannot leave alone")
        self.entries.removeAll { limit < $0.payload.count }
        self.bytes = self.entries.reduce(0) { $0 + $1.payload.count }
        return tickets
    }

    /// Takes out everything.
    ///
    /// - Precondition: none of the messages has a number.
    mutating func discardAll() -> [UplinkTicket] {
        precondition(self.assigned == self.acknowledged, "a message with a number cannot leave alone")
        let tickets = self.entries.map(\.ticket)
        self.entries.removeAll()
        self.bytes = 0
        return tickets
    }
}
