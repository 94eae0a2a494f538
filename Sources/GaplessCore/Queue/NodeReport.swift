import NIOCore

/// What a node tells the others of itself with each heartbeat, so that each knows where clients have somewhere to go.
package struct NodeReport: Hashable, Sendable {
    /// Whether it moves its clients away and ends; nobody counts on it.
    package var isDraining: Bool
    /// Whether it takes newcomers only when no other node does.
    package var isCordoned: Bool
    /// How many connections it has, how many of them are attached, and the most that it takes.
    package var connections: Int
    package var attached: Int
    package var capacity: Int
    /// What of its load is too much, by the names of `LoadMeasure` and whatever later programs add.
    package var over: [String]

    package init(
        isDraining: Bool = false,
        isCordoned: Bool = false,
        connections: Int = 0,
        attached: Int = 0,
        capacity: Int,
        over: [String] = []
    ) {
        self.isDraining = isDraining
        self.isCordoned = isCordoned
        self.connections = connections
        self.attached = attached
        self.capacity = capacity
        self.over = over
    }

    /// Whether it has too much to do.
    package var isOver: Bool { !self.over.isEmpty }

    /// Whether it has room for clients and will stay: somewhere to go, at the latest when no better place is left.
    package var isRefuge: Bool { !self.isDraining && self.connections < self.capacity }

    /// Whether it takes newcomers though others could.
    package var isTaker: Bool { self.isRefuge && !self.isCordoned }
}

// MARK: - As text

extension NodeReport {
    /// The report as JSON, as stores keep it: at most 300 bytes.
    package var text: String {
        var buffer = ByteBuffer()
        JSONWriter.writeObject(into: &buffer) { writer in
            writer.field("draining", self.isDraining)
            writer.field("cordoned", self.isCordoned)
            writer.field("connections", Self.integer(self.connections))
            writer.field("attached", Self.integer(self.attached))
            writer.field("capacity", Self.integer(self.capacity))
            if self.isOver { writer.field("over", self.over) }
        }
        return String(buffer: buffer)
    }

    /// Reads what `text` wrote, in this program or a later one: fields that are not known are ignored.
    ///
    /// - Returns: nil when the text is no report.
    package init?(_ text: String) {
        guard let object = try? JSONReader().readObject(ByteBuffer(string: text)) else { return nil }
        guard let capacity = object["capacity"]?.integer else { return nil }
        self.init(
            isDraining: object["draining"]?.bool ?? false,
            isCordoned: object["cordoned"]?.bool ?? false,
            connections: Int(clamping: object["connections"]?.integer ?? 0),
            attached: Int(clamping: object["attached"]?.integer ?? 0),
            capacity: Int(clamping: capacity),
            over: (object["over"]?.array ?? []).prefix(16).map(Self.name)
        )
    }

    /// A name of a measure as it may be shown to people: whatever else stands there still says that something is too much.
    private static func name(_ value: JSONValue) -> String {
        guard let text = value.string, (1...32).contains(text.utf8.count) else { return "unknown" }
        return text.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "-") } ? text : "unknown"
    }

    private static func integer(_ count: Int) -> UInt64 {
        min(UInt64(clamping: count), Limits.maxInteger)
    }
}

/// A node that counts as alive, as a heartbeat finds it.
package struct NodePeer: Hashable, Sendable {
    package var node: NodeIdentity
    /// How long ago its newest heartbeat was, on the store's clock.
    package var age: Duration
    /// What it told of itself; nil when its program or the store's schema is too old for that.
    package var report: NodeReport?

    /// Whether somebody can count on it: its newest heartbeat is not as old as that.
    package func isFresh(_ freshness: Duration) -> Bool {
        #if MUTANTS
        if Mutant.deadCountsAsFresh.isPlanted { return true }
        #endif
        return self.age < freshness
    }

    package init(node: NodeIdentity, age: Duration = .zero, report: NodeReport? = nil) {
        self.node = node
        self.age = age
        self.report = report
    }
}
