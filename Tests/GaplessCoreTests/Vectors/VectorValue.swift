import Foundation
import GaplessCore

/// A value of a vector file: JSON without fractions.
indirect enum VectorValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case string(String)
    case array([VectorValue])
    case object([String: VectorValue])

    /// The keys of an object in order of the alphabet, so that nothing depends on luck.
    var keys: [String] {
        if case .object(let fields) = self { fields.keys.sorted() } else { [] }
    }

    subscript(key: String) -> VectorValue? {
        if case .object(let fields) = self { fields[key] } else { nil }
    }

    /// Whether everything in `self` is in `other`: fields that `self` does not name do not count.
    func isPart(of other: VectorValue) -> Bool {
        guard case .object(let fields) = self, case .object(let others) = other else { return self == other }
        return fields.allSatisfy { key, value in others[key].map { value.isPart(of: $0) } ?? false }
    }

    /// Every value that differs from this one in one leaf. A name of a variable is no leaf: whatever comes is bound to it.
    var mutations: [VectorValue] {
        switch self {
        case .null: [.bool(true)]
        case .bool(let value): [.bool(!value)]
        case .int(let value): [.int(value + 1)]
        case .string(let text): text.hasPrefix("$") ? [] : [.string(text.last == "x" ? text.dropLast() + "y" : text + "x")]
        case .array([]): [.array([.string("x")])]
        case .array(let items):
            items.indices.flatMap { index in
                items[index].mutations.map { mutation in
                    var items = items
                    items[index] = mutation
                    return .array(items)
                }
            }
        case .object(let fields):
            self.keys.flatMap { key in
                (fields[key]?.mutations ?? []).map { mutation in
                    var fields = fields
                    fields[key] = mutation
                    return .object(fields)
                }
            }
        }
    }
}

extension VectorValue: Decodable {
    init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: Key.self) {
            var fields: [String: VectorValue] = [:]
            for key in object.allKeys { fields[key.stringValue] = try object.decode(VectorValue.self, forKey: key) }
            self = .object(fields)
        } else if var array = try? decoder.unkeyedContainer() {
            var items: [VectorValue] = []
            while !array.isAtEnd { items.append(try array.decode(VectorValue.self)) }
            self = .array(items)
        } else {
            let single = try decoder.singleValueContainer()
            if single.decodeNil() {
                self = .null
            } else if let text = try? single.decode(String.self) {
                self = .string(text)
            } else if let flag = try? single.decode(Bool.self) {
                self = .bool(flag)
            } else {
                self = .int(try single.decode(Int64.self))
            }
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension VectorValue: CustomStringConvertible {
    /// As JSON, keys in order of the alphabet.
    var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): String(value)
        case .int(let value): String(value)
        case .string(let text): "\"\(Self.escape(text))\""
        case .array(let items): "[\(items.map(\.description).joined(separator: ","))]"
        case .object(let fields): "{\(self.keys.map { "\"\($0)\":\(fields[$0] ?? .null)" }.joined(separator: ","))}"
        }
    }

    private static func escape(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case "\u{0}"..<" ": "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }.joined()
    }
}

/// What is wrong with a vector, or with the code that it was held against.
struct VectorFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// An object of a vector that is read field by field; whatever nobody read is a fault of the vector.
final class VectorFields {
    private let fields: [String: VectorValue]
    private var read: Set<String> = []

    init(_ value: VectorValue) throws {
        guard case .object(let fields) = value else { throw VectorFailure("no object: \(value)") }
        self.fields = fields
    }

    /// The keys that nobody has read, in order.
    var unread: [String] { self.fields.keys.filter { !self.read.contains($0) }.sorted() }

    func value(_ key: String) -> VectorValue? {
        self.read.insert(key)
        return self.fields[key]
    }

    func string(_ key: String) throws -> String? {
        guard let value = self.value(key) else { return nil }
        guard case .string(let text) = value else { throw VectorFailure("\(key) is no text: \(value)") }
        return text
    }

    func int(_ key: String) throws -> Int64? {
        guard let value = self.value(key) else { return nil }
        guard case .int(let number) = value else { throw VectorFailure("\(key) is no number: \(value)") }
        return number
    }

    func bool(_ key: String) throws -> Bool? {
        guard let value = self.value(key) else { return nil }
        guard case .bool(let flag) = value else { throw VectorFailure("\(key) is neither true nor false: \(value)") }
        return flag
    }

    func array(_ key: String) throws -> [VectorValue]? {
        guard let value = self.value(key) else { return nil }
        guard case .array(let items) = value else { throw VectorFailure("\(key) is no array: \(value)") }
        return items
    }

    func strings(_ key: String) throws -> [String]? {
        try self.array(key)?.map { item in
            guard case .string(let text) = item else { throw VectorFailure("\(key) holds more than text: \(item)") }
            return text
        }
    }

    /// `[seq, time]`.
    func lastMessage(_ key: String) throws -> LastMessage? {
        guard let values = try self.array(key) else { return nil }
        guard values.count == 2, case .int(let number) = values[0], case .int(let time) = values[1] else {
            throw VectorFailure("\(key) is no number and time: \(values)")
        }
        return LastMessage(sequence: SequenceNumber(UInt64(number)), time: Timestamp(milliseconds: UInt64(time)))
    }

    func object(_ key: String) throws -> VectorFields? {
        try self.value(key).map { try VectorFields($0) }
    }

    func number(_ key: String) throws -> UInt64? {
        try self.int(key).map { number in
            guard number >= 0 else { throw VectorFailure("\(key) is below 0: \(number)") }
            return UInt64(number)
        }
    }

    func milliseconds(_ key: String) throws -> Duration? {
        try self.int(key).map { .milliseconds($0) }
    }

    func finish() throws {
        guard self.unread.isEmpty else { throw VectorFailure("unknown or unread: \(self.unread.joined(separator: ", "))") }
    }
}
