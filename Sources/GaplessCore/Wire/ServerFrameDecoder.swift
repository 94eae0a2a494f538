package import NIOCore

/// Turns WebSocket messages into frames of a server, as a client reads them (Protocol.md §3, §4).
package struct ServerFrameDecoder: Hashable, Sendable {
    /// The largest payload and the most JSON that are taken.
    package var limits: WireLimits

    /// Whether text is checked here.
    package var validation: TextValidation

    /// A decoder that takes the largest payload that any setting allows, or the given limits: a message may have been stored under
    /// larger limits than those of now.
    package init(limits: WireLimits = WireLimits(message: Limits.maxPayloadBytes), validation: TextValidation = .trusted) {
        self.limits = limits
        self.validation = validation
    }

    /// Decodes the readable bytes, one whole WebSocket message of the given kind; nil for a text frame of a later version, which is a sign
    /// of life and nothing else. A payload is a slice of the bytes.
    package func decode(_ kind: PayloadKind, _ bytes: ByteBuffer) throws(FrameDecodingError) -> ServerFrame? {
        var reader = try FrameReader(bytes, kind: kind, validation: self.validation)
        switch reader.keyword {
        case .message:
            let sequence = try reader.sequence("A MSG has no valid number.")
            let time = Timestamp(milliseconds: try reader.number("A MSG has no valid time."))
            let payload = try reader.payload(kind, limit: self.limits.message)
            return .message(StoredMessage(sequence: sequence, time: time, payload: payload))
        case .acknowledge:
            let sequence = try reader.sequence("An ACK has no valid number.")
            try reader.end("Something follows the number of an ACK.")
            return .acknowledge(through: sequence)
        case .gap:
            let first = try reader.sequence("A GAP has no valid first number.")
            let last = try reader.sequence("A GAP has no valid last number.")
            guard first <= last else { throw .malformed("A GAP ends before it begins.") }
            let reason = try reader.gapReason("A GAP has no valid reason.")
            return .gap(Gap(SequenceRange(first, through: last), reason: reason))
        case .ping:
            let number = try reader.number("A PING has no valid number.")
            try reader.end("Something follows the number of a PING.")
            return .ping(number)
        case .pong:
            let number = try reader.number("A PONG has no valid number.")
            try reader.end("Something follows the number of a PONG.")
            return .pong(number)
        case .welcome, .authenticate, .drain, .error:
            return try Self.frame(reader.keyword, try reader.object(limit: self.limits.json))
        case .hello, .bye:
            throw .malformed("Only a client sends this frame.")
        case nil:
            return nil
        }
    }

    /// The frames that carry JSON.
    private static func frame(_ keyword: FrameKeyword?, _ object: JSONObject) throws(FrameDecodingError) -> ServerFrame {
        do {
            switch keyword {
            case .welcome: return .welcome(try Welcome(object))
            case .authenticate: return try Self.authenticate(object)
            case .drain: return .drain(try Drain(object))
            default: return .error(try ErrorFrame(object))
            }
        } catch {
            throw FrameDecodingError(error)
        }
    }

    /// `AUTH` down holds exactly one of `within` and `ok`.
    private static func authenticate(_ object: JSONObject) throws(JSONFieldError) -> ServerFrame {
        switch (try object.milliseconds("within"), try object.bool("ok")) {
        case (let within?, nil): return .authenticate(within: within)
        case (nil, true?): return .authenticated
        case (nil, false?), (_?, _?): throw JSONFieldError("ok", .outOfBounds)
        case (nil, nil): throw JSONFieldError("within", .missing)
        }
    }
}

extension Welcome {
    /// Reads the fields of a `WELCOME` (Protocol.md §4.2).
    init(_ object: JSONObject) throws(JSONFieldError) {
        let window = try object.require("window", JSONObject.object)
        self.init(
            client: try object.requireParsed("client") { ClientID($0) },
            epoch: try object.requireParsed("epoch") { EpochToken($0) },
            generation: Generation(try object.require("generation", JSONObject.positive)),
            resume: try Resume(object),
            after: SequenceNumber(try object.require("after", JSONObject.integer)),
            head: SequenceNumber(try object.require("head", JSONObject.integer)),
            mark: SequenceNumber(try object.require("mark", JSONObject.integer)),
            downlinkWindow: try Window(try window.require("down", JSONObject.object)),
            uplinkWindow: try Window(try window.require("up", JSONObject.object)),
            heartbeat: .milliseconds(try object.require("heartbeat", JSONObject.positive)),
            silence: .milliseconds(try object.require("silence", JSONObject.positive)),
            node: try object.require("node", JSONObject.string),
            token: try object.credential("token"),
            endpoints: try object.strings("endpoints"),
            features: try object.require("features", JSONObject.strings),
            limits: try WireLimits(try object.require("limits", JSONObject.object)),
            retention: try RetentionPolicy(try object.require("retention", JSONObject.object))
        )
        guard self.after <= self.head else { throw JSONFieldError("head", .outOfBounds) }
    }
}

extension Resume {
    /// Reads `resume`, and the `reason` that belongs to `reset` and to nothing else.
    fileprivate init(_ object: JSONObject) throws(JSONFieldError) {
        let word = try object.require("resume", JSONObject.string)
        let reason = try object.string("reason")
        switch (word, reason) {
        case ("new", nil): self = .new
        case ("resumed", nil): self = .resumed
        case ("partial", nil): self = .partial
        case ("reset", let reason?): self = .reset(ResetReason(reason))
        case ("reset", nil): throw JSONFieldError("reason", .missing)
        case ("new", _?), ("resumed", _?), ("partial", _?): throw JSONFieldError("reason", .outOfBounds)
        default: throw JSONFieldError("resume", .outOfBounds)
        }
    }
}

extension WireLimits {
    /// Reads `message`, `hello` and `json`.
    fileprivate init(_ object: JSONObject) throws(JSONFieldError) {
        self.init(
            message: Int(clamping: try object.require("message", JSONObject.positive)),
            hello: Int(clamping: try object.require("hello", JSONObject.positive)),
            json: Int(clamping: try object.require("json", JSONObject.positive))
        )
    }
}

extension RetentionPolicy {
    /// Reads the bounds of a queue as they stand in `WELCOME`.
    fileprivate init(_ object: JSONObject) throws(JSONFieldError) {
        self.init(
            maxMessages: Int(clamping: try object.require("messages", JSONObject.positive)),
            maxBytes: Int(clamping: try object.require("bytes", JSONObject.positive)),
            maxAge: .milliseconds(try object.require("age", JSONObject.positive)),
            onOverflow: try object.requireParsed("overflow") { OverflowPolicy(rawValue: $0) },
            keep: try object.require("keep", JSONObject.milliseconds)
        )
    }
}

extension Drain {
    /// Reads the fields of a `DRAIN` (Protocol.md §4.8).
    fileprivate init(_ object: JSONObject) throws(JSONFieldError) {
        self.init(within: try object.require("within", JSONObject.milliseconds), endpoints: try object.strings("endpoints"))
    }
}

extension ErrorFrame {
    /// Reads the fields of an `ERROR` (Protocol.md §4.10).
    fileprivate init(_ object: JSONObject) throws(JSONFieldError) {
        let code = try object.require("code", JSONObject.integer)
        guard (4_000...4_999).contains(code) else { throw JSONFieldError("code", .outOfBounds) }
        self.init(
            code: CloseCode(rawValue: UInt16(code)),
            name: try object.require("name", JSONObject.string),
            message: try object.require("message", JSONObject.string),
            retryAfter: try object.milliseconds("retryAfter"),
            jitter: try object.milliseconds("jitter"),
            forget: try object.bool("forget") ?? false
        )
    }
}
