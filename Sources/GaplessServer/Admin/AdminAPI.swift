import Foundation
import GaplessCore
import Hummingbird
import NIOCore
import NIOHTTP1

/// The HTTP API of the admin listener. Its calls stand in `AdminAPI+Routes`; `GET /openapi.json` describes them to programs.
///
/// An error is `{"error":{"code":…,"message":…}}`, see `AdminError.Code`.
struct AdminAPI: Sendable {
    let backend: any AdminBackend
    let guardian: AdminGuard
    let messages: AdminMessages
    private let hasKey: Bool
    /// Nil when nobody traces.
    let tracer: ServerTracer?

    init(backend: any AdminBackend, configuration: AdminConfiguration, maxMessageBytes: Int, tracer: ServerTracer? = nil) {
        self.tracer = tracer
        self.backend = backend
        self.guardian = AdminGuard(configuration)
        self.messages = AdminMessages(backend: backend, maxBodyBytes: configuration.maxBodyBytes, maxMessageBytes: maxMessageBytes)
        self.hasKey = configuration.key != nil
    }

    /// All calls, behind the guard.
    func makeRouter() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        if let tracer = self.tracer { router.add(middleware: AdminTracing(tracer: tracer)) }
        router.add(middleware: AdminErrorMiddleware(guardian: self.guardian))
        for route in self.routes {
            router.on(RouterPath(route.routerPath), method: route.method, use: route.handler)
        }
        return router
    }

    /// What `GET /openapi.json` answers.
    var description: JSONObject { OpenAPIDescription(routes: self.routes, hasKey: self.hasKey).document }

    // MARK: Queues

    func list(_ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
        for (name, _) in query where !["user", "after", "limit"].contains(name) {
            throw AdminError.invalid("A list can be asked for by user, after and limit.")
        }
        let user = try query["user"].map { text in
            guard let user = UserID(Self.decoded(text)) else { throw AdminError.invalid("\"user\" is not the name of a user.") }
            return user
        }
        let after = try query["after"].map { text in
            guard let client = ClientID(Self.decoded(text)) else { throw AdminError.invalid("\"after\" is not the address of a client.") }
            return client
        }
        let limit = try query["limit"].map { text in
            guard let limit = Int(text), (1...1_000).contains(limit) else { throw AdminError.invalid("\"limit\" is 1 through 1000.") }
            return limit
        }
        let queues = try await self.backend.queues(of: user, after: after, limit: limit ?? 100)
        return Response.json { writer in
            writer.field("clients", .array(queues.map { .object(AdminJSON.value($0)) }))
            if queues.count == limit ?? 100 { writer.field("next", queues.last?.client.description) }
        }
    }

    func show(_ client: ClientID) async throws -> Response {
        guard let queue = try await self.backend.queue(of: client) else { throw AdminError.noSuchClient }
        return Response.json(AdminJSON.value(queue))
    }

    func remove(_ client: ClientID) async throws -> Response {
        guard try await self.backend.remove(client) else { throw AdminError.noSuchClient }
        return Response(status: .noContent)
    }

    // MARK: Clients

    func disconnect(_ client: ClientID, _ request: Request) async throws -> Response {
        let body = try await AdminMessages.collect(request, upTo: Self.maxWishBytes)
        let disconnect = try AdminDisconnect.parse(body)
        let wasAttached = try await self.backend.disconnect(client, code: disconnect.code, for: disconnect.time)
        return Response.json { writer in
            writer.field("client", client.description)
            writer.field("code", UInt64(disconnect.code.rawValue))
            writer.field("for", UInt64(disconnect.time.milliseconds))
            writer.field("attached", wasAttached)
        }
    }

    func letIn(_ client: ClientID) async throws -> Response {
        let wasAway = try await self.backend.letIn(client)
        return Response.json { writer in
            writer.field("client", client.description)
            writer.field("wasAway", wasAway)
        }
    }

    /// The most bytes of a body that is no message.
    private static let maxWishBytes = 4_096

    /// The client in the path. What does not name one is not there.
    static func client(_ context: BasicRequestContext) throws -> ClientID {
        guard let client = ClientID(Self.decoded(try context.parameters.require("id")[...])) else { throw AdminError.noSuchClient }
        return client
    }

    /// The text without its percent encoding, or what fits no name.
    private static func decoded(_ text: Substring) -> String {
        String(text).removingPercentEncoding ?? ""
    }

    // MARK: Nodes

    func listNodes() async throws -> Response {
        let nodes = try await self.backend.nodes()
        return Response.json { writer in writer.field("nodes", .array(nodes.map { .object(AdminJSON.value($0)) })) }
    }

    func order(_ order: NodeOrder, _ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let node = try Self.node(context)
        try Self.requireNothing(try await AdminMessages.collect(request, upTo: Self.maxWishBytes))
        let isThere = try await self.backend.order(order, node)
        guard isThere else { throw AdminError.noSuchNode }
        return Response.json { writer in
            writer.field("name", node.description)
            writer.field("order", order.rawValue)
        }
    }

    /// Reads a body that has nothing to say: an object without fields, or nothing at all.
    private static func requireNothing(_ bytes: ByteBuffer) throws(AdminError) {
        guard bytes.readableBytes > 0 else { return }
        do {
            guard try JSONReader().readObject(bytes).fields.isEmpty else { throw AdminError.invalid("An order has no fields.") }
        } catch let error as JSONReadingError {
            throw .invalid(error.description)
        } catch {
            throw AdminError(error)
        }
    }

    /// The node in the path. What does not name one is not there.
    private static func node(_ context: BasicRequestContext) throws -> NodeName {
        guard let node = NodeName(Self.decoded(try context.parameters.require("name")[...])) else { throw AdminError.noSuchNode }
        return node
    }
}

extension Response {
    /// One JSON object.
    static func json(status: HTTPResponse.Status = .ok, _ body: (inout JSONWriter) -> Void) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: AdminJSON.line(body))
        )
    }

    /// The same, of an object that is there already.
    static func json(_ object: JSONObject) -> Response {
        Self.json { writer in
            for field in object.fields { writer.field(field.name, field.value) }
        }
    }

    /// What Prometheus reads.
    static func metrics(_ text: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: PrometheusMetrics.contentType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}

/// Lets no call through that the guard refuses, and answers every error as JSON.
struct AdminErrorMiddleware: RouterMiddleware {
    let guardian: AdminGuard

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            try self.guardian.check(try AdminGuard.Call(request))
            return try await next(request, context)
        } catch let error as HTTPParserError {
            throw error
        } catch {
            return Self.response(AdminError(error))
        }
    }

    private static func response(_ error: AdminError) -> Response {
        var response = Response.json(status: HTTPResponse.Status(code: error.status)) { AdminJSON.write(error, into: &$0) }
        if error.code == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}

extension AdminGuard.Call {
    init(_ request: Request) throws(AdminError) {
        // The library takes the first Host out of the header. RFC 9112 §3.2: a second one makes the request invalid.
        guard try request.headers.single("Host") == nil else { throw .invalid("A request has exactly one Host.") }
        self.init(
            method: request.method.rawValue,
            host: request.head.authority,
            origin: request.headers[.origin],
            fetchSite: try request.headers.single("Sec-Fetch-Site"),
            authorization: request.headers[.authorization],
            contentType: request.headers[.contentType]
        )
    }
}

extension HTTPFields {
    /// The value of a field that has no name of its own in the library; nil when there is none.
    func single(_ name: String) throws(AdminError) -> String? {
        let fields = self.filter { $0.name.canonicalName == name.lowercased() }
        guard fields.count <= 1 else { throw .invalid("The header \(name) occurs twice.") }
        return fields.first?.value
    }
}
