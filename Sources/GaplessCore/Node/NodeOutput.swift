/// What a shell does after it fed a `NodeLogic`: pass the notices on to the loops of the connections, in order, and do the effects.
package struct NodeOutput: Hashable, Sendable {
    /// What sessions are told. Those of one connection keep their order on the way.
    package var notices: [NodeNotice] = []
    /// What else is to be done, in order.
    package var effects: [NodeEffect] = []

    /// Nothing to do.
    package init() {}

    /// Whether there is nothing to do.
    package var isEmpty: Bool { self.notices.isEmpty && self.effects.isEmpty }

    /// Empties the slots and keeps their memory.
    package mutating func removeAll() {
        self.notices.removeAll(keepingCapacity: true)
        self.effects.removeAll(keepingCapacity: true)
    }

    mutating func tell(_ address: ConnectionAddress, _ notice: SessionNotice) {
        self.notices.append(NodeNotice(address: address, notice: notice))
    }
}

/// A notice and whom it is for.
package struct NodeNotice: Hashable, Sendable {
    package var address: ConnectionAddress
    package var notice: SessionNotice

    package init(address: ConnectionAddress, notice: SessionNotice) {
        self.address = address
        self.notice = notice
    }
}

/// What a node wants done outside of itself.
package enum NodeEffect: Hashable, Sendable {
    /// Ask the store for signals after the cursor; answered by `polled` or `pollFailed`. At most one is under way.
    case poll(after: SignalCursor)
    /// Submit to the store; answered by `committed` or `commitFailed`.
    case commit(StoreOperation)
    /// Submit to the store for the connection; answered in the same way.
    case attach(AttachOperation, for: ConnectionAddress)
    /// Run the handler; answered by `handlerReturned` or `handlerThrew`, also when it is cancelled meanwhile.
    case run(HandlerRun)
    /// Cancel a running handler; it is answered all the same.
    case cancel(HandlerRun.ID)
    /// Ask the service what becomes of a message whose handler failed again and again; answered by `decided`.
    case decide(HandlerRun)
    /// Tell hooks, log and metrics.
    case observe(NodeObservation)
    /// The store knows the node: what comes to it from now on can be served. Told once.
    case started
    /// An operator wants the node drained: begin as at the end of the process.
    case leave
    /// No connection is left, or the time is over: the process may end, once the handlers that run have had some time.
    case drained
}

/// One attempt to handle one uplink message.
package struct HandlerRun: Hashable, Sendable {
    /// Names a run for as long as the process lives.
    package struct ID: Hashable, Sendable {
        package let client: ClientID
        package let number: UInt64

        package init(client: ClientID, number: UInt64) {
            self.client = client
            self.number = number
        }
    }

    package let id: ID
    package let delivery: UplinkDelivery
    /// How often it failed before.
    package let failures: Int
    /// When the service is asked about it: what the store said to what the handler sent; nil when the handler itself failed.
    package let refused: AppendReceipt?

    package init(id: ID, delivery: UplinkDelivery, failures: Int, refused: AppendReceipt? = nil) {
        self.id = id
        self.delivery = delivery
        self.failures = failures
        self.refused = refused
    }
}

/// What becomes of a message whose handler failed again and again.
package enum HandlerDecision: Hashable, Sendable {
    /// The mark moves; the client takes it for handled.
    case skip
    /// The connection closes with 4103.
    case close
    /// The handler runs again, after waits that double up to a bound, and the service is asked again after each failure, for as long as the
    /// client is attached to this node. What the client sends meanwhile waits, within its window.
    case retry
}

/// What is worth telling people, hooks and metrics about a node.
package enum NodeObservation: Hashable, Sendable {
    /// A connection ended and nobody took its place.
    case detached(client: ClientID, fence: Fence)
    /// A full queue dropped its oldest messages.
    case overflow(client: ClientID, SequenceRange)
    /// A queue ended.
    case removed(client: ClientID, RemovalReason)
    /// The wall clock jumped against the monotonic one; expiry waits.
    case clockJumped(by: Duration)
    /// The store has not answered for too long; it answers again.
    case storeCutOff
    case storeReached
    /// The store's schema is newer than this program.
    case schemaUnknown
    /// An operator wants something of the node; it obeys.
    case ordered(NodeOrder)
    /// The node holds more than its share of the clients, and begins to move some away.
    case rebalancing(attached: Int, share: Int, moves: Int)
    /// What of the node's load is too much now; nothing when that is over. Newcomers are sent to other nodes, or there is none for them.
    case loaded(over: [LoadMeasure], sheds: Bool)
    /// How many messages and queues a slice of the sweep took.
    case swept(messages: Int, queues: Int)

    package enum RemovalReason: Hashable, Sendable {
        /// The client said `BYE`.
        case ended
        /// An operator removed it.
        case removed
        /// Nobody attached for longer than its lifetime.
        case expired
        /// It gave way at the limit of clients per user.
        case evicted
    }
}

/// One operation on its way to the store.
package struct SubmittedOperation: Hashable, Sendable {
    package var operation: StoreOperation
    /// The connection that an attach is for; nil for everything else.
    package var connection: ConnectionAddress?

    package init(_ operation: StoreOperation, connection: ConnectionAddress? = nil) {
        self.operation = operation
        self.connection = connection
    }
}

/// What is known of a transaction that failed.
package enum CommitFailure: Hashable, Sendable {
    /// Nothing happened.
    case nothing
    /// Nobody knows whether it was committed.
    case unknown
    /// Nothing happened: there is no room.
    case full
    /// Nothing happened: the store's schema is newer than this program.
    case newerSchema
}

/// One operation of a commit, and what became of it.
package struct CommittedOperation: Hashable, Sendable {
    package var operation: StoreOperation
    package var receipt: StoreReceipt
    /// The connection that an attach is for; nil for everything else.
    package var connection: ConnectionAddress?

    package init(_ operation: StoreOperation, _ receipt: StoreReceipt, connection: ConnectionAddress? = nil) {
        self.operation = operation
        self.receipt = receipt
        self.connection = connection
    }
}

/// Whether a balancer should send clients here.
package struct Readiness: Hashable, Sendable, CustomStringConvertible {
    /// Why not.
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        /// The store has not answered yet, or the other nodes cannot know of this one yet.
        case starting
        case draining
        case cordoned
        /// The store has not answered for too long.
        case storeCutOff = "store-cut-off"
        /// The store's schema is newer than this program.
        case schemaUnknown = "schema-unknown"
        /// There are as many connections as may be.
        case full
        /// More connections than a node is glad to have, too slow loops or commits, little memory or disk - and another node can take clients.
        case connections
        case loopLag = "loop-lag"
        case commitsSlow = "commits-slow"
        case memory
        case disk

        init(_ measure: LoadMeasure) {
            switch measure {
            case .connections: self = .connections
            case .loopLag: self = .loopLag
            case .commits: self = .commitsSlow
            case .memory: self = .memory
            case .disk: self = .disk
            }
        }
    }

    /// What people should know though clients are welcome.
    package enum Warning: String, Hashable, Sendable, CaseIterable {
        /// The node has too much to do, and no other can take clients.
        case overloaded
        /// The store refuses messages for lack of room. Clients make room by acknowledging, so they must be let in.
        case storeFull = "store-full"
    }

    /// Why not, in a fixed order; empty when it is ready.
    package var reasons: [Reason]
    /// What else is to be told, in a fixed order.
    package var warnings: [Warning]

    package var isReady: Bool { self.reasons.isEmpty }

    package init(reasons: [Reason], warnings: [Warning] = []) {
        self.reasons = reasons
        self.warnings = warnings
    }

    /// The answer to `/ready`: `ready` or the reasons, and then the warnings, with spaces between them.
    package var description: String {
        let words = self.isReady ? ["ready"] : self.reasons.map(\.rawValue)
        return (words + self.warnings.map(\.rawValue)).joined(separator: " ")
    }
}
