import GaplessCore

// What the steps of a plan do.
extension World {
    func perform(_ step: Step) {
        switch step {
        case .publish(let place, let count, let bytes, let life):
            for _ in 0..<count {
                self.publisher.send(to: [self.clients[place].id], bytes: bytes, timeToLive: life.map { .milliseconds($0) })
            }
        case .publishToAll(let count):
            for _ in 0..<count { self.publisher.send(to: self.clients.map(\.id), bytes: 8, timeToLive: nil) }
        case .send(let place, let count):
            self.withProcess(place) { process in
                for _ in 0..<count { process.send(process.client.nextText()) }
            }
        case .cut(let place): for link in self.links(of: place) { self.cut(link) }
        case .halfOpen(let place):
            for link in self.links(of: place) {
                self.counters.count(.halfOpen)
                self.stick(link, up: true, down: true, for: nil)
            }
        case .oneWay(let place, let isUp):
            for link in self.links(of: place) {
                self.counters.count(.oneWay)
                self.stick(link, up: isUp, down: !isUp, for: nil)
            }
        case .clog(let place, let up, let down, let time):
            for link in self.links(of: place) {
                self.counters.count(.clogged)
                self.stick(link, up: up, down: down, for: .milliseconds(time))
            }
        case .loseClose(let place): for link in self.links(of: place) { link.losesClose = true }
        case .crashNode, .drainNode, .stallNode, .cordonNode: self.performOnNode(step)
        case .crashClient, .stallClient, .twin, .leave, .probe, .end: self.performOnClient(step)
        case .stallStore, .failStore, .fillStore, .doubt, .snapshot, .rollBack, .remove, .moveClock: self.performOnStore(step)
        }
    }

    private func withProcess(_ place: Int, _ body: @escaping (ClientProcess) -> Void) {
        guard let process = self.clients[place].process, !self.clients[place].hasEnded else { return }
        process.run { body(process) }
    }

    /// The open links of a client, in the order of their opening.
    private func links(of place: Int) -> [SimulatedLink] {
        self.openLinks.filter { $0.client.client === self.clients[place] }
    }

    private func performOnNode(_ step: Step) {
        switch step {
        case .crashNode(let place, let down):
            self.counters.count(.nodeCrash)
            self.nodes[place].crash(down: .milliseconds(down))
        case .drainNode(let place, let down):
            self.counters.count(.nodeDrain)
            self.nodes[place].drain(down: .milliseconds(down))
        case .stallNode(let place, let time):
            self.counters.count(.nodeStall)
            self.nodes[place].process?.stalledUntil = self.now + .milliseconds(time)
        case .cordonNode(let place, let time):
            self.counters.count(.cordon)
            guard let process = self.nodes[place].process else { return }
            process.run {
                process.feed { logic, _, _ in logic.cordon() }
                process.schedule(after: .milliseconds(time)) { process.feed { logic, _, _ in logic.uncordon() } }
            }
        default: break
        }
    }

    private func performOnClient(_ step: Step) {
        switch step {
        case .crashClient(let place, let state, let down):
            let client = self.clients[place]
            guard !client.hasEnded, client.process?.isRunning == true else { return }
            self.counters.count(.clientCrash)
            client.process?.kill()
            self.after(.milliseconds(down)) {
                guard client.process?.isRunning != true, !client.hasEnded else { return }
                client.start(from: self.record(of: client, state))
            }
        case .stallClient(let place, let time):
            self.counters.count(.clientStall)
            self.clients[place].process?.stalledUntil = self.now + .milliseconds(time)
        case .twin(let place, let state, let time):
            let client = self.clients[place]
            guard client.twin == nil, !client.hasEnded else { return }
            self.counters.count(.twin)
            if client.isDurable, state != .none { client.hasCopies = true }
            client.start(from: self.record(of: client, state), isTwin: true)
            self.after(.milliseconds(time)) {
                client.twin?.kill()
                client.twin = nil
            }
        case .leave(let place, let time):
            self.counters.count(.leave)
            self.withProcess(place) { process in
                process.leave()
                process.schedule(after: .milliseconds(time)) {
                    if !process.client.hasEnded { process.comeBack() }
                }
            }
        case .probe(let place): self.withProcess(place) { $0.probe() }
        case .end(let place):
            self.counters.count(.end)
            self.withProcess(place) { $0.end() }
        default: break
        }
    }

    /// The state that a new process of a client starts with.
    private func record(of client: SimulatedClient, _ state: Step.State) -> ClientRecord? {
        guard client.isDurable else { return nil }
        switch state {
        case .kept:
            if let disk = client.disk { client.pastDisks.append(disk) }
            return client.disk
        case .old:
            self.counters.count(.clientStateWentBack)
            client.hasCopies = true
            return client.pastDisks.first ?? client.disk
        case .none: return nil
        }
    }

    private func performOnStore(_ step: Step) {
        switch step {
        case .stallStore(let time):
            self.counters.count(.storeStall)
            self.store.stall(for: .milliseconds(time))
        case .failStore(let time): self.store.fail(for: .milliseconds(time))
        case .fillStore(let time): self.store.fill(for: .milliseconds(time))
        case .doubt(let commits): self.store.doubt(commits)
        case .snapshot: self.store.snapshot()
        case .rollBack(let isNoticed): self.rollBack(isNoticed: isNoticed)
        case .remove(let place):
            self.counters.count(.removal)
            self.publisher.remove(self.clients[place].id)
        case .moveClock(let place, let time):
            self.counters.count(.clockMoved)
            self.clockOffsets[place] += time
        default: break
        }
    }

    /// A copy of the store is put back: everybody is down for that.
    private func rollBack(isNoticed: Bool) {
        for node in self.nodes { node.crash(down: .milliseconds(500)) }
        // What was on its way to the disk is gone.
        self.after(.milliseconds(400)) {
            guard self.nodes.allSatisfy({ $0.process?.isRunning != true }) else { return }
            _ = self.store.rollBack(isNoticed: isNoticed)
        }
    }
}
