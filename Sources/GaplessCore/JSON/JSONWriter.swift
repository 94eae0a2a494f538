package import NIOCore

/// Appends JSON to a buffer: without white space, fields in the order in which they are written, text as UTF-8 with the few escapes that
/// RFC 8259 demands.
package struct JSONWriter {
    private var buffer: ByteBuffer

    /// Whether a value precedes the next one in the same object or array.
    private var needsComma = false

    private init(_ buffer: ByteBuffer) {
        self.buffer = buffer
    }

    /// Appends one object, whose fields `body` writes.
    package static func writeObject(into buffer: inout ByteBuffer, _ body: (inout JSONWriter) -> Void) {
        Self.write(into: &buffer) { $0.braces(body) }
    }

    /// Appends one value.
    package static func write(_ value: JSONValue, into buffer: inout ByteBuffer) {
        Self.write(into: &buffer) { $0.value(value) }
    }

    /// How many bytes a text takes as a value, its quotes and escapes included.
    package static func encodedBytes(of text: String) -> Int {
        var buffer = ByteBuffer()
        Self.write(.string(text), into: &buffer)
        return buffer.readableBytes
    }

    private static func write(into buffer: inout ByteBuffer, _ body: (inout JSONWriter) -> Void) {
        var writer = JSONWriter(buffer)
        buffer = ByteBuffer()  // So that the writer's is the only reference, and nothing is copied.
        body(&writer)
        buffer = writer.buffer
    }

    // MARK: Fields of an object

    /// Writes a field with text; nothing when there is none.
    package mutating func field(_ name: String, _ value: String?) {
        guard let value else { return }
        self.name(name)
        self.string(value)
    }

    /// Writes a field with an integer; nothing when there is none.
    ///
    /// - Precondition: the integer is at most 2^53-1.
    package mutating func field(_ name: String, _ value: UInt64?) {
        guard let value else { return }
        self.name(name)
        self.integer(value)
    }

    /// Writes a field with a truth value; nothing when there is none.
    package mutating func field(_ name: String, _ value: Bool?) {
        guard let value else { return }
        self.name(name)
        self.buffer.writeString(value ? "true" : "false")
    }

    /// Writes a field with texts; nothing when there are none.
    package mutating func field(_ name: String, _ values: [String]?) {
        guard let values else { return }
        self.array(name) { writer in
            for value in values { writer.element { $0.string(value) } }
        }
    }

    /// Writes a field with any value.
    package mutating func field(_ name: String, _ value: JSONValue) {
        self.name(name)
        self.value(value)
    }

    /// Writes a field with an object, whose fields `body` writes.
    package mutating func object(_ name: String, _ body: (inout JSONWriter) -> Void) {
        self.name(name)
        self.braces(body)
    }

    /// Writes a field with an array, whose elements `body` writes.
    package mutating func array(_ name: String, _ body: (inout JSONWriter) -> Void) {
        self.name(name)
        self.brackets(body)
    }

    // MARK: Elements of an array

    /// Writes an element of any type.
    package mutating func element(_ value: JSONValue) {
        self.element { $0.value(value) }
    }

    private mutating func element(_ body: (inout JSONWriter) -> Void) {
        self.comma()
        body(&self)
    }

    // MARK: Values

    private mutating func value(_ value: JSONValue) {
        switch value {
        case .object(let object):
            self.braces { writer in
                for field in object.fields { writer.field(field.name, field.value) }
            }
        case .array(let values):
            self.brackets { writer in
                for value in values { writer.element(value) }
            }
        case .string(let text): self.string(text)
        case .integer(let integer): self.integer(integer)
        case .number(let text): self.buffer.writeString(text)
        case .bool(let bool): self.buffer.writeString(bool ? "true" : "false")
        case .null: self.buffer.writeString("null")
        }
    }

    private mutating func integer(_ value: UInt64) {
        precondition(value <= Limits.maxInteger, "an integer in JSON is at most 2^53-1")
        self.buffer.writeDecimal(value)
    }

    private mutating func string(_ text: String) {
        self.buffer.writeInteger(UInt8(ascii: "\""))
        if text.utf8.contains(where: Self.needsEscape) {
            for byte in text.utf8 { self.character(byte) }
        } else {
            self.buffer.writeString(text)
        }
        self.buffer.writeInteger(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func character(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): self.buffer.writeString("\\\"")
        case UInt8(ascii: "\\"): self.buffer.writeString("\\\\")
        case 0x08: self.buffer.writeString("\\b")
        case 0x09: self.buffer.writeString("\\t")
        case 0x0A: self.buffer.writeString("\\n")
        case 0x0C: self.buffer.writeString("\\f")
        case 0x0D: self.buffer.writeString("\\r")
        case 0x00..<0x20: self.buffer.writeString(byte < 0x10 ? "\\u000" : "\\u00", String(byte, radix: 16))
        default: self.buffer.writeInteger(byte)
        }
    }

    // MARK: Punctuation

    private mutating func name(_ name: String) {
        self.comma()
        self.string(name)
        self.buffer.writeInteger(UInt8(ascii: ":"))
    }

    private mutating func comma() {
        if self.needsComma { self.buffer.writeInteger(UInt8(ascii: ",")) }
        self.needsComma = true
    }

    private mutating func braces(_ body: (inout JSONWriter) -> Void) {
        self.enclose(UInt8(ascii: "{"), UInt8(ascii: "}"), body)
    }

    private mutating func brackets(_ body: (inout JSONWriter) -> Void) {
        self.enclose(UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    private mutating func enclose(_ opening: UInt8, _ closing: UInt8, _ body: (inout JSONWriter) -> Void) {
        self.buffer.writeInteger(opening)
        self.needsComma = false
        body(&self)
        self.needsComma = true
        self.buffer.writeInteger(closing)
    }
}

extension ByteBuffer {
    fileprivate mutating func writeString(_ first: String, _ second: String) {
        self.writeString(first)
        self.writeString(second)
    }
}
