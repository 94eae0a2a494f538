import GaplessCore
import GaplessStore

@testable import GaplessSimulation

/// A history that is told to the checker by hand: one client, whose process runs, and a store of which only the checker knows.
struct History {
    static let epoch = Epoch(incarnation: Incarnation(rawValue: 1), queue: 1)

    let world: World
    let process: ClientProcess
    let client: ClientID
    let node: NodeIdentity
    let instance: InstanceID
    let outbox: OutboxID

    init(_ change: (inout PlanOptions) -> Void = { _ in }) {
        let world = World(Plan(seed: 1, steps: [], change), isTraced: false)
        world.populate()
        world.clients[0].start(from: nil)
        guard let process = world.clients[0].process, let name = NodeName("n0") else { preconditionFailure("a client that runs") }
        var random = SeededRandom(seed: 1, stream: "history")
        self.world = world
        self.process = process
        self.client = process.clientID
        self.node = NodeIdentity(name: name, incarnation: 1)
        self.instance = InstanceID(using: &random)
        self.outbox = OutboxID(using: &random)
        // A node whose signs of life are known.
        self.commit(.heartbeat(HeartbeatOperation(node: self.node, schemas: 1...1, seen: .zero)), .heartbeat(HeartbeatReceipt(peers: [])))
    }

    var checker: Checker { self.world.checker }
    /// The promises that were broken so far.
    var broken: [Invariant] { self.checker.violations.map(\.invariant) }

    static func fence(_ generation: UInt64, _ epoch: Epoch = epoch) -> Fence {
        Fence(epoch: epoch, generation: Generation(generation))
    }

    // MARK: The store

    func commit(_ operation: StoreOperation, _ receipt: StoreReceipt) {
        self.checker.committed([operation], CommitReceipt(number: 1, time: self.world.trueTime, receipts: [receipt], wake: []))
    }

    /// A message gets a number.
    func append(_ number: UInt64, _ text: String? = nil, timeToLive: Duration? = nil, discarded: SequenceRange? = nil) {
        let delivery = Delivery(
            client: self.client,
            outcome: .stored(SequenceNumber(number), Self.epoch),
            discarded: discarded
        )
        self.commit(
            .append(self.operation(text ?? "m\(number)", timeToLive: timeToLive)),
            .append(AppendReceipt(time: self.world.trueTime, deliveries: [delivery]))
        )
    }

    func operation(_ text: String, timeToLive: Duration? = nil) -> AppendOperation {
        AppendOperation(recipients: .clients([self.client], existingOnly: false), payload: Payload(text: text), timeToLive: timeToLive)
    }

    func attachOperation(attempt: UInt64 = 1, instance: InstanceID? = nil, position: Position? = nil, held: Generation? = nil)
        -> AttachOperation
    {
        AttachOperation(
            client: self.client,
            node: self.node,
            instance: instance ?? self.instance,
            attempt: Attempt(attempt),
            position: position,
            held: held,
            outbox: self.outbox
        )
    }

    /// A connection becomes the voice.
    func attach(
        _ generation: UInt64,
        _ operation: AttachOperation? = nil,
        resume: Resume = .new,
        floor: UInt64 = 0,
        head: UInt64 = 0,
        mark: UInt64 = 0
    ) {
        let attachment = Attachment(
            fence: Self.fence(generation),
            resume: resume,
            after: SequenceNumber(floor),
            floor: SequenceNumber(floor),
            head: SequenceNumber(head),
            mark: SequenceNumber(mark),
            retention: self.world.options.policy.retention
        )
        self.commit(.attach(operation ?? self.attachOperation(attempt: generation)), .attach(.attached(attachment)))
    }

    func acknowledge(_ through: UInt64, under generation: UInt64 = 1) {
        let operation = AcknowledgeOperation(client: self.client, fence: Self.fence(generation), through: SequenceNumber(through))
        self.commit(.acknowledge(operation), .acknowledge(.acknowledged(floor: operation.through, head: operation.through)))
    }

    func mark(_ number: UInt64, under generation: UInt64 = 1, sends: [AppendOperation] = []) {
        let operation = MarkOperation(
            client: self.client,
            fence: Self.fence(generation),
            outbox: self.outbox,
            number: SequenceNumber(number),
            sends: sends
        )
        let receipts = sends.map { _ in AppendReceipt(time: self.world.trueTime, deliveries: []) }
        self.commit(.advanceMark(operation), .advanceMark(.advanced(sends: receipts)))
    }

    // MARK: The application

    /// A connection in the epoch goes on after a number.
    func welcome(after: UInt64 = 0, epoch: Epoch = epoch) {
        self.checker.listeners[self.process.number]?.next = (epoch.token, after)
    }

    func reference(_ number: UInt64, epoch: Epoch = epoch) -> EventReference {
        EventReference(epoch: epoch.token, numbering: 1, through: SequenceNumber(number))
    }

    func hand(_ number: UInt64, _ text: String? = nil) {
        let message = StoredMessage(
            sequence: SequenceNumber(number),
            time: self.world.trueTime,
            payload: Payload(text: text ?? "m\(number)")
        )
        self.checker.handed(message, self.reference(number), to: self.process)
    }

    func hand(gap first: UInt64, _ last: UInt64, _ reason: GapReason) {
        let range = SequenceRange(SequenceNumber(first), through: SequenceNumber(last))
        self.checker.handed(Gap(range, reason: reason), self.reference(last), to: self.process)
    }

    func handle(_ number: UInt64) {
        self.checker.handled(self.reference(number), isMessage: true, by: self.process)
    }

    // MARK: Handlers

    func run(_ number: UInt64, under generation: UInt64 = 1, failures: Int = 0) -> HandlerRun {
        HandlerRun(
            id: HandlerRun.ID(client: self.client, number: number),
            delivery: UplinkDelivery(
                client: self.client,
                fence: Self.fence(generation),
                outbox: self.outbox,
                number: SequenceNumber(number),
                payload: Payload(text: "u\(number)")
            ),
            failures: failures
        )
    }

    /// A node that handlers run on.
    func runningNode() -> NodeProcess {
        NodeProcess(world: self.world, place: 0, life: 1)
    }
}
