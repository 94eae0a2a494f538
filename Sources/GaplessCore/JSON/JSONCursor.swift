/// A place in a JSON text, moving forward: recursive descent, as deep as `maxDepth` and no deeper.
struct JSONCursor {
    /// How many bytes are read.
    private(set) var index = 0

    /// How many objects and arrays are open.
    private var depth = 0

    private let maxDepth: Int

    init(maxDepth: Int) {
        self.maxDepth = maxDepth
    }

    /// Reads the value that begins here.
    mutating func value(_ bytes: Span<UInt8>) throws(JSONReadingError) -> JSONValue {
        switch try self.peek(bytes) {
        case UInt8(ascii: "{"): return .object(try self.object(bytes))
        case UInt8(ascii: "["): return .array(try self.array(bytes))
        case UInt8(ascii: "\""): return .string(try self.string(bytes))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try self.number(bytes)
        case UInt8(ascii: "t"): return try self.word("true", .bool(true), bytes)
        case UInt8(ascii: "f"): return try self.word("false", .bool(false), bytes)
        case UInt8(ascii: "n"): return try self.word("null", .null, bytes)
        default: throw self.error(.unexpectedByte)
        }
    }

    // MARK: Objects and arrays

    private mutating func object(_ bytes: Span<UInt8>) throws(JSONReadingError) -> JSONObject {
        try self.open()
        var fields: [JSONObject.Field] = []
        var names = NameSet()
        try self.skipSpace(bytes)
        if try self.peek(bytes) != UInt8(ascii: "}") {
            while true {
                let start = self.index
                let name = try self.string(bytes)
                guard names.insert(name, after: fields) else { throw JSONReadingError(.duplicateName, at: start) }
                try self.skipSpace(bytes)
                try self.expect(UInt8(ascii: ":"), bytes)
                try self.skipSpace(bytes)
                fields.append(JSONObject.Field(name, try self.value(bytes)))
                try self.skipSpace(bytes)
                if try self.peek(bytes) != UInt8(ascii: ",") { break }
                self.index += 1
                try self.skipSpace(bytes)
            }
        }
        try self.expect(UInt8(ascii: "}"), bytes)
        self.depth -= 1
        return JSONObject(unchecked: fields)
    }

    private mutating func array(_ bytes: Span<UInt8>) throws(JSONReadingError) -> [JSONValue] {
        try self.open()
        var values: [JSONValue] = []
        try self.skipSpace(bytes)
        if try self.peek(bytes) != UInt8(ascii: "]") {
            while true {
                values.append(try self.value(bytes))
                try self.skipSpace(bytes)
                if try self.peek(bytes) != UInt8(ascii: ",") { break }
                self.index += 1
                try self.skipSpace(bytes)
            }
        }
        try self.expect(UInt8(ascii: "]"), bytes)
        self.depth -= 1
        return values
    }

    /// Goes one level down, past the opening bracket.
    private mutating func open() throws(JSONReadingError) {
        guard self.depth < self.maxDepth else { throw self.error(.tooDeep) }
        self.depth += 1
        self.index += 1
    }

    // MARK: Strings

    private mutating func string(_ bytes: Span<UInt8>) throws(JSONReadingError) -> String {
        try self.expect(UInt8(ascii: "\""), bytes)
        let start = self.index
        while true {
            switch try self.peek(bytes) {
            case UInt8(ascii: "\""):
                let string = try Self.text(bytes.extracting(start..<self.index), at: start)
                self.index += 1
                return string
            case UInt8(ascii: "\\"):
                return try self.escapedString(bytes, from: start)
            case 0x00..<0x20:
                throw self.error(.controlCharacter)
            default:
                self.index += 1
            }
        }
    }

    /// Goes on at the first backslash of a string whose first byte is at `start`.
    private mutating func escapedString(_ bytes: Span<UInt8>, from start: Int) throws(JSONReadingError) -> String {
        var text: [UInt8] = []
        for index in start..<self.index { text.append(bytes[index]) }
        while true {
            let byte = try self.peek(bytes)
            switch byte {
            case UInt8(ascii: "\""):
                let string = try Self.text(text.span, at: start)
                self.index += 1
                return string
            case UInt8(ascii: "\\"):
                try self.escape(bytes, into: &text)
            case 0x00..<0x20:
                throw self.error(.controlCharacter)
            default:
                text.append(byte)
                self.index += 1
            }
        }
    }

    /// Reads an escape, from its backslash on.
    private mutating func escape(_ bytes: Span<UInt8>, into text: inout [UInt8]) throws(JSONReadingError) {
        let start = self.index
        self.index += 1
        let byte = try self.peek(bytes)
        self.index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: UTF8.encode(try self.escapedScalar(bytes, from: start)) ?? .init())
        default: throw JSONReadingError(.invalidEscape, at: start)
        }
    }

    /// Reads the four digits after `\u`, and a second escape when they are the first half of a surrogate pair.
    private mutating func escapedScalar(_ bytes: Span<UInt8>, from start: Int) throws(JSONReadingError) -> Unicode.Scalar {
        let first = try self.fourDigits(bytes, from: start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, try self.peek(bytes) == UInt8(ascii: "\\") else { throw JSONReadingError(.loneSurrogate, at: start) }
        self.index += 1
        guard try self.peek(bytes) == UInt8(ascii: "u") else { throw JSONReadingError(.loneSurrogate, at: start) }
        self.index += 1
        let second = try self.fourDigits(bytes, from: start)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x1_0000 + ((first - 0xD800) << 10 | (second - 0xDC00)))
        else { throw JSONReadingError(.loneSurrogate, at: start) }
        return scalar
    }

    private mutating func fourDigits(_ bytes: Span<UInt8>, from start: Int) throws(JSONReadingError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = try self.peek(bytes)
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw JSONReadingError(.invalidEscape, at: start)
            }
            self.index += 1
        }
        return value
    }

    private static func text(_ bytes: Span<UInt8>, at offset: Int) throws(JSONReadingError) -> String {
        guard let text = bytes.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) }) else {
            throw JSONReadingError(.notUTF8, at: offset)
        }
        return text
    }

    // MARK: Numbers and words

    private mutating func number(_ bytes: Span<UInt8>) throws(JSONReadingError) -> JSONValue {
        let start = self.index
        if bytes[self.index] == UInt8(ascii: "-") { self.index += 1 }
        let first = self.index
        try self.digits(bytes)
        guard bytes[first] != UInt8(ascii: "0") || self.index == first + 1 else { throw JSONReadingError(.invalidNumber, at: start) }
        if self.index < bytes.count, bytes[self.index] == UInt8(ascii: ".") {
            self.index += 1
            try self.digits(bytes)
        }
        if self.index < bytes.count, bytes[self.index] == UInt8(ascii: "e") || bytes[self.index] == UInt8(ascii: "E") {
            self.index += 1
            if self.index < bytes.count, bytes[self.index] == UInt8(ascii: "+") || bytes[self.index] == UInt8(ascii: "-") {
                self.index += 1
            }
            try self.digits(bytes)
        }
        var end = start
        if let integer = DecimalNumber.read(bytes, at: &end), end == self.index { return .integer(integer) }
        return .number(try Self.text(bytes.extracting(start..<self.index), at: start))
    }

    /// Reads one digit or more.
    private mutating func digits(_ bytes: Span<UInt8>) throws(JSONReadingError) {
        let start = self.index
        while self.index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[self.index]) { self.index += 1 }
        guard self.index > start else { throw self.error(self.index < bytes.count ? .invalidNumber : .unexpectedEnd) }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue, _ bytes: Span<UInt8>) throws(JSONReadingError) -> JSONValue {
        for offset in 0..<word.utf8CodeUnitCount { try self.expect(word.utf8Start[offset], bytes) }
        return value
    }

    // MARK: Bytes

    /// The byte here; an error at the end.
    private func peek(_ bytes: Span<UInt8>) throws(JSONReadingError) -> UInt8 {
        guard self.index < bytes.count else { throw self.error(.unexpectedEnd) }
        return bytes[self.index]
    }

    private mutating func expect(_ byte: UInt8, _ bytes: Span<UInt8>) throws(JSONReadingError) {
        guard try self.peek(bytes) == byte else { throw self.error(.unexpectedByte) }
        self.index += 1
    }

    private mutating func skipSpace(_ bytes: Span<UInt8>) throws(JSONReadingError) {
        while self.index < bytes.count {
            switch bytes[self.index] {
            case 0x20, 0x09, 0x0A, 0x0D: self.index += 1
            default: return
            }
        }
    }

    private func error(_ fault: JSONReadingError.Fault) -> JSONReadingError {
        JSONReadingError(fault, at: self.index)
    }
}

/// The names met in one object, by their bytes: a scan while they are few, a table when a hostile text holds thousands.
private struct NameSet {
    private static let scanned = 16

    private var table: Set<[UInt8]> = []

    /// Notes a name; false when it is among `fields` already.
    mutating func insert(_ name: String, after fields: [JSONObject.Field]) -> Bool {
        if fields.count < Self.scanned {
            return !fields.contains { $0.name.utf8.elementsEqual(name.utf8) }
        }
        if self.table.isEmpty {
            for field in fields { self.table.insert(Array(field.name.utf8)) }
        }
        return self.table.insert(Array(name.utf8)).inserted
    }
}
