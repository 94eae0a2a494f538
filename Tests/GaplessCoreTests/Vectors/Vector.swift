import Foundation
import Testing

/// One test vector: its name, the rules that it shows, and what its kind holds.
struct Vector: Sendable, CustomTestStringConvertible {
    let name: String
    let kind: String
    let rules: [String]
    /// Where the rules stand in Protocol.md.
    let section: String
    /// Everything else of it.
    let body: VectorValue
    let file: String

    var testDescription: String { "\(self.file): \(self.name)" }

    /// The vectors of this repository.
    static let all: [Vector] = (try? load()) ?? []

    static let folder = ProtocolDocument.packageRoot.appending(path: "Tools/conformance/vectors")

    static func of(kind: String) -> [Vector] { self.all.filter { $0.kind == kind } }

    /// The same with another body.
    func with(body: VectorValue) -> Vector {
        Vector(name: self.name, kind: self.kind, rules: self.rules, section: self.section, body: body, file: self.file)
    }

    /// All files of the folder, in order of their names.
    static func load() throws -> [Vector] {
        let names = try FileManager.default.contentsOfDirectory(atPath: self.folder.path()).filter { $0.hasSuffix(".json") }.sorted()
        return try names.flatMap { name in
            try self.read(Data(contentsOf: self.folder.appending(path: name)), file: name)
        }
    }

    static func read(_ data: Data, file: String) throws -> [Vector] {
        let content = try VectorFields(JSONDecoder().decode(VectorValue.self, from: data))
        guard try content.string("format") == "gapless-vectors/1" else { throw VectorFailure("\(file): another format") }
        guard let kind = try content.string("kind") else { throw VectorFailure("\(file): no kind") }
        let vectors = try content.array("vectors") ?? []
        try content.finish()
        return try vectors.map { value in
            let fields = try VectorFields(value)
            guard let name = try fields.string("name"), let rules = try fields.strings("rules"), !rules.isEmpty,
                let section = try fields.string("section"), case .object(var body) = value
            else { throw VectorFailure("\(file): a vector has a name, rules and a section: \(value)") }
            for key in ["name", "rules", "section"] { body[key] = nil }
            return Vector(name: name, kind: kind, rules: rules, section: section, body: .object(body), file: file)
        }
    }
}

/// The forms in which vectors write bytes: a text, `{"hex"}`, `{"repeat": [text, count]}`, or an array of such.
enum VectorBytes {
    static func bytes(_ value: VectorValue) throws -> [UInt8] {
        switch value {
        case .string(let text): return Array(text.utf8)
        case .array(let parts): return try parts.flatMap { try self.bytes($0) }
        case .object(let fields) where fields.count == 1:
            switch (fields["hex"], fields["repeat"]) {
            case (.string(let digits), nil): return try self.hex(digits)
            case (nil, .array(let items)):
                guard items.count == 2, case .int(let count) = items[1], count >= 0 else { break }
                let unit = try self.bytes(items[0])
                return [[UInt8]](repeating: unit, count: Int(count)).flatMap(\.self)
            default: break
            }
        default: break
        }
        throw VectorFailure("no bytes: \(value)")
    }

    private static func hex(_ digits: String) throws -> [UInt8] {
        let digits = Array(digits.filter { $0 != " " })
        return try stride(from: 0, to: digits.count, by: 2).map { index in
            guard index + 1 < digits.count, let byte = UInt8(String(digits[index...(index + 1)]), radix: 16) else {
                throw VectorFailure("no hex")
            }
            return byte
        }
    }

    /// The one form in which bytes are compared.
    static func plain(_ bytes: some Sequence<UInt8>) -> VectorValue {
        let digits = Array("0123456789abcdef".utf8)
        var hex: [UInt8] = []
        for byte in bytes {
            hex.append(digits[Int(byte >> 4)])
            hex.append(digits[Int(byte & 15)])
        }
        return .object(["hex": .string(String(decoding: hex, as: UTF8.self))])
    }
}
