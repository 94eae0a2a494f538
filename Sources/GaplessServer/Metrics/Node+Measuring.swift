import GaplessCore

extension Node {
    /// Measures what can be looked at from any thread.
    func measure() {
        let (connections, attached, readiness) = self.ask { logic, now in
            (logic.connectionCount, logic.attachedCount, logic.readiness(now: now))
        }
        self.metrics.record(connections: connections, attached: attached, readiness: readiness)
        self.metrics.record(self.gateway.health, now: self.clock.monotonic())
        if let bytes = ProcessMemory.resident() { self.metrics.record(memory: bytes) }
        self.metrics.record(self.loops.reduce(into: SessionBacklog()) { $0 += $1.backlog.value })
    }

    /// Measures how long the event loops let others wait.
    func probeLoops() {
        for loop in self.loops { loop.probe(self.clock, self.metrics) }
    }

    /// All metrics, as `GET /metrics` shows them.
    func metricsText() -> String {
        self.measure()
        return self.metrics.prometheus.text()
    }
}

extension GaplessServer {
    func metricsText() async throws -> String {
        try await self.running().node.metricsText()
    }
}
