import GaplessCore

// What the steps of a plan do.
extension World {
    func perform(_ step: Step) {
        switch step {
        case .publish, .publishToAll, .publishToUser, .publishToExisting, .publishSequence, .sendAgain, .send:
            self.performTraffic(step)
        case .cut, .halfOpen, .oneWay, .clog, .swizzle, .linger, .loseClose: self.performOnNetwork(step)
        case .crashNode, .drainNode, .deploy, .stallNode, .cordonNode, .outdateNode: self.performOnNode(step)
        case .crashClient, .stallClient, .twin, .takeOver, .leave, .probe, .end, .forgetKeys: self.performOnClient(step)
        case .stallStore, .failStore, .fillStore, .doubt, .snapshot, .rollBack, .loseCommits, .loseAndPublish, .remove, .removeAndPublish,
            .sendAway, .moveClock, .moveClocks:
            self.performOnStore(step)
        }
    }

    private func performTraffic(_ step: Step) {
        switch step {
        case .publish(let place, let count, let bytes, let life):
            guard let client = self.clients[safe: place]?.id else { return }
            for _ in 0..<count {
                self.publisher.send(to: .clients([client], existingOnly: false), bytes: bytes, timeToLive: life.map { .milliseconds($0) })
            }
        case .publishToAll(let count):
            let clients = self.clients.compactMap(\.id)
            guard !clients.isEmpty else { return }
            for _ in 0..<count { self.publisher.send(to: .clients(clients, existingOnly: false)) }
        case .publishToUser(let user, let count):
            guard let user = UserID("u\(user)") else { return }
            for _ in 0..<count { self.publisher.send(to: .user(user)) }
        case .publishToExisting(let place, let count):
            guard let client = self.clients[safe: place]?.id else { return }
            for _ in 0..<count { self.publisher.send(to: .clients([client], existingOnly: true)) }
        case .publishSequence(let place, let count):
            if let client = self.clients[safe: place]?.id { self.publisher.sendSequence(to: client, count: count) }
        case .sendAgain(let isChanged): self.publisher.sendAgain(isChanged: isChanged)
        case .send(let place, let count):
            self.withProcess(place) { process in
                for _ in 0..<count { process.send(process.client.nextText()) }
            }
            // Another instance has an outbox of its own.
            if let twin = self.clients[safe: place]?.twin { twin.run { twin.send(twin.client.nextText()) } }
        default: break
        }
    }

    private func withProcess(_ place: Int, _ body: @escaping (ClientProcess) -> Void) {
        guard let client = self.clients[safe: place], let process = client.process, !client.hasEnded else { return }
        process.run { body(process) }
    }

    // MARK: Network

    /// The end of something that lasts so many milliseconds, and not longer than the faults.
    private func within(_ time: Int) -> Instant {
        min(self.now + .milliseconds(time), World.start + .seconds(self.options.seconds))
    }

    /// The open links of a client, in the order of their opening.
    private func links(of place: Int) -> [SimulatedLink] {
        self.openLinks.filter { $0.client.client.place == place }
    }

    private func performOnNetwork(_ step: Step) {
        switch step {
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
        case .swizzle(let time): self.swizzle(for: time)
        case .linger(let place, let time): for link in self.links(of: place) { self.linger(link, for: .milliseconds(time)) }
        case .loseClose(let place): for link in self.links(of: place) { link.losesClose = true }
        default: break
        }
    }

    /// Clogs what is open one by one, and lets it go in an order of its own.
    private func swizzle(for time: Int) {
        self.counters.count(.swizzled)
        for (index, link) in self.openLinks.enumerated() {
            let begin = Duration.milliseconds(time * index / self.openLinks.count)
            let length = Duration.milliseconds(Int.random(in: 1...(time * 2 + 1), using: &link.random))
            self.after(begin) { self.stick(link, up: true, down: true, for: length) }
        }
    }

    // MARK: Nodes

    private func performOnNode(_ step: Step) {
        switch step {
        case .crashNode(let place, let down):
            self.counters.count(.nodeCrash)
            self.nodes[safe: place]?.crash(down: .milliseconds(down))
        case .drainNode(let place, let down):
            self.counters.count(.nodeDrain)
            self.nodes[safe: place]?.drain(down: .milliseconds(down))
        case .deploy(let time): self.deploy(within: time)
        case .stallNode(let place, let time):
            self.counters.count(.nodeStall)
            if let process = self.nodes[safe: place]?.process { process.stalledUntil = max(process.stalledUntil, self.within(time)) }
        case .cordonNode(let place, let time):
            self.counters.count(.cordon)
            guard let process = self.nodes[safe: place]?.process else { return }
            process.cordon(for: .milliseconds(time))
        case .outdateNode(let place, let time):
            guard let node = self.nodes[safe: place], let process = node.process else { return }
            self.counters.count(.outdated)
            process.isOutdated = true
            self.after(.milliseconds(time)) {
                if node.process === process { node.crash(down: .milliseconds(100)) }
            }
        default: break
        }
    }

    /// A new version goes to all nodes: none is sent clients any more, and one after the other is drained.
    private func deploy(within time: Int) {
        self.counters.count(.deploy)
        for (index, node) in self.nodes.enumerated() {
            node.process?.cordon(for: .seconds(60))
            self.after(.milliseconds(time * index / self.nodes.count)) { if !self.isHealed { node.drain(down: .milliseconds(200)) } }
        }
    }

    // MARK: Clients

    private func performOnClient(_ step: Step) {
        switch step {
        case .crashClient(let place, let state, let down):
            guard let client = self.clients[safe: place], !client.hasEnded, client.process?.isRunning == true else { return }
            self.counters.count(.clientCrash)
            // Half of them die while they send.
            if down % 2 == 0 { client.process.map { process in process.run { process.send(client.nextText()) } } }
            client.process?.kill()
            self.after(.milliseconds(down)) {
                guard client.process?.isRunning != true, !client.hasEnded else { return }
                client.start(from: self.record(of: client, state), isSuccessor: client.isDurable && state == .kept)
            }
        case .stallClient(let place, let time):
            self.counters.count(.clientStall)
            if let process = self.clients[safe: place]?.process { process.stalledUntil = max(process.stalledUntil, self.within(time)) }
        case .twin(let place, let state, let time):
            guard let client = self.clients[safe: place], client.twin == nil, !client.hasEnded else { return }
            self.counters.count(.twin)
            if client.isDurable, state != .none { client.hasCopies = true }
            client.start(from: self.record(of: client, state), isTwin: true)
            self.after(.milliseconds(time)) {
                client.twin?.kill()
                client.twin = nil
            }
        case .takeOver(let place):
            self.withProcess(place) { process in
                process.leave()
                process.takeOver()
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
        case .end(let place, let isImmediate, let pause):
            self.counters.count(.end)
            self.clients[safe: place]?.pauseAfterEnd = pause
            self.withProcess(place) { $0.end(isImmediate ? .immediately : .afterUplink) }
        case .forgetKeys: self.tokenKey += 1
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
        case .none:
            client.hasLostState = true
            return nil
        }
    }

    // MARK: The store

    private func performOnStore(_ step: Step) {
        switch step {
        case .stallStore(let time):
            self.counters.count(.storeStall)
            self.store.stall(for: .milliseconds(time))
        case .failStore(let time): self.store.fail(for: .milliseconds(time))
        case .fillStore(let time): self.store.fill(for: .milliseconds(time))
        case .doubt(let commits): self.store.doubt(commits)
        case .snapshot: self.store.snapshot()
        case .rollBack(let isNoticed): self.rollBack { self.store.rollBack(isNoticed: isNoticed) }
        case .loseCommits(let count, let isNoticed): self.rollBack { self.store.loseCommits(count, isNoticed: isNoticed) }
        case .loseAndPublish(let count):
            self.rollBack { self.store.loseCommits(count, isNoticed: false) }
            self.after(.seconds(1)) { self.performTraffic(.publishToAll(count: count)) }
        case .remove(let place): self.remove(place)
        case .removeAndPublish(let place, let count):
            self.remove(place)
            self.performTraffic(.publish(client: place, count: count, bytes: 8, timeToLive: nil))
        case .sendAway(let place, let code, let time, let isLetIn):
            guard let client = self.clients[safe: place]?.id else { return }
            self.counters.count(.sentAway)
            self.publisher.sendAway(client, code: CloseCode(rawValue: UInt16(code)), for: .milliseconds(time))
            if isLetIn { self.after(.milliseconds(time / 2)) { self.publisher.sendAway(client, code: nil) } }
        case .moveClock(let place, let time): self.moveClock(place, by: time)
        case .moveClocks(let time): for place in self.nodes.indices { self.moveClock(place, by: time) }
        default: break
        }
    }

    private func remove(_ place: Int) {
        guard let client = self.clients[safe: place]?.id else { return }
        self.counters.count(.removal)
        self.publisher.remove(client)
    }

    private func moveClock(_ place: Int, by milliseconds: Int) {
        guard self.clockOffsets.indices.contains(place) else { return }
        self.counters.count(milliseconds < 0 ? .clockMovedBack : .clockMoved)
        self.clockOffsets[place] += milliseconds
        self.checker.clock.move(place, by: Int64(milliseconds), now: self.now)
    }

    /// The store becomes what it was: everybody is down for that.
    private func rollBack(_ body: @escaping () -> Void) {
        for node in self.nodes { node.crash(down: .milliseconds(500)) }
        // What was on its way to the disk is gone.
        self.after(.milliseconds(400)) {
            if self.nodes.allSatisfy({ $0.process?.isRunning != true }) { body() }
        }
    }
}
