import GaplessCore
import NIOCore
import Testing

/// One transcript of Protocol.md, held against client sessions: one for each instance that says `HELLO` in it.
///
/// What the server says is fed to them; what the application does is done when the document says that its frame is sent; and each frame of the
/// client must be exactly what the session says.
private final class ClientTranscript {
    /// A session, and what of its frames the document has not shown yet.
    private final class Player {
        let rig: ClientRig
        var frames: [UInt64: [ClientFrame]] = [:]
        var closes: [String] = []
        var asksForToken = false
        /// The connection that was asked for and is not open.
        var opening: UInt64?
        var open: [UInt64] = []

        init(_ rig: ClientRig) { self.rig = rig }

        func take(_ actions: [ClientAction]) {
            for action in actions {
                switch action {
                case .connect(let id, _): self.opening = id.rawValue
                case .send(let id, let frame): self.frames[id.rawValue, default: []].append(frame)
                case .close(let id, let code):
                    self.closes.append("\(id) \(code.rawValue)")
                    self.open.removeAll { $0 == id.rawValue }
                case .obtainToken: self.asksForToken = true
                case .deliver, .confirmed, .discarded, .save: continue
                }
            }
        }
    }

    private var players: [(instance: InstanceID, player: Player)] = []
    /// The outboxes of the document, and what the sessions drew instead.
    private var outboxes: [(document: OutboxID, session: OutboxID)] = []
    /// The connections of the document by their headings.
    private var connections: [(heading: String, player: Player, id: UInt64)] = []
    private var heading = "first"
    private let lines: [String]
    private(set) var problems: [String] = []

    init(_ lines: [String]) { self.lines = lines }

    func play() {
        for line in self.lines {
            switch line.prefix(2) {
            case "--": self.heading = String(line.split(separator: " ")[1])
            case "C>": self.clientSays(line)
            case "S>": self.serverSays(line)
            case "C!": self.clientCloses(line)
            case "S!": self.serverCloses(line)
            default: continue
            }
        }
        for connection in self.connections {
            let rest = (connection.player.frames[connection.id] ?? []).filter { if case .ping = $0 { false } else { true } }
            if !rest.isEmpty { self.problems.append("said without need on the \(connection.heading) connection: \(rest)") }
        }
    }

    private var current: (player: Player, id: UInt64)? {
        self.connections.last { $0.heading == self.heading }.map { ($0.player, $0.id) }
    }

    // MARK: The client

    private func clientSays(_ line: String) {
        guard let frame = try? ClientFrameDecoder().decode(.text, ByteBuffer(string: String(line.dropFirst(3)))) else {
            return self.problems.append("not a frame: \(line)")
        }
        if case .hello(let hello) = frame { return self.greet(hello, line) }
        guard let (player, id) = self.current else { return self.problems.append("no connection: \(line)") }
        self.provoke(frame, player, id)
        guard let index = player.frames[id]?.firstIndex(where: { if case .ping = $0 { frame == $0 } else { true } }),
            let said = player.frames[id]?.remove(at: index)
        else { return self.problems.append("not said: \(line)") }
        if said != frame { self.problems.append("\(line) is not \(said)") }
    }

    private func greet(_ document: Hello, _ line: String) {
        let player = self.player(for: document)
        // Whatever became of the connection before, the document shows that another one was opened.
        if player.opening == nil {
            for id in player.open { player.take(player.rig.closed(id)) }
            player.open = []
            if player.opening == nil, let id = player.rig.connect() { player.opening = id }
        }
        guard let id = player.opening else { return self.problems.append("no connection is opened: \(line)") }
        player.opening = nil
        player.open.append(id)
        player.take(player.rig.opened(id))
        self.connections.append((self.heading, player, id))
        guard case .hello(var hello)? = player.frames[id]?.first else { return self.problems.append("no HELLO: \(line)") }
        player.frames[id]?.removeFirst()
        hello.outbox = self.inTheDocument(hello.outbox, document.outbox)
        if hello != document { self.problems.append("\(line) is not \(hello)") }
    }

    /// The session of the instance, made from what its first `HELLO` tells.
    private func player(for hello: Hello) -> Player {
        if let known = self.players.first(where: { $0.instance == hello.instance }) { return known.player }
        var luck = SeededLuck(1)
        var record = ClientRecord(client: hello.client, using: &luck)
        record.identity.instance = hello.instance
        let before: UInt64 = hello.taken == nil ? 1 : 2
        record.identity.attempt = hello.attempt.rawValue > before ? Attempt(hello.attempt.rawValue - before) : nil
        record.progress = ClientProgress(position: hello.position, held: hello.held)
        // Where the document says that the server forgot an outbox, two messages were acknowledged and a third was on its way.
        if self.lines.contains("C! close 1000") {
            record.outbox.acknowledged = SequenceNumber(2)
            record.outbox.assigned = SequenceNumber(3)
            record.outbox.messages = [Payload(text: "debit 30")]
        }
        let renews = self.lines.contains { $0.contains("AUTH") }
        let rig = ClientRig(record: record) { configuration in
            configuration.window = hello.window
            configuration.keep = hello.keep
            configuration.agent = hello.agent
            configuration.features = hello.features
            configuration.token = hello.token
            configuration.tokenSource = renews ? .application : .none
            configuration.connectDeadline = .seconds(600)
        }
        let player = Player(rig)
        if let position = hello.position, let taken = hello.taken { self.take(taken, above: position, held: hello.held, player) }
        self.players.append((hello.instance, player))
        return player
    }

    /// What the client took before its `HELLO`, on a connection that the document does not show.
    private func take(_ taken: Taken, above position: Position, held: Generation?, _ player: Player) {
        let rig = player.rig
        guard let id = rig.connect() else { return self.problems.append("no connection before the first") }
        rig.opened(id)
        let after = position.handled.rawValue
        rig.receive(.welcome(.test(epoch: position.epoch.description, generation: held?.rawValue ?? 1, after: after)), on: id)
        for number in (after + 1)...taken.through.rawValue {
            let message = StoredMessage(sequence: SequenceNumber(number), time: taken.newest, payload: Payload(text: ""))
            rig.receive(.message(message), on: id)
        }
        player.take(rig.closed(id))
    }

    /// The document's name of an outbox: the same where the session says the same, another where it says another.
    private func inTheDocument(_ said: OutboxID?, _ document: OutboxID?) -> OutboxID? {
        guard let said, let document else { return document }
        if let known = self.outboxes.first(where: { $0.session == said }) { return known.document }
        if self.outboxes.contains(where: { $0.document == document }) { return said }
        self.outboxes.append((document, said))
        return document
    }

    /// Lets happen what makes a client say the frame, unless it was said by itself.
    private func provoke(_ frame: ClientFrame, _ player: Player, _ id: UInt64) {
        guard player.frames[id]?.contains(frame) != true else { return }
        switch frame {
        case .message(_, let payload): player.take(player.rig.drive { _ = try? $0.enqueue(payload, &$1) })
        case .acknowledge(let number): self.handle(through: number.rawValue, player, id)
        case .ping: player.take(player.rig.nextTimer())
        case .authenticate(let token):
            if !player.asksForToken { self.problems.append("no token was asked for") }
            player.take(player.rig.drive { $0.tokenObtained(token, &$1) })
        case .bye: player.take(player.rig.drive { $0.end(.immediately, &$1) })
        case .hello, .pong: break
        }
    }

    /// The application handles everything through the number; "... and so on": what the document left out comes first.
    private func handle(through number: UInt64, _ player: Player, _ id: UInt64) {
        let taken = player.rig.references.last?.through.rawValue ?? player.rig.session.record.progress.position?.handled.rawValue ?? 0
        if taken < number {
            for missing in (taken + 1)...number { _ = player.rig.receive(.message(.test(missing)), on: id) }
        }
        if let reference = player.rig.references.last(where: { $0.through.rawValue == number }) {
            player.take(player.rig.drive { $0.handled(through: reference, &$1) })
        }
        player.take(player.rig.run(for: .milliseconds(250)))
    }

    private func clientCloses(_ line: String) {
        guard let (player, id) = self.current, let code = line.split(separator: " ").last else { return }
        if code == "4105" { player.take(player.rig.run(for: .seconds(30))) }
        if !player.closes.contains("\(id) \(code)") { self.problems.append("\(line): \(player.closes)") }
    }

    // MARK: The server

    private func serverSays(_ line: String) {
        guard let (player, id) = self.current,
            let frame = (try? ServerFrameDecoder().decode(.text, ByteBuffer(string: String(line.dropFirst(3))))) ?? nil
        else { return self.problems.append("not a frame: \(line)") }
        if case .ping = frame { player.take(player.rig.run(for: .seconds(19))) }
        player.take(player.rig.receive(frame, on: id))
    }

    private func serverCloses(_ line: String) {
        guard let (player, id) = self.current, let code = UInt16(line.split(separator: " ").last ?? "") else { return }
        player.open.removeAll { $0 == id }
        player.take(player.rig.closed(id, CloseCode(rawValue: code)))
        // A code that stops the client ends its part.
        if code == 4502, case .stopped = player.rig.session.state { return }
    }
}

@Suite("The transcripts of Protocol.md and ClientSession")
struct ClientTranscriptTests {
    private static let all = ProtocolDocument.shared.blocks.filter { $0.kind == "transcript" }

    /// Transcripts of clients that break rules, which a session never does.
    private static func isOfAFaultyClient(_ block: ProtocolDocument.Block) -> Bool {
        block.lines.contains { $0.text.contains("\"code\":4403") }
    }

    @Test("each frame of the client in a transcript is what the session says, field for field", arguments: Self.all.indices)
    func transcript(index: Int) {
        let block = Self.all[index]
        guard !Self.isOfAFaultyClient(block) else { return }
        let transcript = ClientTranscript(block.lines.map(\.text))
        transcript.play()
        #expect(transcript.problems == [], "\(block.lines.first?.testDescription ?? "")")
    }

    @Test("the document has transcripts to hold against the session")
    func transcripts() {
        #expect(Self.all.count > 20)
        #expect(Self.all.count(where: Self.isOfAFaultyClient) == 1)
    }
}
