import Foundation

/// A JSON file with settings or secrets, read strictly: a field that nobody knows is an error, because it may be one misspelt.
enum SettingsFile {
    /// The largest file that is read, in bytes.
    static let maxBytes = 16_777_216

    /// Reads and decodes a file.
    static func read<Content: Decodable>(_ path: String, as _: Content.Type) throws(ConfigurationError) -> Content {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw ConfigurationError(path, "The file cannot be read.")
        }
        guard bytes.count <= Self.maxBytes else { throw ConfigurationError(path, "The file is larger than \(Self.maxBytes) bytes.") }
        do {
            return try JSONDecoder().decode(Content.self, from: bytes)
        } catch let error as DecodingError {
            throw ConfigurationError(path, error.sentence)
        } catch let error as ConfigurationError {
            throw ConfigurationError(path, error.description)
        } catch {
            throw ConfigurationError(path, "The file cannot be understood.")
        }
    }
}

extension Decoder {
    /// A container of known fields; throws when the object has another one.
    func strictContainer<Key: CodingKey & CaseIterable>(keyedBy keys: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let known = Set(keys.allCases.map(\.stringValue))
        for key in try self.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            let context = DecodingError.Context(codingPath: self.codingPath + [key], debugDescription: "The field is not known.")
            throw DecodingError.dataCorrupted(context)
        }
        return try self.container(keyedBy: keys)
    }
}

/// A field of any name.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) {
        nil
    }
}

extension DecodingError {
    /// Where and what, without the values, which may be secrets.
    fileprivate var sentence: String {
        switch self {
        case .typeMismatch(_, let context): "\(Self.place(context.codingPath)) has the wrong type."
        case .valueNotFound(_, let context): "\(Self.place(context.codingPath)) is null."
        case .keyNotFound(let key, let context): "\(Self.place(context.codingPath + [key])) is missing."
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "The file is not well-formed JSON." : "\(Self.place(context.codingPath)): \(context.debugDescription)"
        @unknown default: "The file cannot be understood."
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        path.reduce("") { text, key in
            if let index = key.intValue { return "\(text)[\(index)]" }
            return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
        }
    }
}
