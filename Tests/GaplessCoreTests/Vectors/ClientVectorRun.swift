import GaplessCore
import NIOCore

/// Plays one vector of kind `client`, step by step.
///
/// A step has one verb. What the client does must be expected by the steps that follow, all of it, before the next thing is done to it.
final class ClientVectorRun {
    private static let expectations: Set<String> = [
        "connect", "hello", "up", "closes", "message", "gap", "reset", "mayRepeat", "confirmed", "discarded", "asked", "stopped", "idle",
        "record", "refused", "nothing", "noConnect",
    ]
    private static let events: Set<String> = [
        "message", "gap", "reset", "mayRepeat", "confirmed", "discarded", "asked", "stopped", "idle",
    ]
    private static let verbs: Set<String> = [
        "start", "leave", "end", "takeOver", "opened", "failed", "welcome", "down", "close", "closed", "send", "handle", "pass", "stall",
        "saved", "token", "noToken", "probe", "restart",
    ]
    /// How often a vector with bounds of time is played, each time with other luck.
    private static let rounds: UInt64 = 10

    private let world: ClientVectorWorld
    private let steps: [VectorValue]
    private var variables = VectorVariables()
    private var current = "c1"
    private var refusal: UplinkRefusal?
    /// How long each wait of the vector took, with its bounds.
    private var waits: [(low: Int64, high: Int64, waited: Int64)] = []

    private init(_ vector: Vector, luck: SeededLuck) throws {
        let fields = try VectorFields(vector.body)
        var luck = luck
        self.steps = try fields.array("steps") ?? []
        let configuration = try ClientVectorSettings.configuration(fields.object("settings"))
        let record = try ClientVectorSettings.record(fields.object("state"), using: &luck)
        self.world = ClientVectorWorld(configuration: configuration, record: record, luck: luck)
        if let welcome = fields.value("attached") { try self.attach(welcome) }
        try fields.finish()
    }

    static func run(_ vector: Vector) throws {
        var all: [[(low: Int64, high: Int64, waited: Int64)]] = []
        for seed in 1...Self.rounds {
            let run = try ClientVectorRun(vector, luck: SeededLuck(seed))
            try VectorSteps.play(run.steps, run.play)
            try run.checkNothingElse()
            if run.waits.isEmpty { return }
            all.append(run.waits)
        }
        // Draws are within the bounds, each time; and they fill them.
        for index in all[0].indices {
            let (low, high) = (all[0][index].low, all[0][index].high)
            let drawn = all.compactMap { $0.indices.contains(index) ? $0[index].waited : nil }
            let half = (high - low) / 2
            guard let least = drawn.min(), let most = drawn.max(), least <= low + half, most >= high - half else {
                throw VectorFailure("wait \(index + 1) does not fill \(low) to \(high): \(drawn.min() ?? -1) to \(drawn.max() ?? -1)")
            }
        }
    }

    /// Every vector that expects something else in one place.
    static func variants(of vector: Vector) -> [Vector] {
        // That nothing happens, or for how long, is checked with what is expected besides.
        VectorSteps.variants(of: vector, expectations: self.expectations.subtracting(["noConnect", "nothing"]))
    }

    private func play(_ step: VectorValue) throws {
        let fields = try VectorFields(step)
        let verb = try VectorSteps.verb(of: step, in: Self.expectations.union(Self.verbs))
        if let on = try fields.string("on") { self.current = on }
        if Self.expectations.contains(verb) {
            try self.expect(verb, fields)
        } else {
            try self.checkNothingElse()
            try self.act(verb, fields)
        }
        try fields.finish()
    }

    private func checkNothingElse() throws {
        if let connect = self.world.connects.first { throw VectorFailure("connects to \(connect.endpoint), not expected") }
        for (name, sights) in self.world.sights {
            guard let sight = sights.first else { continue }
            throw VectorFailure("not expected on \(name): \(Self.describe(sight))")
        }
        if let event = self.world.events.first { throw VectorFailure("not expected: \(event)") }
        if let refusal = self.refusal { throw VectorFailure("refused, not expected: \(refusal)") }
    }

    private static func describe(_ sight: ClientVectorWorld.Sight) -> String {
        switch sight {
        case .frame(let frame): String(decoding: frame.encoded.prefix(300), as: UTF8.self)
        case .close(let code): "Close \(code.rawValue)"
        }
    }

    // MARK: What is done

    /// Everything up to the first `WELCOME`.
    private func attach(_ welcome: VectorValue) throws {
        self.world.drive { $0.start(&$1) }
        self.world.save()
        self.world.connects = []
        self.world.drive { $0.opened(ConnectionID(1), subprotocol: "gapless.v1", &$1) }
        self.world.save()
        try self.welcome(welcome, on: ConnectionID(1))
        self.world.save()
        while self.world.takeSight("c1") != nil {}
        self.world.events = []
    }

    private func welcome(_ given: VectorValue, on id: ConnectionID) throws {
        let text = "WELCOME \(ClientVectorSettings.welcome(self.variables.substituted(given)))"
        self.world.receive(.text, Array(text.utf8), on: id)
    }

    private func act(_ verb: String, _ fields: VectorFields) throws {
        let world = self.world
        switch verb {
        case "start", "leave", "takeOver", "saved", "noToken", "probe", "restart":
            guard try fields.bool(verb) == true else { throw VectorFailure("\(verb) is true") }
            self.act(verb)
        case "end":
            let ending: ClientEnding = try fields.string("end") == "afterUplink" ? .afterUplink : .immediately
            world.drive { $0.end(ending, &$1) }
        case "opened":
            self.current = try fields.string("opened") ?? ""
            let id = try world.id(self.current)
            let selected = fields.value("subprotocol") ?? .string("gapless.v1")
            let subprotocol: String? = if case .string(let name) = selected { name } else { nil }
            world.drive { $0.opened(id, subprotocol: subprotocol, &$1) }
        case "failed":
            let id = try world.id(try fields.string("failed") ?? "")
            let retryAfter = try fields.milliseconds("retryAfter")
            world.drive { $0.connectFailed(id, retryAfter: retryAfter, &$1) }
        case "welcome": try self.welcome(fields.value("welcome") ?? .null, on: world.id(self.current))
        case "down":
            let bytes = try VectorBytes.bytes(fields.value("down") ?? .null)
            world.receive(try fields.bool("binary") == true ? .binary : .text, bytes, on: try world.id(self.current))
        case "close": try self.close(fields)
        case "closed":
            let id = try world.id(self.current)
            let code = try fields.int("closed").flatMap { $0 == 1006 ? nil : CloseCode(rawValue: UInt16($0)) }
            world.drive { $0.closed(id, code: code, &$1) }
        case "send":
            let bytes = ByteBuffer(bytes: try VectorBytes.bytes(fields.value("send") ?? .null))
            let isBinary = try fields.bool("binary") == true
            self.refusal = world.enqueue(isBinary ? Payload(binary: bytes) : Payload(unchecked: bytes, kind: .text))
        case "handle":
            switch fields.value("handle") {
            case .int(let count): try world.handle(Int(count))
            case .array(let numbers):
                for case .int(let number) in numbers { try world.handle(number: UInt64(number)) }
            default: throw VectorFailure("handle how many?")
            }
        case "pass": world.pass(try fields.milliseconds("pass") ?? .zero)
        case "stall": world.stall(try fields.milliseconds("stall") ?? .zero)
        case "token":
            let token = try fields.value("token").map { try VectorBytes.bytes($0) } ?? []
            world.drive { $0.tokenObtained(String(decoding: token, as: UTF8.self), &$1) }
        default: throw VectorFailure("no step: \(verb)")
        }
    }

    private func act(_ verb: String) {
        switch verb {
        case "start": self.world.drive { $0.start(&$1) }
        case "leave": self.world.drive { $0.leave(&$1) }
        case "takeOver": self.world.drive { $0.takeOver(&$1) }
        case "saved": self.world.save()
        case "noToken": self.world.drive { $0.tokenUnavailable(&$1) }
        case "probe": self.world.drive { $0.probe(&$1) }
        default: self.world.restart()
        }
    }

    /// `ERROR` of the server and the Close with its code.
    private func close(_ fields: VectorFields) throws {
        let id = try self.world.id(self.current)
        let code = CloseCode(rawValue: UInt16(try fields.int("close") ?? 0))
        var error: [String: VectorValue] = [
            "code": .int(Int64(code.rawValue)), "name": .string(code.name ?? "later"), "message": .string("So it is."),
        ]
        if case .object(let with)? = fields.value("with") { error.merge(with) { $1 } }
        self.world.receive(.text, Array("ERROR \(VectorValue.object(error))".utf8), on: id)
        // The Close may carry another code, or never come.
        let closed = try fields.int("closeFrame") ?? Int64(code.rawValue)
        guard closed != 0 else { return }
        self.world.drive { $0.closed(id, code: closed == 1006 ? nil : CloseCode(rawValue: UInt16(closed)), &$1) }
    }

    // MARK: What is expected

    private func expect(_ verb: String, _ fields: VectorFields) throws {
        if Self.events.contains(verb) {
            guard !self.world.events.isEmpty else { throw VectorFailure("the application was not told") }
            let event = self.world.events.removeFirst()
            guard let told = event[verb] else { throw VectorFailure("told otherwise: \(event)") }
            return try self.variables.match(VectorFrame.normalised(fields.value(verb) ?? .null), told)
        }
        switch verb {
        case "nothing":
            guard try fields.bool("nothing") == true else { throw VectorFailure("nothing is true") }
            try self.checkNothingElse()
        case "noConnect":
            guard let time = try fields.milliseconds("noConnect"), self.world.waitForConnect(atMost: time) == nil else {
                throw VectorFailure("connects")
            }
        case "connect": try self.expectConnect(fields)
        case "hello":
            let rendered = VectorFrame.render(try self.nextFrame())
            guard rendered["frame"] == .string("HELLO") else { throw VectorFailure("another frame: \(rendered)") }
            try self.variables.match(fields.value("hello") ?? .null, rendered)
            for key in try fields.strings("without") ?? [] where rendered[key] != nil { throw VectorFailure("has \(key): \(rendered)") }
        case "up":
            let frame = try self.nextFrame()
            guard try frame.encoded == VectorBytes.bytes(fields.value("up") ?? .null) else {
                throw VectorFailure("sent: \(Self.describe(.frame(frame)))")
            }
            let isBinary = try fields.bool("binary") == true
            guard isBinary == (frame.kind == .binary) else { throw VectorFailure("sent as \(frame.kind)") }
        case "closes":
            guard let sight = self.world.takeSight(self.current) else { throw VectorFailure("does not close") }
            guard case .close(let code) = sight, try fields.int("closes") == Int64(code.rawValue) else {
                throw VectorFailure("otherwise: \(Self.describe(sight))")
            }
        case "record":
            let record = ClientVectorSettings.render(self.world.record)
            try self.variables.match(fields.value("record") ?? .null, record)
            for key in try fields.strings("without") ?? [] where record[key] != nil { throw VectorFailure("has \(key): \(record)") }
        case "refused":
            guard let refusal = self.refusal else { throw VectorFailure("was not refused") }
            let reason =
                switch refusal {
                case .queueFull: "queue-full"
                case .tooLarge: "too-large"
                case .sessionEnded: "session-ended"
                }
            guard try fields.string("refused") == reason else { throw VectorFailure("refused: \(reason)") }
            self.refusal = nil
        default: throw VectorFailure("no step: \(verb)")
        }
    }

    private func nextFrame() throws -> ClientFrame {
        guard let sight = self.world.takeSight(self.current) else { throw VectorFailure("nothing was sent on \(self.current)") }
        guard case .frame(let frame) = sight else { throw VectorFailure("no frame: \(Self.describe(sight))") }
        return frame
    }

    private func expectConnect(_ fields: VectorFields) throws {
        if let bounds = try fields.array("within") {
            guard bounds.count == 2, case .int(let low) = bounds[0], case .int(let high) = bounds[1] else {
                throw VectorFailure("no bounds")
            }
            guard let waited = self.world.waitForConnect(atMost: .milliseconds(high + 1)) else {
                throw VectorFailure("does not connect within \(high) ms")
            }
            guard waited.milliseconds >= low, waited <= .milliseconds(high) else { throw VectorFailure("waits \(waited)") }
            self.waits.append((low, high, waited.milliseconds))
        }
        guard !self.world.connects.isEmpty else { throw VectorFailure("does not connect now") }
        let connect = self.world.connects.removeFirst()
        let expected = try fields.string("connect") ?? ""
        guard connect.name == expected else { throw VectorFailure("connects as \(connect.name)") }
        self.current = connect.name
        if let endpoint = fields.value("to") { try self.variables.match(endpoint, .string(connect.endpoint)) }
    }
}
