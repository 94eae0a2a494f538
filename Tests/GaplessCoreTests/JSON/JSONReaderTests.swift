import GaplessCore
import NIOCore
import Testing

@Suite("JSONReader")
struct JSONReaderTests {
    // [R3.5-1] [R3.5-5]
    @Test("Values of every type, in order, with white space inside")
    func values() throws {
        let text = "{ \"b\" : [ ] ,\t\"a\":{\"x\":null}\r\n,\"c\":[true,false , \"t\",0,9007199254740991,{}] }"
        let object = try JSONReader().readObject(ByteBuffer(string: text))
        #expect(object.fields.map(\.name) == ["b", "a", "c"])
        #expect(object["b"] == .array([]))
        #expect(object["a"] == .object(["x": .null]))
        #expect(object["c"] == .array([.bool(true), .bool(false), .string("t"), .integer(0), .integer(Limits.maxInteger), .object([:])]))
        #expect(object["d"] == nil)
    }

    @Test("Any value may be read by itself")
    func anyValue() throws {
        for (text, value) in [
            ("1", .integer(1)), ("\"\"", .string("")), ("null", .null), ("[1]", .array([.integer(1)])), ("{}", .object([:])),
        ]
            as [(String, JSONValue)]
        {
            #expect(try JSONReader().readValue(ByteBuffer(string: text)) == value)
        }
    }

    // [R3.4-1] [R3.5-7]
    @Test(
        "A number that is no integer of ours keeps its text",
        arguments: [
            "-0", "-1", "0.0", "1.0", "1.50", "1e3", "1E3", "1e+3", "1e-3", "1.5e300", "-1.5E-300", "9007199254740992", "10000000000000000",
            "18446744073709551617", "123456789012345678901234567890",
        ]
    )
    func otherNumbers(_ text: String) throws {
        #expect(try Self.value("[\(text)]") == .array([.number(text)]))
    }

    @Test("An integer is one up to 2^53-1", arguments: [0, 1, 9, 10, 99, 9_007_199_254_740_990, 9_007_199_254_740_991] as [UInt64])
    func integers(_ integer: UInt64) throws {
        #expect(try Self.value("\(integer)") == .integer(integer))
    }

    @Test(
        "What is no number by RFC 8259 is refused",
        arguments: [
            "01", "00", "-01", "-", "+1", "1.", ".5", "1.e3", "1e", "1e+", "0x1", "1_0", "NaN", "Infinity", "-Infinity", "١", "1 2",
        ]
    )
    func wrongNumbers(_ text: String) {
        #expect(Self.fault("[\(text)]") != nil)
        #expect(Self.fault(text) != nil)
    }

    @Test("Escapes stand for their characters")
    func escapes() throws {
        #expect(try Self.value(#""\"\\\/\b\f\n\r\t""#) == .string("\"\\/\u{8}\u{C}\n\r\t"))
        #expect(
            try Self.value(#""\u0041\u00e9\u20AC\u0000\uFFFF\ud83d\ude80\uD83D\uDE80""#) == .string("Aé€\u{0}\u{FFFF}\u{1F680}\u{1F680}")
        )
        #expect(try Self.value(#""a\u0062c""#) == .string("abc"))
        #expect(try Self.value("\"é€\u{1F680}\u{7F}\u{2028}\"") == .string("é€\u{1F680}\u{7F}\u{2028}"))
    }

    // [R3.5-2]
    @Test(
        "An escape that is no Unicode scalar value is refused",
        arguments: [
            #"\ud800"#, #"\udc00"#, #"\udfff"#, #"\ud800x"#, #"\ud800\n"#, #"\ud800\u0041"#, #"\ud800\ud800"#, #"\udc00\ud800"#,
            #"\ud83d \ude80"#,
            #"\ude80\ud83d"#, #"\ud83d\ude80\ud83d"#,
        ]
    )
    func loneSurrogates(_ text: String) {
        #expect(Self.fault("\"\(text)\"") == .loneSurrogate)
        #expect(Self.fault("{\"\(text)\":1}") == .loneSurrogate)
    }

    @Test(
        "Other escapes are refused",
        arguments: [#"\x41"#, #"\U0041"#, #"\u004"#, #"\u00g1"#, #"\u 041"#, #"\u+041"#, #"\'"#, #"\0"#, #"\a"#, "\\\n"]
    )
    func wrongEscapes(_ text: String) {
        #expect(Self.fault("\"\(text)\"") == .invalidEscape)
    }

    @Test("A control character needs an escape", arguments: 0..<32)
    func controls(_ byte: Int) {
        let control = Character(Unicode.Scalar(UInt8(byte)))
        #expect(Self.fault("\"a\(control)\"") == .controlCharacter)
        #expect(Self.fault("\"\\n\(control)\"") == .controlCharacter)
    }

    // [R3.5-2]
    @Test(
        "Bytes that are not UTF-8 are refused, in names and in values",
        arguments: [[0x80], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xFF]] as [[UInt8]]
    )
    func notUTF8(_ bytes: [UInt8]) {
        for (head, tail) in [("{\"x\":\"", "\"}"), ("{\"", "\":1}"), ("{\"x\":\"\\n", "\"}")] {
            #expect(Self.fault(Array(head.utf8) + bytes + Array(tail.utf8)) == .notUTF8)
        }
        #expect(Self.fault(bytes + Array("{}".utf8)) == .notAnObject)
        #expect(Self.fault([0xEF, 0xBB, 0xBF] + Array("{}".utf8)) == .notAnObject)
    }

    // [R3.5-1]
    @Test("Nothing stands before the object and nothing after it")
    func around() {
        for text in ["", " {}", "\n{}", "\u{FEFF}{}", "[]", "1", "\"{}\"", "null", "}", "x"] {
            #expect(Self.objectFault(text) == .notAnObject, "\(text)")
        }
        for text in ["{} ", "{}\n", "{}{}", "{},", "{}x", "{}\u{0}"] { #expect(Self.objectFault(text) == .trailingBytes, "\(text)") }
    }

    @Test(
        "What does not fit the grammar is refused",
        arguments: [
            "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\":1;}", "{\"a\"=1}",
            "{\"a\":[1,]}",
            "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":tru}", "{\"a\":True}", "{\"a\":nul}", "{\"a\":nulll}", "{\"a\":1]", "{\"a\":[1}",
            "{\"a\"::1}", "{\"a\":1,,}",
            "{/**/}", "{\"a\":1//\n}", "{\u{A0}}", "{\u{C}}", "{\"a\":undefined}", "{\"a\" \"b\"}", "{\"a\":\u{0}1}",
        ]
    )
    func grammar(_ text: String) {
        #expect(Self.objectFault(text) != nil)
    }

    @Test("Every truncation of an object is refused")
    func truncations() {
        let text = Array(#"{ "a" : [ 1 , -2.5e+3 , "\u00e9\ud83d\ude80é" , { "b" : null } , true , false ] , "c" : "" }"#.utf8)
        #expect(Self.fault(text) == nil)
        for count in text.indices { #expect(Self.fault(Array(text[..<count])) != nil, "\(count)") }
    }

    // [R3.5-3]
    @Test("A name twice in one object is refused, compared after unescaping; in two objects it is none of its business")
    func duplicates() {
        for text in [
            #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"\u0061":3}"#, #"{"":1,"":2}"#, #"{"x":{"a":1,"a":2}}"#, #"{"x":[{"a":1,"b":1,"b":1}]}"#,
        ] {
            #expect(Self.objectFault(text) == .duplicateName, "\(text)")
        }
        for text in [#"{"a":{"a":{"a":1}}}"#, #"{"a":[{"b":1},{"b":1}],"b":1}"#, #"{"a":1,"A":1," a":1}"#] {
            #expect(Self.objectFault(text) == nil, "\(text)")
        }
    }

    @Test("Names are compared by their bytes: what Unicode holds for equivalent are two names")
    func equivalentNames() throws {
        let object = try JSONReader().readObject(ByteBuffer(string: #"{"\u00e9":1,"e\u0301":2,"\u212a":3,"K":4}"#))
        #expect(object.fields.count == 4)
        #expect(object["K"] == .integer(4))
        #expect(object["\u{212A}"] == .integer(3))
        #expect(object["e\u{301}"] == .integer(2))
    }

    @Test("Among hundreds of names a second one is found, wherever it stands", arguments: [14, 15, 16, 17, 18, 500])
    func manyNames(_ count: Int) {
        let names = (0..<count).map { #""n\#($0)":0"# }
        #expect(Self.objectFault("{\(names.joined(separator: ","))}") == nil)
        for double in [0, 1, count / 2, count - 1] {
            #expect(Self.objectFault(#"{\#(names.joined(separator: ",")),"n\#(double)":1}"#) == .duplicateName, "\(double)")
        }
    }

    // [R3.5-4]
    @Test("Nesting is bounded, objects and arrays counted together", arguments: 1...10)
    func depth(_ maxDepth: Int) {
        let reader = JSONReader(maxDepth: maxDepth)
        func nested(_ depth: Int) -> ByteBuffer {
            let levels = (0..<depth).map { $0 % 2 == 0 ? ("{\"a\":", "}") : ("[", "]") }
            return ByteBuffer(string: levels.map(\.0).joined() + "1" + levels.reversed().map(\.1).joined())
        }
        #expect(throws: Never.self) { try reader.readObject(nested(maxDepth)) }
        let error = #expect(throws: JSONReadingError.self) { try reader.readObject(nested(maxDepth + 1)) }
        #expect(error?.fault == .tooDeep)
        #expect(throws: JSONReadingError.self) {
            try reader.readObject(ByteBuffer(string: "{\"a\":" + String(repeating: "[", count: 100_000)))
        }
        // Siblings do not add up.
        #expect(throws: Never.self) {
            try reader.readValue(ByteBuffer(string: "[\(Array(repeating: "1", count: 99).joined(separator: ","))]"))
        }
    }

    @Test("An error says where, and has a sentence that holds nothing of the text")
    func errors() {
        let error = #expect(throws: JSONReadingError.self) { try JSONReader().readObject(ByteBuffer(string: #"{"secret":tru}"#)) }
        #expect(error == JSONReadingError(.unexpectedByte, at: 13))
        #expect(error?.description == "The JSON holds something unexpected at byte 13.")
    }

    private static func value(_ text: String) throws -> JSONValue {
        try JSONReader().readValue(ByteBuffer(string: text))
    }

    private static func objectFault(_ text: String) -> JSONReadingError.Fault? {
        Self.fault(Array(text.utf8))
    }

    private static func fault(_ bytes: [UInt8]) -> JSONReadingError.Fault? {
        do throws(JSONReadingError) {
            _ = try JSONReader().readObject(ByteBuffer(bytes: bytes))
            return nil
        } catch {
            return error.fault
        }
    }

    private static func fault(_ text: String) -> JSONReadingError.Fault? {
        do throws(JSONReadingError) {
            _ = try JSONReader().readValue(ByteBuffer(string: text))
            return nil
        } catch {
            return error.fault
        }
    }
}
