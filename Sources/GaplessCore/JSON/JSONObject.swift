/// The fields of a JSON object, in the order in which they stand; `JSONReader` gives each name once.
///
/// Names are compared byte by byte, never by Unicode equivalence: two readers must not understand two things.
package struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// A name with its value.
    package struct Field: Hashable, Sendable {
        /// The name, without its escapes.
        package let name: String
        /// What it holds.
        package let value: JSONValue

        /// Joins the two.
        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// All fields, in order.
    package private(set) var fields: [Field]

    /// No fields.
    package init() {
        self.fields = []
    }

    /// - Precondition: no name occurs twice.
    package init(_ fields: [Field]) {
        self.init()
        for field in fields { self.append(field.name, field.value) }
    }

    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.map { Field($0.0, $0.1) })
    }

    /// Fields of which the reader has checked that no name occurs twice.
    init(unchecked fields: [Field]) {
        self.fields = fields
    }

    /// The value under the name; nil when there is none.
    package subscript(_ name: String) -> JSONValue? {
        self.fields.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// Adds a field at the end.
    ///
    /// - Precondition: the name does not occur yet.
    package mutating func append(_ name: String, _ value: JSONValue) {
        precondition(self[name] == nil, "a name occurs once in an object")
        self.fields.append(Field(name, value))
    }
}

/// What is wrong with a field of a JSON object; it names the field and holds nothing of its value.
package struct JSONFieldError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault.
    package enum Fault: Hashable, Sendable {
        /// A field that must be there is not.
        case missing
        /// The value has another type than the field.
        case wrongType
        /// The value is outside of what the field may hold, or does not fit the other fields.
        case outOfBounds
    }

    /// The name of the field.
    package let field: String

    /// What is wrong.
    package let fault: Fault

    /// Joins the two.
    package init(_ field: String, _ fault: Fault) {
        self.field = field
        self.fault = fault
    }

    /// A sentence for people.
    package var description: String {
        switch self.fault {
        case .missing: "The field \"\(self.field)\" is missing."
        case .wrongType: "The field \"\(self.field)\" has the wrong type."
        case .outOfBounds: "The field \"\(self.field)\" is out of its bounds."
        }
    }
}

// Typed access. A field that is absent is nil; `null` and every other type than the one asked for is an error.
extension JSONObject {
    /// The text of the field; nil when it is absent.
    package func string(_ name: String) throws(JSONFieldError) -> String? {
        try self.value(name) { $0.string }
    }

    /// The integer of the field, 0 through 2^53-1; nil when it is absent.
    package func integer(_ name: String) throws(JSONFieldError) -> UInt64? {
        try self.value(name) { $0.integer }
    }

    /// The truth value of the field; nil when it is absent.
    package func bool(_ name: String) throws(JSONFieldError) -> Bool? {
        try self.value(name) { $0.bool }
    }

    /// The values of the field; nil when it is absent.
    package func array(_ name: String) throws(JSONFieldError) -> [JSONValue]? {
        try self.value(name) { $0.array }
    }

    /// The texts of the field; nil when it is absent, an error when one of them is no text.
    package func strings(_ name: String) throws(JSONFieldError) -> [String]? {
        guard let values = try self.array(name) else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(values.count)
        for value in values {
            guard let string = value.string else { throw JSONFieldError(name, .wrongType) }
            strings.append(string)
        }
        return strings
    }

    /// The object of the field; nil when it is absent.
    package func object(_ name: String) throws(JSONFieldError) -> JSONObject? {
        try self.value(name) { $0.object }
    }

    /// What `access` finds, which must be there: `try object.require("head", JSONObject.integer)`.
    package func require<Value>(
        _ name: String,
        _ access: (JSONObject) -> (String) throws(JSONFieldError) -> Value?
    ) throws(JSONFieldError) -> Value {
        guard let value = try access(self)(name) else { throw JSONFieldError(name, .missing) }
        return value
    }

    private func value<Value>(_ name: String, _ convert: (JSONValue) -> Value?) throws(JSONFieldError) -> Value? {
        guard let value = self[name] else { return nil }
        guard let converted = convert(value) else { throw JSONFieldError(name, .wrongType) }
        return converted
    }
}
