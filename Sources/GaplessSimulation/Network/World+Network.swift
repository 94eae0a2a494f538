import GaplessCore
import NIOCore

// The way of bytes: latency, order, and every way to lose a connection.
extension World {
    // MARK: Opening

    /// A client opens a connection to an endpoint.
    func connect(_ client: ClientProcess, _ connection: ConnectionID, to endpoint: String) {
        var random = SeededRandom(
            seed: self.plan.seed,
            stream: "link",
            client.number,
            connection.rawValue
        )
        let latency = random.latency(self.options.latency)
        guard let index = self.endpoints.firstIndex(of: endpoint), let node = self.nodes[index].process,
            !random.happens(self.options.refusedConnects)
        else {
            return client.schedule(after: latency) { client.connectFailed(connection) }
        }
        self.linkCount += 1
        let link = SimulatedLink(id: self.linkCount, client: client, connection: connection, node: node, random: random)
        client.links.append(link)
        self.checker.opens(client)
        self.openLinks.append(link)
        self.links.append(link)
        // Its machine may be gone by then; somebody answers for it, or nobody does.
        client.schedule(after: latency + .seconds(3)) {
            guard link.served == nil, !link.isClientOver, !link.node.isRunning else { return }
            self.arrived(.end, on: link)
        }
        node.schedule(after: latency) { node.accept(link) }
    }

    /// The server's side is open; the client hears of it.
    func accepted(_ link: SimulatedLink) {
        link.client.schedule(after: link.random.latency(self.options.latency)) {
            guard !link.isClientOver else { return }
            link.client.opened(link)
        }
    }

    // MARK: Writing

    func send(_ frame: ClientFrame, on link: SimulatedLink) {
        guard !link.isClientOver else { return }
        let bytes = FrameEncoder.encodedSize(of: frame)
        self.note(.sentUp, link.id, UInt64(bytes), "\(link.client.name) > \(link.id) \(Self.text(of: frame))")
        self.checker.sent(frame, on: link)
        if case .hello = frame { link.client.newestHello = max(link.client.newestHello, link.id) }
        link.up.append(.frame(frame), bytes: bytes, notBefore: self.now + link.random.latency(self.options.latency))
        self.pumpUp(link)
    }

    func send(_ frame: ServerFrame, on link: SimulatedLink) {
        guard !link.isServerOver else { return }
        let bytes = FrameEncoder.encodedSize(of: frame)
        self.note(.sentDown, link.id, UInt64(bytes), "\(link.node.name) < \(link.id) \(Self.text(of: frame))")
        self.checker.sent(frame, on: link)
        link.down.append(.frame(frame), bytes: bytes, notBefore: self.now + link.random.latency(self.options.latency))
        self.pumpDown(link)
    }

    /// The client closes, and is done with the connection.
    func close(_ link: SimulatedLink, byClientWith code: CloseCode) {
        guard !link.isClientOver else { return }
        self.note(.lost, link.id, UInt64(code.rawValue), "\(link.client.name) closes \(link.id) with \(code.rawValue)")
        link.isClientOver = true
        link.up.append(.close(code), bytes: 8, notBefore: self.now + link.random.latency(self.options.latency))
        link.up.end(at: self.now + .seconds(5))
        self.pumpUp(link)
    }

    /// The server sends Close and goes on reading.
    func close(_ link: SimulatedLink, byServerWith code: CloseCode) {
        guard !link.isServerOver else { return }
        if link.losesClose {
            link.down.mode = .stuck
            self.counters.count(.closeLost)
        }
        link.down.append(.close(code), bytes: 8, notBefore: self.now + link.random.latency(self.options.latency))
        self.pumpDown(link)
    }

    /// The server's side of the TCP connection ends.
    func drop(_ link: SimulatedLink) {
        guard !link.isServerOver else { return }
        link.isServerOver = true
        link.down.end(at: self.now + link.random.latency(self.options.latency))
        self.pumpDown(link)
        self.openLinks.removeAll { $0 === link }
    }

    // MARK: Arriving

    func pumpUp(_ link: SimulatedLink) {
        guard !link.up.isArrivalScheduled, link.up.mode != .stuck, let first = link.up.first else { return }
        link.up.isArrivalScheduled = true
        link.node.schedule(at: max(self.now, first.arrival, link.up.heldUntil)) {
            link.up.isArrivalScheduled = false
            guard link.up.mode != .stuck, self.now >= link.up.heldUntil else { return self.pumpUp(link) }
            guard let served = link.served, let parcel = link.up.popFirst() else { return }
            let isOld = link.id < link.client.newestHello
            switch parcel.content {
            case .frame(let frame):
                if isOld { self.counters.count(.lateFrame) }
                served.received(self.carried(frame))
            case .part:
                self.counters.count(.torn)
                served.heard()
            case .close, .end:
                if isOld { self.counters.count(.lateClose) }
                served.peerClosed()
            }
            self.pumpUp(link)
        }
    }

    func pumpDown(_ link: SimulatedLink) {
        guard !link.down.isArrivalScheduled, link.down.mode != .stuck, let first = link.down.first else { return }
        link.down.isArrivalScheduled = true
        link.client.schedule(at: max(self.now, first.arrival)) {
            link.down.isArrivalScheduled = false
            guard link.down.mode != .stuck, let parcel = link.down.popFirst() else { return }
            self.arrived(parcel.content, on: link)
            self.pumpDown(link)
            link.served?.progressed()
        }
    }

    private func arrived(_ content: SimulatedLink.Parcel<ServerFrame>.Content, on link: SimulatedLink) {
        guard !link.isClientOver else { return }
        switch content {
        case .frame(let frame): link.client.received(self.carried(frame), on: link)
        case .part:
            self.counters.count(.torn)
            link.client.heard(link)
        case .close(let code):
            self.close(link, byClientWith: code)
            link.client.closed(link, code)
        case .end:
            link.isClientOver = true
            link.up.end(at: self.now + link.random.latency(self.options.latency))
            self.pumpUp(link)
            link.client.closed(link, nil)
        }
    }

    /// The frame as bytes make it, where the plan wants bytes; it has to become the same bytes again.
    private func carried(_ frame: ClientFrame) -> ClientFrame {
        guard self.options.isEncoded else { return frame }
        func bytes(_ frame: ClientFrame) -> ByteBuffer {
            var buffer = ByteBuffer()
            FrameEncoder.append(frame, to: &buffer)
            return buffer
        }
        let decoded = try? self.clientFrames.decode(FrameEncoder.kind(of: frame), bytes(frame))
        self.checker.require(decoded.map(bytes) == bytes(frame), .codec, "a frame changed on its way up: \(frame)")
        return decoded ?? frame
    }

    private func carried(_ frame: ServerFrame) -> ServerFrame {
        guard self.options.isEncoded else { return frame }
        func bytes(_ frame: ServerFrame) -> ByteBuffer {
            var buffer = ByteBuffer()
            FrameEncoder.append(frame, to: &buffer)
            return buffer
        }
        let decoded = (try? self.serverFrames.decode(FrameEncoder.kind(of: frame), bytes(frame))) ?? nil
        self.checker.require(decoded.map(bytes) == bytes(frame), .codec, "a frame changed on its way down: \(frame)")
        return decoded ?? frame
    }

    // MARK: Faults

    /// The connection is torn: each direction loses a tail of its own, and each side hears of it in its own time.
    func cut(_ link: SimulatedLink) {
        self.counters.count(.cut)
        let (up, down) = (link.up.parcels.count, link.down.parcels.count)
        link.up.tear(
            keeping: Int.random(in: 0...up, using: &link.random),
            isTorn: link.random.happens(500),
            endingAt: self.now + link.random.latency(self.options.lossNotice)
        )
        link.down.tear(
            keeping: Int.random(in: 0...down, using: &link.random),
            isTorn: link.random.happens(500),
            endingAt: self.now + link.random.latency(self.options.lossNotice)
        )
        self.pumpUp(link)
        self.pumpDown(link)
    }

    /// Bytes stay where they are, in both directions or one, for a time or for ever.
    func stick(_ link: SimulatedLink, up: Bool, down: Bool, for time: Duration?) {
        if up, link.up.mode == .flowing { link.up.mode = .stuck }
        if down, link.down.mode == .flowing { link.down.mode = .stuck }
        guard let time else { return }
        self.after(time) { self.unstick(link) }
    }

    /// What was stuck goes on.
    func unstick(_ link: SimulatedLink) {
        if link.up.mode == .stuck { link.up.mode = .flowing }
        if link.down.mode == .stuck { link.down.mode = .flowing }
        self.pumpUp(link)
        self.pumpDown(link)
    }

    /// The client loses the connection at once; what it said before is on its way for long, and its end comes last.
    func linger(_ link: SimulatedLink, for time: Duration) {
        guard !link.isClientOver, link.client.isRunning else { return }
        link.up.heldUntil = self.now + time
        link.client.run { self.arrived(.end, on: link) }
    }

    private static func text(of frame: ClientFrame) -> String {
        var buffer = ByteBuffer()
        FrameEncoder.append(frame, to: &buffer)
        return String(buffer: buffer)
    }

    private static func text(of frame: ServerFrame) -> String {
        if case .welcome(let welcome) = frame {
            return
                "WELCOME \(welcome.epoch) generation \(welcome.generation) \(welcome.resume) after \(welcome.after) head \(welcome.head) mark \(welcome.mark)"
        }
        var buffer = ByteBuffer()
        FrameEncoder.append(frame, to: &buffer)
        return String(buffer: buffer)
    }
}
