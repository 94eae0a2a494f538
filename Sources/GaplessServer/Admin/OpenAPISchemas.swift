import GaplessCore
import NIOCore

/// What the bodies and parameters of the HTTP API look like, as JSON Schema.
enum OpenAPISchemas {
    /// All of them by their names.
    static let all: JSONObject = Self.parsed

    /// An error with one of these codes.
    static func error(_ codes: [AdminError.Code]) -> JSONObject {
        let code: JSONObject = ["type": .string("string"), "enum": .array(codes.map { .string($0.rawValue) })]
        let error: JSONObject = [
            "type": .string("object"),
            "required": .array([.string("code"), .string("message")]),
            "properties": .object([
                "code": .object(code),
                "message": .object(["type": .string("string"), "description": .string("One sentence for people.")]),
            ]),
        ]
        return [
            "type": .string("object"), "required": .array([.string("error")]), "properties": .object(["error": .object(error)]),
        ]
    }

    /// What a line of many can be refused with.
    private static let lineErrors: [AdminError.Code] = [
        .invalid, .noSuchClient, .conflict, .skipped, .tooLarge, .queueFull, .overloaded, .unavailable, .unknown, .full, .internal,
    ]

    private static var parsed: JSONObject {
        do {
            var schemas = try JSONReader(maxDepth: 16).readObject(ByteBuffer(string: Self.text))
            schemas.append("LineError", .object(Self.error(Self.lineErrors)))
            schemas.append("Disconnect", .object(Self.disconnect))
            return schemas
        } catch {
            preconditionFailure("the schemas are JSON: \(error)")
        }
    }

    /// How a client is sent away.
    private static var disconnect: JSONObject {
        let codes = SendAwayOperation.codes.map { JSONValue.integer(UInt64($0.rawValue)) }
        let code: JSONObject = [
            "type": .string("integer"), "enum": .array(codes), "default": .integer(4_452),
            "description": .string("The close code of the protocol, which says what the client does then; with 4450-4499 it stops."),
        ]
        let time: JSONObject = [
            "type": .string("integer"), "minimum": .integer(0), "maximum": .integer(UInt64(SendAwayOperation.maxTime.milliseconds)),
            "default": .integer(UInt64(SendAwayOperation.hour.milliseconds)),
            "description": .string("For how many milliseconds; with 0 it may come again at once."),
        ]
        return [
            "type": .string("object"), "additionalProperties": .bool(false),
            "properties": .object(["code": .object(code), "for": .object(time)]),
        ]
    }

    private static let text = #"""
        {
          "ClientID": {"type": "string", "maxLength": 129,
            "pattern": "^(?!\\.{1,2}(/|$))[A-Za-z0-9._~@+:=|-]{1,64}(/(?!\\.{1,2}$)[A-Za-z0-9._~@+:=|-]{1,64})?$",
            "description": "A user, or a device of a user: alice or alice/phone."},
          "UserID": {"type": "string", "maxLength": 64, "pattern": "^(?!\\.{1,2}$)[A-Za-z0-9._~@+:=|-]{1,64}$"},
          "NodeName": {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9._~-]{1,64}$"},
          "PageSize": {"type": "integer", "minimum": 1, "maximum": 1000},
          "IdempotencyKey": {"type": "string", "minLength": 1, "maxLength": 128, "description": "At most 128 bytes."},
          "Count": {"type": "integer", "minimum": 0, "maximum": 9007199254740991},
          "Milliseconds": {"type": "integer", "minimum": 0, "maximum": 9007199254740991,
            "description": "A time since the UNIX epoch, or a duration."},
          "Epoch": {"type": "string", "pattern": "^[0-9a-f]{16}\\.[0-9a-f]{16}$", "description": "One numbering of a queue."},
          "Nothing": {"type": "object", "additionalProperties": false, "maxProperties": 0,
            "description": "An object without fields; an empty body will do as well."},
          "Message": {"type": "object", "additionalProperties": false,
            "description": "Either to or user, and one of text, json and base64.",
            "properties": {
              "to": {"oneOf": [{"$ref": "#/components/schemas/ClientID"},
                {"type": "array", "minItems": 1, "maxItems": 100000, "items": {"$ref": "#/components/schemas/ClientID"}}]},
              "user": {"$ref": "#/components/schemas/UserID"},
              "text": {"type": "string"},
              "json": {"description": "Any JSON, sent as its text; at most 63 levels deep, no name twice in an object."},
              "base64": {"type": "string", "contentEncoding": "base64", "description": "Any bytes, padded and without line ends.",
                "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"},
              "ttl": {"type": "integer", "minimum": 1, "maximum": 31536000000,
                "description": "For how many milliseconds it is worth something."},
              "id": {"$ref": "#/components/schemas/IdempotencyKey"},
              "existingOnly": {"type": "boolean", "default": false, "description": "Fail rather than make a queue."}},
            "allOf": [
              {"oneOf": [{"required": ["to"]}, {"required": ["user"]}]},
              {"oneOf": [{"required": ["text"]}, {"required": ["json"]}, {"required": ["base64"]}]}]},
          "Receipt": {"type": "object", "required": ["time", "clients", "deliveries"],
            "properties": {
              "time": {"$ref": "#/components/schemas/Milliseconds"},
              "clients": {"$ref": "#/components/schemas/Count"},
              "deliveries": {"type": "array", "items": {"$ref": "#/components/schemas/Delivery"}},
              "repeat": {"const": true, "description": "It is the receipt of an earlier send under the same key."}}},
          "Delivery": {"type": "object", "required": ["client"],
            "properties": {
              "client": {"$ref": "#/components/schemas/ClientID"},
              "sequence": {"$ref": "#/components/schemas/Count"},
              "epoch": {"$ref": "#/components/schemas/Epoch"},
              "error": {"type": "string", "enum": ["queueFull", "tooLarge", "noSuchClient", "full"]}},
            "oneOf": [{"required": ["sequence", "epoch"]}, {"required": ["error"]}]},
          "Client": {"type": "object",
            "required": ["client", "epoch", "generation", "head", "acknowledged", "discarded", "depth", "bytes", "created"],
            "properties": {
              "client": {"$ref": "#/components/schemas/ClientID"},
              "epoch": {"$ref": "#/components/schemas/Epoch"},
              "generation": {"$ref": "#/components/schemas/Count"},
              "head": {"$ref": "#/components/schemas/Count"},
              "acknowledged": {"$ref": "#/components/schemas/Count"},
              "discarded": {"$ref": "#/components/schemas/Count"},
              "depth": {"$ref": "#/components/schemas/Count"},
              "bytes": {"$ref": "#/components/schemas/Count"},
              "oldest": {"$ref": "#/components/schemas/Milliseconds"},
              "attached": {"type": "object", "required": ["node", "instance"],
                "properties": {"node": {"$ref": "#/components/schemas/NodeName"}, "instance": {"type": "string"}}},
              "created": {"$ref": "#/components/schemas/Milliseconds"},
              "lastAttached": {"$ref": "#/components/schemas/Milliseconds"},
              "lastDetached": {"$ref": "#/components/schemas/Milliseconds"}}},
          "ClientPage": {"type": "object", "required": ["clients"],
            "properties": {
              "clients": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/Client"}},
              "next": {"$ref": "#/components/schemas/ClientID"}}},
          "Disconnected": {"type": "object", "required": ["client", "code", "for", "attached"],
            "properties": {
              "client": {"$ref": "#/components/schemas/ClientID"},
              "code": {"type": "integer", "minimum": 4000, "maximum": 4499},
              "for": {"$ref": "#/components/schemas/Milliseconds"},
              "attached": {"type": "boolean", "description": "Whether it was connected."}}},
          "LetIn": {"type": "object", "required": ["client", "wasAway"],
            "properties": {
              "client": {"$ref": "#/components/schemas/ClientID"},
              "wasAway": {"type": "boolean", "description": "Whether it had been sent away."}}},
          "Node": {"type": "object", "required": ["name", "state", "age"],
            "properties": {
              "name": {"$ref": "#/components/schemas/NodeName"},
              "state": {"type": "string", "enum": ["serving", "cordoned", "draining", "silent"]},
              "age": {"$ref": "#/components/schemas/Milliseconds"},
              "connections": {"$ref": "#/components/schemas/Count"},
              "attached": {"$ref": "#/components/schemas/Count"},
              "capacity": {"$ref": "#/components/schemas/Count"},
              "notReady": {"type": "array", "items": {"type": "string"}, "description": "Of the node that is asked: why /ready is 503."},
              "over": {"type": "array", "items": {"type": "string"}, "description": "What of its load is too much; left out when nothing is."}}},
          "NodeList": {"type": "object", "required": ["nodes"],
            "properties": {"nodes": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Node"}}}},
          "Order": {"type": "object", "required": ["name", "order"],
            "properties": {"name": {"$ref": "#/components/schemas/NodeName"}, "order": {"type": "string"}}},
          "Metrics": {"type": "string"},
          "Description": {"type": "object", "required": ["openapi", "info", "paths"]}
        }
        """#
}
