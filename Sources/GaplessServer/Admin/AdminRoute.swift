import Hummingbird

/// One call of the HTTP API: the router and the description of the API are both made from the list of these, so that neither can say
/// what the other does not know.
struct AdminRoute: Sendable {
    typealias Handler = @Sendable (Request, BasicRequestContext) async throws -> Response

    let method: HTTPRequest.Method
    /// The path, with `{name}` for what the caller puts in.
    let path: String
    let operation: AdminOperation
    let handler: Handler

    init(_ method: HTTPRequest.Method, _ path: String, _ operation: AdminOperation, _ handler: @escaping Handler) {
        self.method = method
        self.path = path
        self.operation = operation
        self.handler = handler
    }

    /// The path as the router writes it.
    var routerPath: String { self.path.replacing("{", with: ":").replacing("}", with: "") }
}

/// What the description says of a call.
struct AdminOperation: Sendable {
    /// A name by which programs that are generated from the description call it.
    let id: String
    /// What it does, in a few words.
    let summary: String
    /// What else there is to know.
    var details: String?
    var parameters: [AdminParameter] = []
    /// What it takes in the body; none when empty.
    var bodies: [AdminContent] = []
    /// What a success brings, by media type; none for 204.
    var answers: [AdminContent]
    /// What it fails with besides what every call can.
    var errors: [AdminError.Code] = []
}

/// Something that a caller puts into the path, the query or the header.
struct AdminParameter: Sendable {
    enum Place: String, Sendable {
        case path, query, header
    }

    let place: Place
    let name: String
    /// The name of its schema.
    let schema: String
    let summary: String
}

/// A body: its media type, and the schema of it or, where it holds a JSON text a line, of a line.
struct AdminContent: Sendable {
    enum MediaType: String, Sendable {
        case json = "application/json"
        case lines = "application/x-ndjson"
        case text = "text/plain"
    }

    let type: MediaType
    /// The names of the schemas that it or its lines can have.
    let schemas: [String]

    init(_ type: MediaType, _ schemas: String...) {
        self.type = type
        self.schemas = schemas
    }
}
