package import NIOCore

/// Reads one JSON text (RFC 8259) strictly and within bounds, so that two readers never understand two things (Protocol.md §3.5).
///
/// Stricter than the RFC: no name twice in an object, compared after unescaping; no lone surrogate; nesting is bounded; nothing,
/// not even white space, before the value or after it. It keeps integers apart from other numbers, and the caller decides where
/// which is due. The caller also bounds the number of bytes; memory and time grow linearly with it.
package struct JSONReader: Sendable {
    /// The deepest nesting of objects and arrays; the outermost counts as 1.
    package let maxDepth: Int

    /// A reader with the protocol's depth of 8, or another.
    package init(maxDepth: Int = Limits.maxJSONDepth) {
        self.maxDepth = maxDepth
    }

    /// Reads the readable bytes as one object.
    package func readObject(_ bytes: ByteBuffer) throws(JSONReadingError) -> JSONObject {
        try self.readObject(bytes.readableBytesUInt8Span)
    }

    /// Reads the readable bytes as one value of any type.
    package func readValue(_ bytes: ByteBuffer) throws(JSONReadingError) -> JSONValue {
        try self.readValue(bytes.readableBytesUInt8Span)
    }

    /// Reads the bytes as one object.
    package func readObject(_ bytes: Span<UInt8>) throws(JSONReadingError) -> JSONObject {
        guard bytes.count > 0, bytes[0] == UInt8(ascii: "{") else { throw JSONReadingError(.notAnObject, at: 0) }
        guard case .object(let object) = try self.readValue(bytes) else { throw JSONReadingError(.notAnObject, at: 0) }
        return object
    }

    /// Reads the bytes as one value of any type.
    package func readValue(_ bytes: Span<UInt8>) throws(JSONReadingError) -> JSONValue {
        var cursor = JSONCursor(maxDepth: self.maxDepth)
        let value = try cursor.value(bytes)
        guard cursor.index == bytes.count else { throw JSONReadingError(.trailingBytes, at: cursor.index) }
        return value
    }
}

/// Why bytes are not the JSON that is due, and where; it holds nothing of the bytes.
package struct JSONReadingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault.
    package enum Fault: Hashable, Sendable {
        /// The text does not begin with an opening brace.
        case notAnObject
        /// A byte stands where it may not stand.
        case unexpectedByte
        /// The text ends too early.
        case unexpectedEnd
        /// Something follows the value.
        case trailingBytes
        /// Objects and arrays are nested too deep.
        case tooDeep
        /// A name occurs twice in an object.
        case duplicateName
        /// A backslash is followed by something else than an escape.
        case invalidEscape
        /// An escape stands for half of a surrogate pair.
        case loneSurrogate
        /// A control character stands in a string without an escape.
        case controlCharacter
        /// A number does not fit the grammar.
        case invalidNumber
        /// A string is not UTF-8.
        case notUTF8
    }

    /// What is wrong.
    package let fault: Fault

    /// How many bytes precede the fault.
    package let offset: Int

    /// Joins the two.
    package init(_ fault: Fault, at offset: Int) {
        self.fault = fault
        self.offset = offset
    }

    /// A sentence for people.
    package var description: String {
        switch self.fault {
        case .notAnObject: "The JSON is not an object."
        case .unexpectedByte: "The JSON holds something unexpected at byte \(self.offset)."
        case .unexpectedEnd: "The JSON ends too early."
        case .trailingBytes: "Something follows the JSON at byte \(self.offset)."
        case .tooDeep: "The JSON is nested too deep at byte \(self.offset)."
        case .duplicateName: "The JSON holds a name twice in one object at byte \(self.offset)."
        case .invalidEscape: "The JSON holds an invalid escape at byte \(self.offset)."
        case .loneSurrogate: "The JSON holds a lone surrogate at byte \(self.offset)."
        case .controlCharacter: "The JSON holds a control character in a string at byte \(self.offset)."
        case .invalidNumber: "The JSON holds an invalid number at byte \(self.offset)."
        case .notUTF8: "The JSON holds bytes at \(self.offset) that are not UTF-8."
        }
    }
}
