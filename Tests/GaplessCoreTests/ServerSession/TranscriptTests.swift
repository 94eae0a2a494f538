import GaplessCore
import NIOCore
import Testing

/// One connection of a transcript in Protocol.md, held against a server session.
///
/// The frames of the client are fed to the session; what the session asks of the node and of the store is answered so that the next
/// frame of the server can come about; and each of those frames must be exactly what the session says.
private final class TranscriptConnection {
    private let rig: ServerRig
    /// What is still to come on this connection, line by line.
    private var rest: [String]
    private var expected: [ServerFrame] = []
    private var pending: [ServerFrame] = []
    private var close: ServerSessionClose?
    private var welcome: Welcome?
    private var head: UInt64 = 0
    private var fence = ServerRig.fence
    private var client = ClientID.phone
    private var read: ReadRequest?
    private(set) var problems: [String] = []

    init(lines: [String]) {
        self.rest = lines
        for line in lines where line.hasPrefix("S> ") {
            if let frame = Self.serverFrame(line) { self.expected.append(frame) }
        }
        for case .welcome(let welcome) in self.expected { self.welcome = welcome }
        let welcome = self.welcome
        self.rig = ServerRig { configuration in
            configuration.endpoints = welcome?.endpoints
            configuration.namesClients = welcome?.token != nil || lines.contains { $0.contains("\"forget\":true") }
            if let name = welcome?.node { configuration.node = NodeIdentity(name: Named.node(name), incarnation: 1) }
        }
    }

    static func serverFrame(_ line: String) -> ServerFrame? {
        (try? ServerFrameDecoder().decode(.text, ByteBuffer(string: String(line.dropFirst(3))))) ?? nil
    }

    func play(_ line: String) {
        self.rest.removeFirst()
        switch line.prefix(2) {
        case "C>": self.clientSays(line)
        case "S>": self.serverSays(line)
        case "C!":
            // A client that gave up a half-open connection: the server has not noticed yet.
            if !self.rest.contains(where: { $0.hasPrefix("S> ") }) { self.take(self.rig.peerClosed()) }
        case "S!":
            let code = UInt16(line.split(separator: " ").last ?? "") ?? 0
            if self.close != .handshake(CloseCode(rawValue: code)) { self.problems.append("\(line): \(self.close as Any)") }
        default: self.problems.append("what is this? \(line)")
        }
    }

    func end() {
        if !self.pending.isEmpty { self.problems.append("said without need: \(self.pending)") }
    }

    private func clientSays(_ line: String) {
        guard let frame = try? ClientFrameDecoder().decode(.text, ByteBuffer(string: String(line.dropFirst(3)))) else {
            return self.problems.append("not a frame: \(line)")
        }
        self.take(self.rig.receive(frame))
    }

    private func serverSays(_ line: String) {
        guard let frame = Self.serverFrame(line) else { return self.problems.append("not a frame: \(line)") }
        // A read is answered when its answer is due: what the client sent before that came first.
        if self.pending.isEmpty, let read {
            self.read = nil
            self.take(self.rig.loaded(.slice(self.slice(for: read))))
        }
        if self.pending.isEmpty { self.provoke(frame) }
        guard !self.pending.isEmpty else { return self.problems.append("not said: \(line)") }
        let said = self.pending.removeFirst()
        self.expected.removeFirst()
        if said != frame { self.problems.append("\(line) is not \(said)") }
    }

    // MARK: The node and the store

    /// Lets happen what makes a server say the frame.
    private func provoke(_ frame: ServerFrame) {
        switch frame {
        case .message(let message):
            self.head = message.sequence.rawValue
            self.take(self.rig.notice(.committed(CommittedMessage(message: message, fence: self.fence))))
        case .gap(let gap):
            self.head = max(self.head, gap.range.last.rawValue)
            self.take(self.rig.notice(.news))
            if let read {
                self.read = nil
                self.take(self.rig.loaded(.slice(self.slice(for: read))))
            }
        case .acknowledge(let number): self.take(self.rig.notice(.handled(through: number)))
        case .drain(let drain):
            let order = DrainOrder(within: drain.within, endpoints: drain.endpoints, jitter: .seconds(5))
            self.take(self.rig.notice(.drain(order)))
        case .ping, .authenticate: self.passTime()
        case .error(let error): self.provoke(error)
        case .welcome, .pong, .authenticated: break
        }
    }

    private func provoke(_ error: ErrorFrame) {
        switch error.code {
        case .superseded: self.take(self.rig.notice(.displaced(.newer(Generation(1_000), instance: nil))))
        case .takenOver: self.take(self.rig.notice(.displaced(.newer(Generation(1_000), instance: Named.instance("rival")))))
        default: self.passTime()
        }
    }

    /// Passes time, with a client that pings all along, until the session says something else than a ping.
    private func passTime() {
        let isPing = if case .ping = self.expected.first { true } else { false }
        for _ in 0..<1_000 where self.pending.isEmpty {
            self.rig.bytesTaken()
            self.rig.signOfLife()
            let wait = self.rig.nextDeadline() ?? .seconds(1)
            self.take(self.rig.wait(wait))
            if !isPing { self.pending.removeAll { if case .ping = $0 { true } else { false } } }
        }
    }

    private func take(_ output: ServerSessionOutput) {
        self.pending += output.frames.map(self.inTheDocumentsEpoch)
        self.close = output.close ?? self.close
        for effect in output.effects { self.answer(effect) }
        self.rig.bytesTaken()
    }

    private func answer(_ effect: ServerSessionEffect) {
        switch effect {
        case .admit: self.take(self.rig.admitted(self.admission))
        case .authenticate(let hello): self.take(self.rig.authenticated(self.authentication(of: hello)))
        case .authenticateAgain: self.take(self.rig.authenticated(self.proof))
        case .attach(let operation):
            self.client = operation.client
            self.take(self.rig.notice(.attached(self.attachment)))
        case .read(let request): self.read = request
        case .acknowledge(let operation):
            let head = SequenceNumber(self.head)
            let receipt: AcknowledgeReceipt =
                operation.through > head ? .beyondHead(head) : .acknowledged(floor: operation.through, head: head)
            self.take(self.rig.notice(.acknowledged(operation, receipt)))
        case .end: self.take(self.rig.notice(.ended(.ended)))
        case .deliver, .detach, .displaced, .observe: break
        }
    }

    private var error: ErrorFrame? {
        if case .error(let error) = self.expected.first { error } else { nil }
    }

    private var admission: Admission {
        guard let error, error.code == .overloaded else { return .accepted }
        return .refused(SessionEnding(error.code, error.message, retryAfter: error.retryAfter, jitter: error.jitter))
    }

    private func authentication(of hello: Hello) -> AuthenticationOutcome {
        if let error, [.tokenRefused, .unknownClient].contains(error.code) {
            return .refused(SessionEnding(error.code, error.message, forget: error.forget))
        }
        if let welcome, let token = welcome.token { return .named(welcome.client, token: token) }
        let isWrong = self.error?.code == .wrongUser
        if isWrong { return .proved(Identity(user: Named.client("somebody-else").user)) }
        self.client = hello.client ?? self.client
        return hello.token == nil ? .unneeded : self.proof
    }

    private var proof: AuthenticationOutcome {
        .proved(Identity(user: self.client.user, expires: self.rig.wallClock + .seconds(3_600)))
    }

    private var attachment: AttachReceipt {
        guard let welcome else { return self.error?.code == .superseded ? .late : .rival }
        self.head = welcome.head.rawValue
        self.fence = Fence(epoch: ServerRig.epoch, generation: welcome.generation)
        return .attached(
            GaplessCore.Attachment(
                fence: self.fence,
                resume: welcome.resume,
                after: welcome.after,
                floor: welcome.after,
                head: welcome.head,
                mark: welcome.mark,
                retention: welcome.retention
            )
        )
    }

    /// What a store holds that lets the rest of the transcript come about.
    private func slice(for request: ReadRequest) -> QueueSlice {
        var kept: [StoredMessage] = []
        var slice = QueueSlice.test(through: self.head)
        for frame in self.expected {
            switch frame {
            case .message(let message) where message.sequence > request.after && message.sequence.rawValue <= self.head:
                kept.append(message)
            case .gap(let gap) where gap.reason == .acknowledged: slice.floor = max(slice.floor, gap.range.last)
            case .gap(let gap) where gap.reason == .overflow: slice.overflowedThrough = max(slice.overflowedThrough, gap.range.last)
            default: break
            }
        }
        slice.messages = Array(kept.prefix(request.maxMessages))
        if slice.messages.count < kept.count {
            slice.through = kept[slice.messages.count].sequence.previous
        } else if let last = kept.last, last.sequence.rawValue + 2 < self.head {
            slice.through = last.sequence  // "... and so on": the transcript leaves the rest out.
        }
        return slice
    }

    private func inTheDocumentsEpoch(_ frame: ServerFrame) -> ServerFrame {
        guard case .welcome(var welcome) = frame, let epoch = self.welcome?.epoch else { return frame }
        welcome.epoch = epoch
        return .welcome(welcome)
    }
}

@Suite("Transcripts of Protocol.md, played against the server session")
struct TranscriptTests {
    private static let transcripts = ProtocolDocument.shared.blocks.filter { $0.kind == "transcript" }

    @Test(
        "each frame of the server in a transcript is what the session says, code for code and word for word",
        arguments: transcripts.indices
    )
    func play(index: Int) {
        // A server at fault is what this one is not.
        let lines = Self.transcripts[index].lines.map(\.text)
        guard !lines.contains("C! close 4400") else { return }
        var names: [String] = []
        var byName: [String: [String]] = [:]
        var script: [(name: String, line: String)] = []
        var name = "first"
        for line in lines where !line.hasPrefix("#") && !line.isEmpty {
            if line.hasPrefix("-- ") {
                name = line.split(separator: " ")[1].description
                continue
            }
            if byName[name] == nil { names.append(name) }
            byName[name, default: []].append(line)
            script.append((name, line))
        }
        var connections: [String: TranscriptConnection] = [:]
        for name in names { connections[name] = TranscriptConnection(lines: byName[name] ?? []) }
        for step in script { connections[step.name]?.play(step.line) }
        for name in names {
            connections[name]?.end()
            #expect(connections[name]?.problems == [], "\(name) connection from line \(Self.transcripts[index].lines[0].number)")
        }
    }

    @Test("the transcripts are found")
    func found() {
        #expect(Self.transcripts.count >= 20)
    }
}
