// Access to the fields of frames, whose types are the words of the protocol.
extension JSONObject {
    /// The integer of the field, which must be at least 1; nil when it is absent.
    func positive(_ name: String) throws(JSONFieldError) -> UInt64? {
        guard let value = try self.integer(name) else { return nil }
        guard value >= 1 else { throw JSONFieldError(name, .outOfBounds) }
        return value
    }

    /// The duration of the field; nil when it is absent.
    func milliseconds(_ name: String) throws(JSONFieldError) -> Duration? {
        try self.integer(name).map { .milliseconds($0) }
    }

    /// The text of the field, at most so many bytes of UTF-8 long; nil when it is absent.
    func boundedString(_ name: String, _ maxBytes: Int) throws(JSONFieldError) -> String? {
        guard let value = try self.string(name) else { return nil }
        guard value.utf8.count <= maxBytes else { throw JSONFieldError(name, .outOfBounds) }
        return value
    }

    /// What `parse` makes of the text of the field; nil when it is absent, an error when `parse` gives nil.
    func parsed<Value>(_ name: String, _ parse: (String) -> Value?) throws(JSONFieldError) -> Value? {
        guard let text = try self.string(name) else { return nil }
        guard let value = parse(text) else { throw JSONFieldError(name, .outOfBounds) }
        return value
    }

    /// What `parse` makes of the text of the field, which must be there; an error when `parse` gives nil.
    func requireParsed<Value>(_ name: String, _ parse: (String) -> Value?) throws(JSONFieldError) -> Value {
        guard let value = try self.parsed(name, parse) else { throw JSONFieldError(name, .missing) }
        return value
    }

    /// The proof of identity in the field; nil when it is absent.
    func credential(_ name: String) throws(JSONFieldError) -> String? {
        try self.boundedString(name, Limits.maxCredentialBytes)
    }
}

extension Window {
    /// Reads `messages` and `bytes`.
    init(_ object: JSONObject) throws(JSONFieldError) {
        self.init(
            messages: try object.require("messages", JSONObject.positive),
            bytes: try object.require("bytes", JSONObject.positive)
        )
    }
}
