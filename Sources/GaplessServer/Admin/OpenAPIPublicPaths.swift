import GaplessCore
import NIOCore

/// What the public listener answers besides the WebSocket, for the description: balancers and tools find it where they find the API.
enum OpenAPIPublicPaths {
    /// All of them by their paths.
    static let all: JSONObject = Self.parsed

    private static var parsed: JSONObject {
        do {
            let paths = try JSONReader(maxDepth: 16).readObject(ByteBuffer(string: Self.text))
            return JSONObject(
                paths.fields.map { path in
                    .init(path.name, .object(["servers": .array([.object(Self.server)]), "get": path.value]))
                }
            )
        } catch {
            preconditionFailure("the paths are JSON: \(error)")
        }
    }

    /// Where they are: the node does not know by which address it is reached.
    private static let server: JSONObject = [
        "url": .string("{public}"), "description": .string("The public listener, which clients connect to."),
        "variables": .object(["public": .object(["default": .string("http://127.0.0.1:8400")])]),
    ]

    private static let text = #"""
        {
          "/live": {"operationId": "live", "summary": "Tells whether the process works.", "security": [{}],
            "responses": {
              "200": {"description": "It does.", "content": {"text/plain": {"schema": {"type": "string"}}}},
              "503": {"description": "It is stuck: only a new process helps.",
                "content": {"text/plain": {"schema": {"type": "string"}}}}}},
          "/ready": {"operationId": "ready", "summary": "Tells whether a balancer should send clients here.", "security": [{}],
            "responses": {
              "200": {"description": "It should.", "content": {"text/plain": {"schema": {"type": "string"}}}},
              "503": {"description": "It should not, for these reasons.",
                "content": {"text/plain": {"schema": {"type": "string"}}}}}},
          "/load": {"operationId": "load", "summary": "Tells how much the node has to do.", "security": [{}],
            "responses": {
              "200": {"description": "Times are milliseconds, memory and disk bytes; what is not known is left out.",
                "content": {"application/json": {"schema": {"type": "object",
                  "required": ["ready", "weight", "connections", "attached", "capacity", "reasons", "over"],
                  "properties": {
                    "ready": {"type": "boolean"},
                    "weight": {"type": "integer", "minimum": 0, "maximum": 100},
                    "connections": {"$ref": "#/components/schemas/Count"},
                    "attached": {"$ref": "#/components/schemas/Count"},
                    "capacity": {"$ref": "#/components/schemas/Count"},
                    "loopLag": {"$ref": "#/components/schemas/Milliseconds"},
                    "commit": {"$ref": "#/components/schemas/Milliseconds"},
                    "memory": {"$ref": "#/components/schemas/Count"},
                    "memoryLimit": {"$ref": "#/components/schemas/Count"},
                    "freeDisk": {"$ref": "#/components/schemas/Count"},
                    "reasons": {"type": "array", "items": {"type": "string"}, "description": "Those of /ready."},
                    "over": {"type": "array", "items": {"type": "string"}, "description": "What of its load is too much."}}}}}}}}
        }
        """#
}
