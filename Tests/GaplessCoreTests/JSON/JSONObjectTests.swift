import GaplessCore
import Testing

@Suite("JSONObject")
struct JSONObjectTests {
    private static let object: JSONObject = [
        "text": .string("x"), "integer": .integer(7), "number": .number("1.0"), "bool": .bool(false), "null": .null,
        "array": .array([.string("a"), .string("b")]), "mixed": .array([.string("a"), .integer(1)]), "object": .object(["a": .integer(1)]),
    ]

    @Test("A field of the type that is asked for gives its value")
    func right() throws {
        #expect(try Self.object.string("text") == "x")
        #expect(try Self.object.integer("integer") == 7)
        #expect(try Self.object.bool("bool") == false)
        #expect(try Self.object.array("array")?.count == 2)
        #expect(try Self.object.strings("array") == ["a", "b"])
        #expect(try Self.object.object("object") == ["a": .integer(1)])
    }

    @Test("An absent field is nil, and an error when it is required")
    func absent() throws {
        #expect(try Self.object.string("x") == nil)
        #expect(try Self.object.integer("x") == nil)
        #expect(try Self.object.bool("x") == nil)
        #expect(try Self.object.strings("x") == nil)
        #expect(try Self.object.object("x") == nil)
        #expect(throws: JSONFieldError("x", .missing)) { try Self.object.require("x", JSONObject.integer) }
        #expect(try Self.object.require("integer", JSONObject.integer) == 7)
    }

    @Test("A field of another type is an error, null and other numbers among them")
    func wrong() {
        for field in Self.object.fields {
            let name = field.name
            let error = JSONFieldError(name, .wrongType)
            if name != "text" { #expect(throws: error) { try Self.object.string(name) } }
            if name != "integer" { #expect(throws: error) { try Self.object.integer(name) } }
            if name != "bool" { #expect(throws: error) { try Self.object.bool(name) } }
            if name != "array" { #expect(throws: error) { try Self.object.strings(name) } }
            if name != "object" { #expect(throws: error) { try Self.object.object(name) } }
        }
    }

    @Test("Fields keep their order")
    func order() {
        var object = JSONObject()
        for name in ["c", "a", "b"] { object.append(name, .null) }
        #expect(object.fields.map(\.name) == ["c", "a", "b"])
        #expect(object == ["c": .null, "a": .null, "b": .null])
        #expect(object != ["a": .null, "b": .null, "c": .null])
    }

    @Test("An error names its field in a sentence")
    func sentences() {
        #expect(JSONFieldError("a", .missing).description == #"The field "a" is missing."#)
        #expect(JSONFieldError("a", .wrongType).description == #"The field "a" has the wrong type."#)
        #expect(JSONFieldError("a", .outOfBounds).description == #"The field "a" is out of its bounds."#)
    }
}
