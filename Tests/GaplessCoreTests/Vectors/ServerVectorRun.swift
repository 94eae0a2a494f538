import GaplessCore
import GaplessStore
import NIOCore

/// Plays one vector of kind `server`, step by step.
///
/// A step has one verb. What the server does must be expected by the steps that follow, all of it, before the next thing is done to it.
final class ServerVectorRun {
    private static let expectations: Set<String> = [
        "welcome", "down", "close", "dropped", "handler", "cancelled", "queue", "refused", "nothing",
    ]

    private let world: ServerVectorWorld
    private let steps: [VectorValue]
    private var variables = VectorVariables()
    /// The connection that the steps speak of until one names another.
    private var current = ""
    private var attempts: [String: Int64] = [:]
    private var refusals: [String] = []

    init(_ vector: Vector) throws {
        let fields = try VectorFields(vector.body)
        self.steps = try fields.array("steps") ?? []
        let time = try fields.number("time") ?? 1_767_225_600_000
        self.world = ServerVectorWorld(settings: try ServerVectorSettings(fields.object("settings")), time: time)
        try fields.finish()
    }

    static func run(_ vector: Vector) throws {
        let run = try ServerVectorRun(vector)
        try VectorSteps.play(run.steps, run.play)
        try run.checkNothingElse()
    }

    /// Every vector that expects something else in one place.
    static func variants(of vector: Vector) -> [Vector] {
        VectorSteps.variants(of: vector, expectations: self.expectations.subtracting(["nothing"]))
    }

    private func play(_ step: VectorValue) throws {
        let fields = try VectorFields(step)
        let verb = try VectorSteps.verb(of: step, in: Self.expectations.union(Self.verbs))
        if let on = try fields.string("on") { self.current = on }
        if !Self.expectations.contains(verb) { try self.checkNothingElse() }
        if Self.expectations.contains(verb) { try self.expect(verb, fields) } else { try self.act(verb, fields) }
        try fields.finish()
        self.world.settle()
    }

    private func checkNothingElse() throws {
        for connection in self.world.connections {
            guard let sight = connection.sights.first else { continue }
            throw VectorFailure("not expected on \(connection.name): \(Self.describe(sight))")
        }
        for node in self.world.nodes {
            if let call = node.calls.first { throw VectorFailure("the handler was called, not expected: \(call.delivery.number)") }
            if !node.cancelled.isEmpty { throw VectorFailure("a handler was cancelled, not expected") }
        }
        if let refusal = self.refusals.first { throw VectorFailure("a send was refused, not expected: \(refusal)") }
    }

    private static func describe(_ sight: ServerSight) -> String {
        switch sight {
        case .frame(let frame): String(decoding: frame.encoded.prefix(300), as: UTF8.self)
        case .close(let code): "Close \(code.rawValue)"
        case .drop: "the end of TCP"
        }
    }

    // MARK: What is done

    private static let verbs: Set<String> = [
        "open", "hello", "up", "gone", "pass", "stall", "send", "return", "throw", "store", "copy", "restore", "life", "remove", "sendAway",
        "letIn", "drain", "cordon", "uncordon", "overload", "relieve", "rebalance", "socket", "kill",
    ]

    private func connection() throws -> ServerVectorConnection { try self.world.connection(self.current) }

    private func act(_ verb: String, _ fields: VectorFields) throws {
        switch verb {
        case "open":
            self.current = try fields.string("open") ?? ""
            try self.open(fields)
        case "hello": try self.hello(fields)
        case "up":
            let bytes = try VectorBytes.bytes(fields.value("up") ?? .null)
            self.receive(try fields.bool("binary") == true ? .binary : .text, bytes, on: try self.connection())
        case "gone":
            _ = try fields.bool("gone")
            try self.connection().lose()
        case "pass": self.world.pass(try fields.milliseconds("pass") ?? .zero)
        case "stall": self.world.stall(try fields.milliseconds("stall") ?? .zero)
        case "send": try self.send(fields)
        case "return":
            let replies = try fields.strings("return") ?? []
            try self.finishHandler { node, run in
                let sends = replies.map {
                    AppendOperation(recipients: .clients([run.id.client], existingOnly: false), payload: Payload(text: $0))
                }
                node.feed { $0.handlerReturned(run.id, sends: sends, now: $1, into: &$2) }
            }
        case "throw":
            _ = try fields.bool("throw")
            try self.finishHandler { node, run in node.feed { $0.handlerThrew(run.id, now: $1, into: &$2) } }
        case "store": try self.changeStore(try fields.string("store") ?? "")
        case "copy": self.world.copies[try fields.string("copy") ?? ""] = self.world.queues.copy()
        case "restore":
            guard let copy = self.world.copies[try fields.string("restore") ?? ""] else { throw VectorFailure("no such copy") }
            self.world.queues.restore(from: copy)
        case "life":
            _ = try fields.string("life")
            self.world.queues.startIncarnation()
        case "remove":
            let code = CloseCode(rawValue: UInt16(try fields.int("code") ?? 4452))
            let client = Named.client(try fields.string("remove") ?? "")
            let node = try self.world.node(try fields.string("at") ?? "a")
            node.commit([SubmittedOperation(.remove(RemoveOperation(client: client, code: code)))])
        case "sendAway", "letIn": try self.sendAway(verb, fields)
        case "drain":
            let node = try self.world.node(try fields.string("drain") ?? "a")
            let within = try fields.milliseconds("within") ?? .seconds(30)
            let plan = DrainPlan(
                wait: try fields.milliseconds("wait") ?? .zero,
                spread: try fields.milliseconds("spread") ?? .zero,
                within: within,
                endpoints: try fields.strings("endpoints")
            )
            node.feed { $0.drain(plan, now: $1, into: &$2) }
        case "cordon", "uncordon":
            let node = try self.world.node(try fields.string(verb) ?? "a")
            node.feed { logic, now, _ in logic.setCordoned(verb == "cordon", now: now) }
        case "overload", "relieve":
            let node = try self.world.node(try fields.string(verb) ?? "a")
            let memory = verb == "overload" ? 100 : 0
            for _ in 0..<LoadGauge.samplesToClear {
                node.feed { $0.sampled(LoadSample(memory: memory, memoryLimit: 100), now: $1, into: &$2) }
            }
        case "rebalance":
            let connection = try self.connection()
            let order = DrainOrder(within: try fields.milliseconds("rebalance") ?? .zero, code: .rebalance, jitter: .seconds(5))
            connection.drive { $0.notice(.drain(order), now: self.world.now, into: &$1) }
        case "socket":
            let connection = try self.connection()
            connection.isBlocked = try fields.string("socket") == "blocked"
            connection.drive { $0.writabilityChanged(to: !connection.isBlocked, now: self.world.now, into: &$1) }
            if !connection.isBlocked { connection.session.bytesTaken(pending: 0, now: self.world.now) }
        case "kill":
            let node = try self.world.node(try fields.string("kill") ?? "")
            node.isAlive = false
            for connection in node.connections { connection.isGone = true }
        default: throw VectorFailure("no step: \(verb)")
        }
    }

    /// An operator sends a client away for a while, or lets it come again.
    private func sendAway(_ verb: String, _ fields: VectorFields) throws {
        let isAway = verb == "sendAway"
        let code = isAway ? CloseCode(rawValue: UInt16(try fields.int("code") ?? 4452)) : nil
        let time = isAway ? try fields.milliseconds("for") : nil
        let client = Named.client(try fields.string(verb) ?? "")
        let node = try self.world.node(try fields.string("at") ?? "a")
        let operation = SendAwayOperation(client: client, code: code, time: time ?? SendAwayOperation.hour)
        node.commit([SubmittedOperation(.sendAway(operation))])
    }

    private func open(_ fields: VectorFields) throws {
        try self.world.open(self.current, on: self.world.node(try fields.string("node") ?? "a"))
    }

    /// `HELLO` with these fields; a connection that is not open yet is opened.
    private func hello(_ fields: VectorFields) throws {
        guard case .object(let given) = self.variables.substituted(fields.value("hello") ?? .null) else { throw VectorFailure("no fields") }
        if !self.world.connections.contains(where: { $0.name == self.current }) { try self.open(fields) }
        let instance: VectorValue = given["instance"] ?? .string("i1")
        let attempt = (self.attempts[instance.description] ?? 0) + 1
        self.attempts[instance.description] = attempt
        var hello: [String: VectorValue] = ["client": .string("alice/phone"), "instance": instance, "attempt": .int(attempt)]
        hello.merge(given) { $1 }
        if hello["client"] == .null { hello["client"] = nil }
        self.receive(.text, Array("HELLO \(VectorValue.object(hello))".utf8), on: try self.connection())
    }

    private func receive(_ kind: PayloadKind, _ bytes: [UInt8], on connection: ServerVectorConnection) {
        let decoder = ClientFrameDecoder(limits: self.world.settings.session.limits, validation: .checked)
        connection.drive { session, output in
            do throws(FrameDecodingError) {
                let frame = try decoder.decode(kind, ByteBuffer(bytes: bytes))
                session.received(frame, now: self.world.now, into: &output)
            } catch {
                session.misread(error.closeCode, error.message, now: self.world.now, into: &output)
            }
        }
    }

    /// Messages to one client, in one transaction.
    private func send(_ fields: VectorFields) throws {
        let payloads: [VectorValue] = if case .array(let items)? = fields.value("send") { items } else { [fields.value("send") ?? .null] }
        let client = Named.client(try fields.string("to") ?? "alice/phone")
        let isBinary = try fields.bool("binary") == true
        let timeToLive = try fields.milliseconds("ttl")
        let appends = try payloads.map { value in
            let bytes = ByteBuffer(bytes: try VectorBytes.bytes(value))
            let payload = isBinary ? Payload(binary: bytes) : Payload(unchecked: bytes, kind: .text)
            return AppendOperation(recipients: .clients([client], existingOnly: false), payload: payload, timeToLive: timeToLive)
        }
        for receipt in try self.world.send(appends) {
            for delivery in receipt.deliveries {
                switch delivery.outcome {
                case .stored: continue
                case .queueFull: self.refusals.append("queue-full")
                case .tooLarge: self.refusals.append("too-large")
                case .noSuchClient, .tooManyQueues: self.refusals.append("no-queue")
                }
            }
        }
    }

    private func finishHandler(_ finish: (ServerVectorNode, HandlerRun) -> Void) throws {
        guard let node = self.world.nodes.first(where: { !$0.runs.isEmpty }) else { throw VectorFailure("no handler runs") }
        finish(node, node.runs.removeFirst())
    }

    private func changeStore(_ state: String) throws {
        switch state {
        case "down": self.world.isStoreDown = true
        case "deaf": self.world.isStoreDeaf = true
        case "held": self.world.isStoreHeld = true
        case "up":
            self.world.isStoreDown = false
            self.world.isStoreDeaf = false
            try self.world.release()
        default: throw VectorFailure("a store is down, deaf, held or up, not \(state)")
        }
    }

    // MARK: What is expected

    private func expect(_ verb: String, _ fields: VectorFields) throws {
        switch verb {
        case "nothing":
            guard try fields.bool("nothing") == true else { throw VectorFailure("nothing is true") }
            try self.checkNothingElse()
        case "welcome": try self.expectFrame("WELCOME", fields.value("welcome") ?? .null, without: fields.strings("without"))
        case "down": try self.expectDown(fields)
        case "close": try self.expectClose(fields)
        case "dropped":
            guard try fields.bool("dropped") == true, case .drop = try self.nextSight() else { throw VectorFailure("is still there") }
        case "handler": try self.expectHandler(fields)
        case "cancelled":
            guard try fields.bool("cancelled") == true, let node = self.world.nodes.first(where: { !$0.cancelled.isEmpty }) else {
                throw VectorFailure("no handler was cancelled")
            }
            node.cancelled.removeFirst()
        case "queue": try self.expectQueue(fields)
        case "refused":
            let reason = try fields.string("refused")
            guard !self.refusals.isEmpty, self.refusals.removeFirst() == reason else { throw VectorFailure("was not refused like that") }
        default: throw VectorFailure("no step: \(verb)")
        }
    }

    private func nextSight() throws -> ServerSight {
        let connection = try self.connection()
        guard !connection.sights.isEmpty else { throw VectorFailure("nothing came on \(connection.name)") }
        return connection.sights.removeFirst()
    }

    private func nextFrame() throws -> ServerFrame {
        let sight = try self.nextSight()
        guard case .frame(let frame) = sight else { throw VectorFailure("no frame: \(Self.describe(sight))") }
        return frame
    }

    private func expectFrame(_ keyword: String, _ expected: VectorValue, without: [String]?) throws {
        let rendered = VectorFrame.render(try self.nextFrame())
        guard rendered["frame"] == .string(keyword) else { throw VectorFailure("another frame: \(rendered)") }
        try self.variables.match(expected, rendered)
        for key in without ?? [] where rendered[key] != nil { throw VectorFailure("has \(key): \(rendered)") }
    }

    private func expectDown(_ fields: VectorFields) throws {
        let expected = try VectorBytes.bytes(fields.value("down") ?? .null)
        let frame = try self.nextFrame()
        guard frame.encoded == expected else { throw VectorFailure("came: \(Self.describe(.frame(frame)))") }
        let isBinary = try fields.bool("binary") == true
        guard isBinary == (frame.kind == .binary) else { throw VectorFailure("came as \(frame.kind)") }
    }

    /// `ERROR` with the code and its name, then the Close with the code.
    private func expectClose(_ fields: VectorFields) throws {
        guard let code = try fields.int("close") else { throw VectorFailure("no code") }
        let rendered = VectorFrame.render(try self.nextFrame())
        let closeCode = CloseCode(rawValue: UInt16(code))
        let expected: VectorValue = .object([
            "frame": .string("ERROR"), "code": .int(code), "name": .string(closeCode.name ?? "unknown"),
        ])
        guard expected.isPart(of: rendered) else { throw VectorFailure("came: \(rendered)") }
        if let with = fields.value("with") { try self.variables.match(with, rendered) }
        for key in try fields.strings("without") ?? [] where rendered[key] != nil { throw VectorFailure("has \(key): \(rendered)") }
        guard case .close(closeCode) = try self.nextSight() else { throw VectorFailure("the Close has another code") }
    }

    private func expectHandler(_ fields: VectorFields) throws {
        let expected = try VectorBytes.bytes(fields.value("handler") ?? .null)
        guard let node = self.world.nodes.first(where: { !$0.calls.isEmpty }) else { throw VectorFailure("the handler was not called") }
        let delivery = node.calls.removeFirst().delivery
        guard Array(delivery.payload.bytes.readableBytesView) == expected else { throw VectorFailure("was called with \(delivery.number)") }
        guard try fields.number("number").map({ $0 == delivery.number.rawValue }) ?? true,
            try fields.string("outbox").map({ $0 == delivery.outbox.description }) ?? true,
            try fields.string("client").map({ $0 == delivery.client.description }) ?? true,
            try fields.bool("binary").map({ $0 == (delivery.payload.kind == .binary) }) ?? true
        else { throw VectorFailure("was called with \(delivery)") }
    }

    private func expectQueue(_ fields: VectorFields) throws {
        let snapshot = try self.world.snapshot(Named.client(try fields.string("queue") ?? ""))
        guard let expected = fields.value("is") else { throw VectorFailure("is what?") }
        guard let snapshot else {
            guard expected == .null else { throw VectorFailure("there is no queue") }
            return
        }
        let rendered: VectorValue = .object([
            "epoch": .string(snapshot.epoch.description), "generation": .number(snapshot.generation.rawValue),
            "head": .number(snapshot.head.rawValue), "floor": .number(snapshot.floor.rawValue),
            "messages": .int(Int64(snapshot.messages)), "attached": .bool(snapshot.holder != nil),
        ])
        try self.variables.match(expected, rendered)
    }
}
