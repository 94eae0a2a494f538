package import NIOCore

/// Turns WebSocket messages into frames of a client, as a server reads them: whatever does not fit is refused (Protocol.md §3, §4).
package struct ClientFrameDecoder: Hashable, Sendable {
    /// The largest payload and the most JSON that are taken.
    package var limits: WireLimits

    /// Whether text is checked here.
    package var validation: TextValidation

    /// A decoder with the limits that `WELCOME` tells.
    package init(limits: WireLimits = WireLimits(), validation: TextValidation = .trusted) {
        self.limits = limits
        self.validation = validation
    }

    /// Decodes the readable bytes, one whole WebSocket message of the given kind; a payload is a slice of them.
    package func decode(_ kind: PayloadKind, _ bytes: ByteBuffer) throws(FrameDecodingError) -> ClientFrame {
        var reader = try FrameReader(bytes, kind: kind, validation: self.validation)
        switch reader.keyword {
        case .message:
            let sequence = try reader.sequence("A MSG has no valid number.")
            return .message(sequence: sequence, payload: try reader.payload(kind, limit: self.limits.message))
        case .acknowledge:
            let sequence = try reader.sequence("An ACK has no valid number.")
            try reader.end("Something follows the number of an ACK.")
            return .acknowledge(through: sequence)
        case .ping:
            let number = try reader.number("A PING has no valid number.")
            try reader.end("Something follows the number of a PING.")
            return .ping(number)
        case .pong:
            let number = try reader.number("A PONG has no valid number.")
            try reader.end("Something follows the number of a PONG.")
            return .pong(number)
        case .hello:
            let object = try reader.object(limit: self.limits.hello)
            do {
                return .hello(try Hello(object))
            } catch {
                throw FrameDecodingError(error)
            }
        case .authenticate:
            let object = try reader.object(limit: self.limits.json)
            do {
                return .authenticate(token: try object.require("token", JSONObject.credential))
            } catch {
                throw FrameDecodingError(error)
            }
        case .bye:
            try reader.end("Something follows BYE.")
            return .bye
        case .welcome, .gap, .drain, .error:
            throw .malformed("Only a server sends this frame.")
        case nil:
            throw .malformed("The keyword of the frame is unknown.")
        }
    }
}

extension Hello {
    /// Reads the fields of a `HELLO` (Protocol.md §4.1).
    init(_ object: JSONObject) throws(JSONFieldError) {
        let position = try Position(hello: object)
        self.init(
            client: try object.parsed("client") { ClientID($0) },
            position: position,
            taken: try object.pair("taken").map { Taken(through: $0.sequence, newest: $0.time) },
            held: try object.integer("held").map { Generation($0) },
            instance: try object.requireParsed("instance") { InstanceID($0) },
            attempt: Attempt(try object.require("attempt", JSONObject.positive)),
            outbox: try object.parsed("outbox") { OutboxID($0) },
            window: try object.object("window").map { window throws(JSONFieldError) in try Window(window) },
            keep: try object.milliseconds("keep"),
            force: try object.bool("force") ?? false,
            token: try object.credential("token"),
            features: try object.features(),
            agent: try object.boundedString("agent", Limits.maxAgentBytes)
        )
        guard self.held == nil || position != nil else { throw JSONFieldError("held", .outOfBounds) }
        guard let taken = self.taken else { return }
        guard let position, position.handled < taken.through else { throw JSONFieldError("taken", .outOfBounds) }
    }
}

extension Position {
    /// Reads the fields of a `HELLO` that say how far the client got; nil when it has no position.
    fileprivate init?(hello object: JSONObject) throws(JSONFieldError) {
        let epoch = try object.parsed("epoch") { EpochToken($0) }
        let handled = try object.integer("handled")
        let last = try object.pair("last").map { LastMessage(sequence: $0.sequence, time: $0.time) }
        switch (epoch, handled) {
        case (let epoch?, let handled?):
            guard last.map({ $0.sequence.rawValue <= handled }) ?? true else { throw JSONFieldError("last", .outOfBounds) }
            self.init(epoch: epoch, handled: SequenceNumber(handled), last: last)
        case (nil, nil):
            guard last == nil else { throw JSONFieldError("last", .outOfBounds) }
            return nil
        case (_?, nil): throw JSONFieldError("handled", .missing)
        case (nil, _?): throw JSONFieldError("epoch", .missing)
        }
    }
}

extension JSONObject {
    /// Reads `[seq, time]`; nil when the field is absent.
    fileprivate func pair(_ name: String) throws(JSONFieldError) -> (sequence: SequenceNumber, time: Timestamp)? {
        guard let values = try self.array(name) else { return nil }
        guard values.count == 2 else { throw JSONFieldError(name, .outOfBounds) }
        guard let sequence = values[0].integer, let time = values[1].integer else { throw JSONFieldError(name, .wrongType) }
        guard sequence >= 1 else { throw JSONFieldError(name, .outOfBounds) }
        return (SequenceNumber(sequence), Timestamp(milliseconds: time))
    }

    /// The names of features, as many and as long as a `HELLO` may hold; none when the field is absent.
    fileprivate func features() throws(JSONFieldError) -> [String] {
        let features = try self.strings("features") ?? []
        guard features.count <= Limits.maxFeatures, features.allSatisfy({ (1...Limits.maxFeatureBytes).contains($0.utf8.count) })
        else { throw JSONFieldError("features", .outOfBounds) }
        return features
    }
}
