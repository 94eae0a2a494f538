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
                "content": {"text/plain": {"schema": {"type": "string"}}}}}}
        }
        """#
}
