import NIOCore

/// How much a node has to do, for balancers that weigh their nodes and for people.
package struct NodeLoad: Hashable, Sendable {
    /// How many connections there are, how many of them are attached, and how many there may be.
    package let connections: Int
    package let attached: Int
    package let capacity: Int
    /// What was measured last; nil before the first second is over.
    package let sample: LoadSample?
    /// What of it is too much.
    package let over: [LoadMeasure]
    package let readiness: Readiness

    package init(connections: Int, attached: Int, capacity: Int, sample: LoadSample?, over: [LoadMeasure], readiness: Readiness) {
        self.connections = connections
        self.attached = attached
        self.capacity = capacity
        self.sample = sample
        self.over = over
        self.readiness = readiness
    }

    /// How many of 100 newcomers a balancer should send here, were all nodes alike: the part of the connections that is free. At least 1
    /// while the node is ready, and 0 when it is not.
    package var weight: Int {
        guard self.readiness.isReady else { return 0 }
        return max(1, min(100, 100 - LoadSample.perMille(self.connections, of: self.capacity) / 10))
    }

    /// The answer to `/load`, as JSON. Times are milliseconds, memory and disk bytes.
    package var text: String {
        var buffer = ByteBuffer()
        JSONWriter.writeObject(into: &buffer) { writer in
            writer.field("ready", self.readiness.isReady)
            writer.field("weight", Self.integer(self.weight))
            writer.field("connections", Self.integer(self.connections))
            writer.field("attached", Self.integer(self.attached))
            writer.field("capacity", Self.integer(self.capacity))
            writer.field("loopLag", (self.sample?.loopLag.milliseconds).map(Self.integer))
            writer.field("commit", (self.sample?.commitTime.milliseconds).map(Self.integer))
            writer.field("memory", (self.sample?.memory).map(Self.integer))
            writer.field("memoryLimit", (self.sample?.memoryLimit).map(Self.integer))
            writer.field("freeDisk", (self.sample?.freeDisk).map(Self.integer))
            writer.field("reasons", self.readiness.reasons.map(\.rawValue))
            writer.field("over", self.over.map(\.rawValue))
        }
        return String(buffer: buffer)
    }

    private static func integer(_ number: some BinaryInteger) -> UInt64 {
        min(UInt64(clamping: number), Limits.maxInteger)
    }
}
