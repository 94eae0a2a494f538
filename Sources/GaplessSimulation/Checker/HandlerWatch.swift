import GaplessCore

/// One uplink message, by where it is numbered.
struct UplinkKey: Hashable {
    let client: ClientID
    let outbox: OutboxID
    let number: UInt64

    init(_ delivery: UplinkDelivery) {
        (self.client, self.outbox, self.number) = (delivery.client, delivery.outbox, delivery.number.rawValue)
    }

    init(_ operation: MarkOperation) {
        (self.client, self.outbox, self.number) = (operation.client, operation.outbox, operation.number.rawValue)
    }
}

/// What the handlers of all nodes were given, and what they did.
struct HandlerWatch {
    /// One client at one process of a node.
    struct Place: Hashable {
        let client: ClientID
        let node: NodeIdentity
    }

    /// What is under each number of each outbox.
    var texts: [UplinkKey: String] = [:]
    /// What handlers sent that returned; one that was skipped sends nothing.
    var results: [UplinkKey: [[AppendOperation]]] = [:]
    /// Handlers that run now.
    var running: [Place: Int] = [:]
    /// The last message that a handler was given, by place.
    var last: [Place: UplinkDelivery] = [:]
}

/// What became of one uplink message.
struct Uplink {
    /// Who sent it.
    var process: ClientProcess
    var isDurableAtClient = false
    var isConfirmed = false
    var isDiscarded = false
    var mayRepeat = false
    var runs = 0
}
