import GaplessCore

/// What is durable, as the checker knows it by watching commits: never read from the store's own tables.
struct Truth {
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
        var generation: UInt64 = 0

        var head: UInt64 { UInt64(self.messages.count) }

        mutating func append(_ message: Message, as number: UInt64) -> Bool {
            guard number == self.head + 1 else { return false }
            self.messages.append(message)
            return true
        }
    }

    /// By client and the queue's part of the epoch; a new incarnation goes on with the same numbers.
    var numberings: [String: Numbering] = [:]
    /// The highest number of each outbox whose mark is durable.
    var marks: [String: UInt64] = [:]
    /// Which uplink messages were handled with a durable mark, and how many replies each has.
    var handled: Set<String> = []
    var replies: [String: Int] = [:]
    /// The newest numbering of each client.
    var newest: [String: String] = [:]
    /// The attachments: where the stream goes on.
    var attachments: [String: UInt64] = [:]
    var clock = Timestamp(milliseconds: 0)
    /// The time line, and the operations on it so far.
    var line = 0
    var operation: UInt64 = 0

    static func key(_ client: ClientID, _ epoch: Epoch) -> String {
        "\(client) \(epoch)"
    }

    static func key(_ client: ClientID, _ epoch: EpochToken) -> String {
        "\(client) \(epoch)"
    }
}

/// The time lines of the store: each restore branches off.
struct TimeLines {
    private var parents: [(line: Int, operation: UInt64)] = [(0, 0)]

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
