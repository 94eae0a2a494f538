import GaplessCore

/// What is durable, as the checker knows it by watching commits: never read from the store's own tables.
///
/// A value, so that a copy of the store has its copy of the truth: when the store goes back in time, this does too.
struct Truth {
    /// One numbering of one queue.
    struct Key: Hashable {
        let client: ClientID
        let epoch: EpochToken

        init(_ client: ClientID, _ epoch: EpochToken) {
            (self.client, self.epoch) = (client, epoch)
        }

        init(_ client: ClientID, _ epoch: Epoch) {
            self.init(client, epoch.token)
        }
    }

    /// A message under a number, and the time line on which it was appended.
    struct Message {
        let payload: Payload
        let time: Timestamp
        /// From when on it may be gone by age.
        let expires: Timestamp
        let line: Int
        let operation: UInt64
    }

    /// One numbering of one queue.
    struct Numbering {
        /// By number, from 1; the version on the present time line.
        var messages: [Message?] = []
        var floor: UInt64 = 0
        /// The highest number that gave way to newer ones.
        var overflown: UInt64 = 0
        var generation: UInt64 = 0

        var head: UInt64 { UInt64(self.messages.count) }

        /// False when the number is not the next.
        mutating func append(_ message: Message, as number: UInt64) -> Bool {
            guard number == self.head + 1 else { return false }
            self.messages.append(message)
            return true
        }
    }

    /// Who attached last.
    struct Holder {
        let key: Key
        let generation: Generation
        let instance: InstanceID
        let attempt: Attempt
        let node: NodeIdentity
        let attached: Timestamp
        var isDetached = false
        /// Whether the store began a new life since, so that the fence is void.
        var isVoid = false
    }

    /// A node's signs of life.
    struct Sign {
        var seen: Timestamp
        var hasStopped: Bool
    }

    /// The life of one queue, from its creation to its end.
    struct Life {
        /// How the queue is numbered now.
        var key: Key
        var created: Timestamp
        /// How long it stays without anybody.
        var keep: Duration
        /// The highest durable number of each outbox.
        var marks: [OutboxID: UInt64] = [:]
        /// Nil before the first attachment.
        var holder: Holder?
    }

    /// A client that an operator sent away.
    struct Away {
        let client: ClientID
        let code: CloseCode
        let until: Timestamp
    }

    var numberings: [Key: Numbering] = [:]
    /// The queues that exist.
    var lives: [ClientID: Life] = [:]
    var signs: [NodeIdentity: Sign] = [:]
    /// The highest mark that each outbox of a client ever had, also before its queue ended.
    var marks: [ClientID: [OutboxID: UInt64]] = [:]
    /// Which uplink messages were handled with a durable mark, and how many answers each has.
    var handled: Set<String> = []
    var replies: [String: Int] = [:]
    /// Where the stream of each attachment goes on.
    var attachments: [Key: [Generation: UInt64]] = [:]
    var clock = Timestamp(milliseconds: 0)
    /// The time of the newest commit, on the store's clock.
    var committed = Timestamp(milliseconds: 0)
    /// Whom operators sent away, some of whom may come by now.
    var away: [Away] = []
    /// The time line, and the operations on it so far.
    var line = 0
    var operation: UInt64 = 0

    /// With which code the store has to refuse a client in the commit under way; nil when the client may come.
    func away(_ client: ClientID) -> CloseCode? {
        self.away.first { $0.client == client && self.committed < $0.until }?.code
    }

    /// An operator sends a client away, or lets it come.
    mutating func sendAway(_ client: ClientID, code: CloseCode?, for time: Duration) {
        self.away.removeAll { $0.client == client }
        if let code { self.away.append(Away(client: client, code: code, until: self.committed + time)) }
    }

    /// Whether the node of an attachment gives signs of life.
    func isAlive(_ node: NodeIdentity, lifetime: Duration) -> Bool {
        guard let sign = self.signs[node], !sign.hasStopped else { return false }
        return self.clock < sign.seen + lifetime
    }

    /// Whether a connection with this fence may do something to the queue.
    func isCurrent(_ fence: Fence, of client: ClientID) -> Bool {
        guard let life = self.lives[client], let holder = life.holder else { return false }
        return !holder.isVoid && life.key == Key(client, fence.epoch) && holder.key == life.key && holder.generation == fence.generation
    }
}

/// The time lines of the store: each restore branches off.
struct TimeLines {
    private var parents: [(line: Int, operation: UInt64)] = [(0, 0)]

    /// Whether the store ever went back.
    var hasBranches: Bool { self.parents.count > 1 }

    /// A new line that goes on from an operation of another.
    mutating func branch(from line: Int, at operation: UInt64) -> Int {
        self.parents.append((line, operation))
        return self.parents.count - 1
    }

    /// Whether what an operation of one line made is there on another.
    func isVisible(_ operation: UInt64, of origin: Int, on line: Int) -> Bool {
        var (line, bound) = (line, UInt64.max)
        while true {
            if line == origin { return operation <= bound }
            guard line != 0 else { return false }
            bound = min(bound, self.parents[line].operation)
            line = self.parents[line].line
        }
    }
}
