import GaplessCore
import NIOCore
import Testing

@Suite("JSONWriter")
struct JSONWriterTests {
    @Test("Fields are written in order, without white space, absent ones not at all")
    func fields() {
        let text = Self.object { writer in
            writer.field("a", "x")
            writer.field("b", nil as String?)
            writer.field("c", 0 as UInt64)
            writer.field("d", nil as UInt64?)
            writer.field("e", true)
            writer.field("f", nil as Bool?)
            writer.field("g", ["x", "y"])
            writer.field("h", [String]())
            writer.field("i", nil as [String]?)
            writer.object("j") { $0.field("k", false) }
            writer.object("l") { _ in }
            writer.array("m") {
                $0.element(.integer(Limits.maxInteger))
                $0.element(.array([.null, .number("-1.50"), .object([:])]))
            }
            writer.field("n", .null)
        }
        #expect(
            text
                == #"{"a":"x","c":0,"e":true,"g":["x","y"],"h":[],"j":{"k":false},"l":{},"m":[9007199254740991,[null,-1.50,{}]],"n":null}"#
        )
    }

    @Test("Only quotes, backslashes and control characters are escaped")
    func escapes() {
        #expect(Self.text("\"\\/") == #""\"\\/""#)
        #expect(Self.text("\u{8}\t\n\u{C}\r") == #""\b\t\n\f\r""#)
        #expect(Self.text("\u{0}\u{1}\u{B}\u{F}\u{10}\u{1F}") == #""\u0000\u0001\u000b\u000f\u0010\u001f""#)
        #expect(Self.text("\u{7F}é\u{2028}\u{1F680}") == "\"\u{7F}é\u{2028}\u{1F680}\"")
        #expect(Self.text("\né") == "\"\\né\"")
        #expect(Self.object { $0.field("\"", "") } == #"{"\"":""}"#)
    }

    @Test("What is written is read as the same value", arguments: 1...5 as ClosedRange<UInt64>)
    func roundTrip(_ seed: UInt64) throws {
        var luck = SeededLuck(seed)
        for index in 0..<200 {
            let value = Self.value(&luck, depth: 0)
            var buffer = ByteBuffer()
            JSONWriter.write(value, into: &buffer)
            #expect(try JSONReader().readValue(buffer) == value, "seed \(seed), value \(index)")
        }
    }

    @Test("It appends to what the buffer holds")
    func appends() {
        var buffer = ByteBuffer(string: "before ")
        JSONWriter.writeObject(into: &buffer) { $0.field("a", "b") }
        JSONWriter.write(.integer(7), into: &buffer)
        #expect(String(buffer: buffer) == #"before {"a":"b"}7"#)
    }

    private static func value(_ luck: inout SeededLuck, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth < 7 ? 8 : 6), using: &luck) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &luck))
        case 2: return .integer(UInt64.random(in: 0...Limits.maxInteger, using: &luck))
        case 3: return .number(["-0", "-7", "1.0", "2e-3", "9007199254740992"].randomElement(using: &luck) ?? "-0")
        case 4, 5: return .string(String((0..<5).map { _ in "a\"\\\n\u{0}é\u{1F680} ".randomElement(using: &luck) ?? "a" }))
        case 6: return .array((0..<Int.random(in: 0..<4, using: &luck)).map { _ in Self.value(&luck, depth: depth + 1) })
        default:
            var object = JSONObject()
            for index in 0..<Int.random(in: 0..<20, using: &luck) { object.append("n\(index)", Self.value(&luck, depth: depth + 4)) }
            return .object(object)
        }
    }

    private static func object(_ body: (inout JSONWriter) -> Void) -> String {
        var buffer = ByteBuffer()
        JSONWriter.writeObject(into: &buffer, body)
        return String(buffer: buffer)
    }

    private static func text(_ text: String) -> String {
        var buffer = ByteBuffer()
        JSONWriter.write(.string(text), into: &buffer)
        return String(buffer: buffer)
    }
}
