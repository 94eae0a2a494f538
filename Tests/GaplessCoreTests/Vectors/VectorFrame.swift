import GaplessCore
import NIOCore

/// Frames as vectors write them: the keyword under `frame`, and each field by the name that Protocol.md §4 gives it.
enum VectorFrame {
    // MARK: Up

    static func render(_ frame: ClientFrame) -> VectorValue {
        switch frame {
        case .hello(let hello): self.object("HELLO", self.hello(hello))
        case .message(let sequence, let payload):
            self.object("MSG", self.payload(payload).merging(["seq": .number(sequence.rawValue)]) { $1 })
        case .acknowledge(let through): self.object("ACK", ["seq": .number(through.rawValue)])
        case .ping(let number): self.object("PING", ["n": .number(number)])
        case .pong(let number): self.object("PONG", ["n": .number(number)])
        case .authenticate(let token): self.object("AUTH", ["token": .string(token)])
        case .bye: self.object("BYE", [:])
        }
    }

    private static func hello(_ hello: Hello) -> [String: VectorValue] {
        var fields: [String: VectorValue] = [
            "instance": .string(hello.instance.description), "attempt": .number(hello.attempt.rawValue),
        ]
        fields["client"] = hello.client.map { .string($0.description) }
        fields["epoch"] = hello.position.map { .string($0.epoch.description) }
        fields["handled"] = hello.position.map { .number($0.handled.rawValue) }
        fields["last"] = hello.position?.last.map { self.pair($0.sequence, $0.time) }
        fields["taken"] = hello.taken.map { self.pair($0.through, $0.newest) }
        fields["held"] = hello.held.map { .number($0.rawValue) }
        fields["outbox"] = hello.outbox.map { .string($0.description) }
        fields["window"] = hello.window.map { self.window($0) }
        fields["keep"] = hello.keep.map { .milliseconds($0) }
        if hello.force { fields["force"] = .bool(true) }
        fields["token"] = hello.token.map { .string($0) }
        if !hello.features.isEmpty { fields["features"] = .array(hello.features.map { .string($0) }) }
        fields["agent"] = hello.agent.map { .string($0) }
        return fields
    }

    private static func pair(_ number: SequenceNumber, _ time: Timestamp) -> VectorValue {
        .array([.number(number.rawValue), .number(time.milliseconds)])
    }

    // MARK: Down

    static func render(_ frame: ServerFrame) -> VectorValue {
        switch frame {
        case .welcome(let welcome): self.object("WELCOME", self.welcome(welcome))
        case .message(let message):
            self.object(
                "MSG",
                self.payload(message.payload).merging(
                    ["seq": .number(message.sequence.rawValue), "time": .number(message.time.milliseconds)]
                ) { $1 }
            )
        case .acknowledge(let through): self.object("ACK", ["seq": .number(through.rawValue)])
        case .gap(let gap):
            self.object(
                "GAP",
                [
                    "from": .number(gap.range.first.rawValue), "to": .number(gap.range.last.rawValue),
                    "reason": .string(gap.reason.description),
                ]
            )
        case .ping(let number): self.object("PING", ["n": .number(number)])
        case .pong(let number): self.object("PONG", ["n": .number(number)])
        case .authenticate(let within): self.object("AUTH", ["within": .milliseconds(within)])
        case .authenticated: self.object("AUTH", ["ok": .bool(true)])
        case .drain(let drain):
            self.object("DRAIN", self.endpoints(drain.endpoints).merging(["within": .milliseconds(drain.within)]) { $1 })
        case .error(let error): self.object("ERROR", self.error(error))
        }
    }

    private static func welcome(_ welcome: Welcome) -> [String: VectorValue] {
        var fields = self.endpoints(welcome.endpoints)
        fields["client"] = .string(welcome.client.description)
        fields["epoch"] = .string(welcome.epoch.description)
        fields["generation"] = .number(welcome.generation.rawValue)
        self.add(welcome.resume, to: &fields)
        fields["after"] = .number(welcome.after.rawValue)
        fields["head"] = .number(welcome.head.rawValue)
        fields["mark"] = .number(welcome.mark.rawValue)
        fields["window"] = .object(["down": self.window(welcome.downlinkWindow), "up": self.window(welcome.uplinkWindow)])
        fields["heartbeat"] = .milliseconds(welcome.heartbeat)
        fields["silence"] = .milliseconds(welcome.silence)
        fields["node"] = .string(welcome.node)
        fields["token"] = welcome.token.map { .string($0) }
        fields["features"] = .array(welcome.features.map { .string($0) })
        fields["limits"] = .object([
            "message": .int(Int64(welcome.limits.message)), "hello": .int(Int64(welcome.limits.hello)),
            "json": .int(Int64(welcome.limits.json)),
        ])
        fields["retention"] = .object([
            "messages": .int(Int64(welcome.retention.maxMessages)), "bytes": .int(Int64(welcome.retention.maxBytes)),
            "age": .milliseconds(welcome.retention.maxAge), "overflow": .string(welcome.retention.onOverflow.rawValue),
            "keep": .milliseconds(welcome.retention.keep),
        ])
        return fields
    }

    private static func error(_ error: ErrorFrame) -> [String: VectorValue] {
        var fields: [String: VectorValue] = [
            "code": .int(Int64(error.code.rawValue)), "name": .string(error.name), "message": .string(error.message),
        ]
        fields["retryAfter"] = error.retryAfter.map { .milliseconds($0) }
        fields["jitter"] = error.jitter.map { .milliseconds($0) }
        if error.forget { fields["forget"] = .bool(true) }
        return fields
    }

    // MARK: Parts

    /// What became of a position: `resume`, and `reason` where it has one.
    static func add(_ resume: Resume, to fields: inout [String: VectorValue]) {
        switch resume {
        case .new: fields["resume"] = .string("new")
        case .resumed: fields["resume"] = .string("resumed")
        case .partial: fields["resume"] = .string("partial")
        case .reset(let reason):
            fields["resume"] = .string("reset")
            fields["reason"] = .string(reason.description)
        }
    }

    private static func object(_ keyword: String, _ fields: [String: VectorValue]) -> VectorValue {
        .object(fields.merging(["frame": .string(keyword)]) { $1 })
    }

    private static func payload(_ payload: Payload) -> [String: VectorValue] {
        let bytes = VectorBytes.plain(payload.bytes.readableBytesView)
        return payload.kind == .binary ? ["payload": bytes, "binary": .bool(true)] : ["payload": bytes]
    }

    private static func window(_ window: Window) -> VectorValue {
        .object(["messages": .number(window.messages), "bytes": .number(window.bytes)])
    }

    private static func endpoints(_ endpoints: [String]?) -> [String: VectorValue] {
        endpoints.map { ["endpoints": .array($0.map { .string($0) })] } ?? [:]
    }

    /// An expected frame with its payload in the one form in which payloads are compared.
    static func normalised(_ value: VectorValue) throws -> VectorValue {
        guard case .object(var fields) = value, let payload = fields["payload"] else { return value }
        fields["payload"] = VectorBytes.plain(try VectorBytes.bytes(payload))
        return .object(fields)
    }
}

extension VectorValue {
    static func number(_ value: UInt64) -> VectorValue { .int(Int64(value)) }
    static func milliseconds(_ value: Duration) -> VectorValue { .int(value.milliseconds) }
}
