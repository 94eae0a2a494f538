import GaplessCore

/// What the `settings` and the `state` of a vector for a client say.
enum ClientVectorSettings {
    static func configuration(_ fields: VectorFields?) throws -> ClientSessionConfiguration {
        var configuration = ClientSessionConfiguration(endpoints: [.a])
        guard let fields else { return configuration }
        if let endpoints = try fields.strings("endpoints") { configuration.endpoints = endpoints }
        if try fields.bool("durable") == true { configuration.persistence = .durable }
        configuration.token = try fields.string("token")
        if try fields.bool("renewsTokens") == true { configuration.tokenSource = .application }
        if let window = try fields.object("window") { configuration.window = try ServerVectorSettings.window(window) }
        configuration.keep = try fields.milliseconds("keep")
        configuration.features = try fields.strings("features") ?? []
        if let count = try fields.int("queuedMessages") { configuration.maxQueuedMessages = Int(count) }
        try fields.finish()
        return configuration
    }

    // MARK: What outlives the process

    static func record(_ fields: VectorFields?, using luck: inout SeededLuck) throws -> ClientRecord {
        var record = ClientRecord(client: .phone, using: &luck)
        guard let fields else { return record }
        if let client = fields.value("client") {
            if case .string(let name) = client { record.identity.client = ClientID(name) } else { record.identity.client = nil }
        }
        record.identity.token = try fields.string("token")
        if let instance = try fields.string("instance") { record.identity.instance = Named.instance(instance) }
        record.identity.attempt = try fields.number("attempt").map { Attempt($0) }
        record.identity.isTakenOver = try fields.bool("takenOver") ?? false
        if let epoch = try fields.string("epoch"), let handled = try fields.number("handled") {
            let last = try fields.lastMessage("last")
            record.progress.position = Position(epoch: .test(epoch), handled: SequenceNumber(handled), last: last)
            record.progress.held = try fields.number("held").map { Generation($0) }
        }
        if let outbox = try fields.string("outbox") { record.outbox.id = Named.outbox(outbox) }
        record.outbox.assigned = SequenceNumber(try fields.number("assigned") ?? 0)
        record.outbox.acknowledged = SequenceNumber(try fields.number("acknowledged") ?? 0)
        record.outbox.messages = try (fields.strings("messages") ?? []).map { Payload(text: $0) }
        try fields.finish()
        return record
    }

    static func render(_ record: ClientRecord) -> VectorValue {
        var fields: [String: VectorValue] = [
            "instance": .string(record.identity.instance.description), "takenOver": .bool(record.identity.isTakenOver),
            "outbox": .string(record.outbox.id.description), "assigned": .number(record.outbox.assigned.rawValue),
            "acknowledged": .number(record.outbox.acknowledged.rawValue),
            "messages": .array(record.outbox.messages.map { .string($0.text ?? "binary") }),
        ]
        fields["client"] = record.identity.client.map { .string($0.description) }
        fields["token"] = record.identity.token.map { .string($0) }
        fields["attempt"] = record.identity.attempt.map { .number($0.rawValue) }
        fields["held"] = record.progress.held.map { .number($0.rawValue) }
        if let position = record.progress.position {
            fields["epoch"] = .string(position.epoch.description)
            fields["handled"] = .number(position.handled.rawValue)
            fields["last"] = position.last.map { .array([.number($0.sequence.rawValue), .number($0.time.milliseconds)]) }
        }
        return .object(fields)
    }

    // MARK: WELCOME

    /// A whole `WELCOME`: the fields given, and for the rest what the README of the vectors says.
    static func welcome(_ given: VectorValue) -> VectorValue {
        var fields: [String: VectorValue] = [
            "client": .string("alice/phone"), "epoch": .string("e.1"), "generation": .int(1), "resume": .string("resumed"),
            "after": .int(0),
            "mark": .int(0), "heartbeat": .int(20_000), "silence": .int(30_000), "node": .string("a"), "features": .array([]),
            "window": .object([
                "down": .object(["messages": .int(256), "bytes": .int(1_048_576)]),
                "up": .object(["messages": .int(64), "bytes": .int(262_144)]),
            ]),
            "limits": .object(["message": .int(65_536), "hello": .int(8_192), "json": .int(4_096)]),
            "retention": .object([
                "messages": .int(1_000), "bytes": .int(4_194_304), "age": .int(3_600_000), "overflow": .string("discardOldest"),
                "keep": .int(86_400_000),
            ]),
        ]
        guard case .object(let changes) = given else { return given }
        fields.merge(changes) { $1 }
        if changes["head"] == nil, case .int(let after)? = fields["after"] { fields["head"] = .int(after + 1_000) }
        if case .object(let windows)? = changes["window"] {
            fields["window"] = .object([
                "down": windows["down"] ?? .object(["messages": .int(256), "bytes": .int(1_048_576)]),
                "up": windows["up"] ?? .object(["messages": .int(64), "bytes": .int(262_144)]),
            ])
        }
        return .object(fields)
    }
}
