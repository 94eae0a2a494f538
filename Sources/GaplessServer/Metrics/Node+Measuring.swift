import GaplessCore

extension Node {
    /// Measures what can be looked at from any thread.
    func measure() {
        self.metrics.record(self.ask { logic, now in logic.loadReport(now: now) })
        self.metrics.record(self.gateway.health, now: self.clock.monotonic())
        if let bytes = ProcessMemory.resident() { self.metrics.record(memory: bytes) }
        self.metrics.record(self.loops.reduce(into: SessionBacklog()) { $0 += $1.backlog.value })
    }

    /// Tells the logic how much the process has to do; each second.
    func sampleLoad() {
        let sample = self.sampler.sample(self.gateway.health, self.loops, now: self.clock.monotonic())
        if let bytes = sample.freeDisk { self.metrics.record(freeDisk: bytes) }
        self.feed { logic, now, output in logic.sampled(sample, now: now, into: &output) }
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
