/// One value of JSON (RFC 8259), with integers apart from other numbers.
package enum JSONValue: Hashable, Sendable {
    /// Names and values, in the order in which they stand.
    case object(JSONObject)
    /// Values in a row.
    case array([JSONValue])
    /// Text, without its escapes.
    case string(String)
    /// `0` or digits without sign, leading zero, fraction or exponent, at most 2^53-1.
    case integer(UInt64)
    /// Any other number, as its text stands: it is valid JSON and no integer of ours.
    case number(String)
    /// `true` or `false`.
    case bool(Bool)
    /// `null`.
    case null

    /// The text; nil for a value of another type.
    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The integer; nil for a value of another type, `1.0` and `-1` included.
    package var integer: UInt64? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// The truth value; nil for a value of another type.
    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The values in a row; nil for a value of another type.
    package var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The names and values; nil for a value of another type.
    package var object: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }
}
