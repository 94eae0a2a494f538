import GaplessCore

/// A place where node processes live, one after the other.
final class SimulatedNode {
    unowned let world: World
    let place: Int
    private(set) var process: NodeProcess?
    private var lives: UInt64 = 0
    /// How long the place stays empty after a drain.
    private var pause: Duration = .zero

    init(world: World, place: Int) {
        self.world = world
        self.place = place
    }

    func start() {
        guard self.process == nil else { return }
        self.lives += 1
        let process = NodeProcess(world: self.world, place: self.place, life: self.lives)
        self.process = process
        process.start()
    }

    func crash(down: Duration) {
        guard let process = self.process else { return }
        self.process = nil
        process.kill()
        self.world.after(down) { self.start() }
    }

    /// SIGTERM: everybody moves away, then the process ends and is started again.
    func drain(down: Duration) {
        guard let process = self.process else { return }
        self.pause = down
        let plan = DrainPlan(wait: .seconds(1), spread: .seconds(3), within: .seconds(6), hardStop: .seconds(12), jitter: .seconds(1))
        process.run { process.feed { $0.drain(plan, now: $1, into: &$2) } }
    }

    /// Nobody is left: the rest is committed, and the process ends.
    func drained(_ process: NodeProcess) {
        guard self.process === process else { return }
        process.feed { logic, _, output in logic.stop(into: &output) }
        self.exitWhenIdle(process)
    }

    private func exitWhenIdle(_ process: NodeProcess) {
        process.schedule(after: .milliseconds(5)) {
            guard self.process === process else { return }
            guard process.gateway.isIdle else { return self.exitWhenIdle(process) }
            self.process = nil
            process.kill()
            self.world.after(self.pause) { self.start() }
        }
    }

    func heal() {
        if self.process?.isOutdated == true { self.crash(down: .zero) }
        if let process = self.process {
            process.run { process.feed { logic, now, _ in logic.setCordoned(false, now: now) } }
        }
        self.start()
    }
}
