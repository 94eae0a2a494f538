import GaplessCore

// What is sent, and by whom.
extension Checker {
    /// The server sends a frame.
    func sent(_ frame: ServerFrame, on link: SimulatedLink) {
        guard let served = link.served else { return }
        served.stream?.sent(frame)
        switch frame {
        case .welcome(let welcome): self.sent(welcome, by: served)
        case .message(let message):
            if let welcome = served.welcome { self.sent(message, under: welcome, by: served) }
        case .acknowledge(let through): self.acknowledged(through, on: link)
        case .error(let error):
            let isAccusation = (4400...4449).contains(error.code.rawValue)
            self.require(
                !isAccusation || link.client.client.hasCopies,
                .accusation,
                "the server says \(error.code.rawValue) \(error.message)"
            )
            self.world.counters.count(ending: error.code)
        case .authenticated: self.world.counters.count(.renewed)
        case .gap, .ping, .pong, .authenticate, .drain:
            break
        }
    }

    private func sent(_ welcome: Welcome, by served: SimulatedConnection) {
        served.window.window = welcome.downlinkWindow
        served.welcome = welcome
        served.stream = ToldStream(after: welcome.after)
        let after = self.truth.attachments[Truth.Key(welcome.client, welcome.epoch)]?[welcome.generation]
        self.require(
            after == welcome.after.rawValue,
            .durableFirst,
            "WELCOME after \(welcome.after), attached after \(after.map { "\($0)" } ?? "nothing")"
        )
    }

    private func sent(_ message: StoredMessage, under welcome: Welcome, by served: SimulatedConnection) {
        let key = Truth.Key(welcome.client, welcome.epoch)
        let isDurable = self.versions[key]?[message.sequence.rawValue]?.contains {
            $0.payload == message.payload && $0.time == message.time
        }
        self.require(isDurable == true, .durableFirst, "MSG \(message.sequence) to \(welcome.client) is not durable")
        self.require(served.window.send(message), .bounded, "more in flight to \(welcome.client) than the window allows")
        if served.window.isFull { self.world.counters.count(.windowFull) }
        guard let voice = self.voices[key], voice.generation > welcome.generation.rawValue,
            let version = self.truth.numberings[key]?.messages[safe: Int(message.sequence.rawValue) - 1] ?? nil
        else { return }
        let isOlder = version.operation < voice.operation || version.line != self.truth.line
        self.require(isOlder, .oneVoice, "MSG \(message.sequence) went to a connection that was displaced before its commit")
    }

    /// The server says that uplink is handled: its mark has to be durable.
    private func acknowledged(_ through: SequenceNumber, on link: SimulatedLink) {
        guard let welcome = link.served?.welcome, let outbox = link.hello?.outbox else {
            return self.require(false, .uplink, "an ACK for a connection without an outbox")
        }
        let mark = self.truth.marks[welcome.client]?[outbox] ?? 0
        self.require(through.rawValue <= mark, .uplink, "ACK \(through) to \(welcome.client), durable is mark \(mark)")
    }

    /// The client sends a frame.
    func sent(_ frame: ClientFrame, on link: SimulatedLink) {
        switch frame {
        case .hello(let hello):
            link.hello = hello
            if let position = hello.position { self.requireKept(position.handled, position.epoch, by: link.client, "HELLO") }
            if hello.force { self.forced(link) }
        case .message(let number, let payload):
            self.require(
                link.uplink.send(number, bytes: payload.count),
                .bounded,
                "\(link.client.name) has more in flight than its window allows"
            )
        case .acknowledge(let through):
            if let welcome = link.served?.welcome { self.requireKept(through, welcome.epoch, by: link.client, "ACK \(through)") }
        case .ping, .pong, .authenticate, .bye: break
        }
    }

    /// What a client tells was handled, and saved if it saves. [R4.1-5, R6.3-2]
    private func requireKept(_ number: SequenceNumber, _ epoch: EpochToken, by process: ClientProcess, _ what: String) {
        let record = process.client.isDurable ? process.saved : process.record
        let position = record.progress.position
        self.require(
            position?.epoch == epoch && number <= position?.handled ?? .zero,
            .safeAcknowledgement,
            "\(what) of \(process.name) is beyond what it keeps, \(position?.handled ?? .zero)"
        )
    }

    /// A client takes over; two that do so from each other end after one round. [R5.3-12]
    private func forced(_ link: SimulatedLink) {
        let process = link.client
        let isRare = process.lastForce.map { self.world.now - $0 >= .seconds(60) } ?? true
        self.require(isRare || process.wasAskedToTakeOver, .liveness, "\(process.name) takes over again and again")
        link.forced = self.world.now
        process.wasAskedToTakeOver = false
    }

    /// A takeover that was lost, or refused for another reason, does not count. [R5.3-12]
    private func answered(_ link: SimulatedLink) {
        guard let moment = link.forced else { return }
        link.client.lastForce = moment
        link.forced = nil
    }

    /// A client does not come back by itself: it was told to stop, or that another instance took over. [R5.3-10, R11.2-1]
    func stopped(_ process: ClientProcess, _ reason: StopReason) {
        let stops = (4300...4499).contains(reason.code.rawValue) || (4501...4549).contains(reason.code.rawValue)
        self.require(stops, .liveness, "\(process.name) stopped for \(reason.code.rawValue)")
    }

    /// The store answered a connection, and it sent what it sends.
    func looked(_ receipt: ReadReceipt, by connection: SimulatedConnection) {
        guard case .slice(let slice) = receipt, let client = connection.welcome?.client else { return }
        let withheld = connection.stream?.withheld(of: slice, connection.window)
        self.require(withheld == nil, .noSilentLoss, "\(client) is not sent \(withheld ?? "")")
    }

    /// The client receives a frame.
    func received(_ frame: ServerFrame, on link: SimulatedLink) {
        switch frame {
        case .welcome(let welcome):
            link.uplink.window = welcome.uplinkWindow
            self.answered(link)
            self.welcomed(welcome, link)
        case .acknowledge(let through): link.uplink.acknowledge(through)
        case .error(let error) where error.code == .takenOver: self.answered(link)
        case .message, .gap, .ping, .pong, .authenticate, .authenticated, .drain, .error: break
        }
    }

    /// A client opens one more connection: besides it there is at most one.
    func opens(_ process: ClientProcess) {
        let open = process.links.count { !$0.isClientOver }
        self.require(open <= 2, .bounded, "\(process.name) has \(open) connections")
    }

    /// The client closes because the server is at fault.
    func serverBlamed(_ process: ClientProcess) {
        self.require(process.client.hasCopies, .accusation, "\(process.name) closes with 4400")
    }

    /// A connection was displaced some time ago, and everything worked since: it has to be gone.
    func requireGone(_ link: SimulatedLink) {
        self.require(
            link.isServerOver || (link.served?.isEnding ?? true),
            .oneVoice,
            "connection \(link.id) of \(link.client.name) was displaced and is still open"
        )
    }

    /// Acknowledgements that waited go into one commit: of each connection the highest, and of each one. [R5.3-6, R6.3-8]
    func joined(_ acknowledgements: [AcknowledgeOperation], in batch: [StoreOperation]) {
        let taken = batch.compactMap { if case .acknowledge(let acknowledge) = $0 { acknowledge } else { nil } }
        self.require(
            Set(taken) == Set(acknowledgements),
            .safeAcknowledgement,
            "\(acknowledgements.count) connections acknowledge, \(taken.count) acknowledgements are committed"
        )
    }

    /// What waits before a commit.
    func waits(_ operations: Int, in gateway: SimulatedGateway, limit: Int) {
        self.require(operations <= limit, .bounded, "\(operations) callers wait for a commit, at most \(limit) may")
    }
}
