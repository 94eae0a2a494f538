import Foundation
import GaplessCore
import NIOCore

/// Judges JSON by the schemas of the API's description, as far as the description uses JSON Schema.
struct SchemaJudge {
    let document: JSONObject

    /// Keywords that say nothing that could be broken.
    private static let remarks: Set<String> = ["description", "default", "contentEncoding", "x-line", "format"]

    /// What is wrong with a value.
    ///
    /// - Parameter isComplete: whether an object may hold nothing but what the schema names, though it does not say so.
    func faults(_ value: JSONValue, _ schema: JSONObject, isComplete: Bool = true, at place: String = "$") -> [String] {
        schema.fields.flatMap { keyword in
            self.faults(value, keyword.name, keyword.value, schema, isComplete, place).map { $0.hasPrefix("$") ? $0 : "\(place): \($0)" }
        }
    }

    private func faults(
        _ value: JSONValue,
        _ keyword: String,
        _ bound: JSONValue,
        _ schema: JSONObject,
        _ isComplete: Bool,
        _ place: String
    ) -> [String] {
        func schemas(_ value: JSONValue) -> [JSONObject] { (value.array ?? []).compactMap(\.object) }
        switch keyword {
        case "$ref": return self.faults(value, self.schema(bound.string ?? ""), isComplete: isComplete, at: place)
        case "type": return Self.type(of: value) == bound.string ? [] : ["is no \(bound.string ?? "")"]
        case "enum": return bound.array?.contains(value) == true ? [] : ["\(value) is none of the values"]
        case "const": return bound == value ? [] : ["\(value) is another value"]
        case "minimum": return (value.integer ?? .max) >= bound.integer ?? 0 ? [] : ["is too small"]
        case "maximum": return (value.integer ?? 0) <= bound.integer ?? 0 ? [] : ["is too large"]
        case "minLength": return (value.string?.unicodeScalars.count ?? .max) >= bound.integer ?? 0 ? [] : ["is too short"]
        case "maxLength": return (value.string?.unicodeScalars.count ?? 0) <= bound.integer ?? 0 ? [] : ["is too long"]
        case "pattern": return self.matches(value, bound) ? [] : ["does not match"]
        case "minItems": return (value.array?.count ?? .max) >= bound.integer ?? 0 ? [] : ["has too few"]
        case "maxItems": return (value.array?.count ?? 0) <= bound.integer ?? 0 ? [] : ["has too many"]
        case "items":
            return (value.array ?? []).enumerated().flatMap { index, item in
                self.faults(item, bound.object ?? [:], isComplete: isComplete, at: "\(place)[\(index)]")
            }
        case "required":
            return (bound.array ?? []).compactMap(\.string).filter { value.object?[$0] == nil }.map { "has no \($0)" }
        case "properties":
            return (value.object?.fields ?? []).flatMap { field -> [String] in
                guard let property = bound.object?[field.name]?.object else {
                    return isComplete || schema["additionalProperties"] == .bool(false) ? ["has \(field.name), which nobody describes"] : []
                }
                return self.faults(field.value, property, isComplete: isComplete, at: "\(place).\(field.name)")
            }
        case "oneOf":
            let fitting = schemas(bound).count { self.faults(value, $0, isComplete: false, at: place).isEmpty }
            return fitting == 1 ? [] : ["fits \(fitting) of \(schemas(bound).count)"]
        case "allOf": return schemas(bound).flatMap { self.faults(value, $0, isComplete: false, at: place) }
        case "maxProperties": return (value.object?.fields.count ?? 0) <= bound.integer ?? 0 ? [] : ["has too many fields"]
        case "additionalProperties": return []
        default: return Self.remarks.contains(keyword) ? [] : ["the judge does not know \(keyword)"]
        }
    }

    /// A schema by its reference.
    func schema(_ reference: String) -> JSONObject {
        let name = reference.split(separator: "/").last.map(String.init) ?? ""
        return self.document["components"]?.object?["schemas"]?.object?[name]?.object ?? ["missing": .string(reference)]
    }

    private func matches(_ value: JSONValue, _ pattern: JSONValue) -> Bool {
        guard let text = value.string, let pattern = pattern.string else { return true }
        return text.range(of: pattern, options: .regularExpression) != nil
    }

    private static func type(of value: JSONValue) -> String {
        switch value {
        case .object: "object"
        case .array: "array"
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .bool: "boolean"
        case .null: "null"
        }
    }
}

extension SchemaJudge {
    /// What is wrong with an answer to a call, by what the description says of it.
    func faults(method: String, path: String, status: Int, type: String?, body: String) -> [String] {
        guard let operation = self.operation(method, path) else {
            return self.isNotFound(status, body) ? [] : ["an answer to an unknown call"]
        }
        guard let answer = operation["responses"]?.object?["\(status)"]?.object else { return ["\(status) is not described"] }
        guard let contents = answer["content"]?.object else { return body.isEmpty ? [] : ["has a body"] }
        let media = (type ?? "").prefix { $0 != ";" }
        guard let schema = contents[String(media)]?.object?["schema"]?.object else { return ["\(type ?? "no type") is not described"] }
        if let line = schema["x-line"]?.object { return body.split(separator: "\n").flatMap { self.faults(text: String($0), line) } }
        return media == "application/json" ? self.faults(text: body, schema) : []
    }

    /// What is said of a call; nil when there is none.
    func operation(_ method: String, _ path: String) -> JSONObject? {
        let parts = path.prefix { $0 != "?" }.split(separator: "/")
        for described in self.document["paths"]?.object?.fields ?? [] {
            let names = described.name.split(separator: "/")
            guard names.count == parts.count, zip(names, parts).allSatisfy({ $0.hasPrefix("{") || $0 == $1 }) else { continue }
            if let operation = described.value.object?[method.lowercased()]?.object { return operation }
        }
        return nil
    }

    private func faults(text: String, _ schema: JSONObject) -> [String] {
        let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
        guard let value = try? JSONReader(maxDepth: 32).readValue(ByteBuffer(string: line)) else {
            return ["is no JSON: \(line.prefix(80))"]
        }
        // The description itself may say more than its schema: OpenAPI has one of its own.
        return self.faults(value, schema, isComplete: value.object?["openapi"] == nil)
    }

    /// What nobody describes is not there, or not for the caller.
    private func isNotFound(_ status: Int, _ body: String) -> Bool {
        status == 404 && body.contains(#""notFound""#) || [400, 401, 403, 415].contains(status) && body.contains(#""error""#)
    }
}
