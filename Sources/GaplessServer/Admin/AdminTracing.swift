import Hummingbird
import Tracing

/// Makes a span of each call, as part of the caller's trace. Whoever reads the metrics all day long is left out.
struct AdminTracing: RouterMiddleware {
    let tracer: ServerTracer

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        guard request.uri.path != "/metrics" else { return try await next(request, context) }
        var parent = ServiceContext.topLevel
        self.tracer.tracer.extract(request.headers, into: &parent, using: HeaderExtractor())
        return try await self.tracer.with(.api, in: parent) { span in
            span.set(.method, request.method.traced)
            let response = try await next(request, context)
            // The template of the route: a path names clients.
            if let route = context.endpointPath { span.set(.route, route) }
            span.set(.status, count: Int(response.status.code))
            if response.status.code >= 500 { span.failed("\(response.status.code)") }
            return response
        }
    }
}

private struct HeaderExtractor: Extractor {
    func extract(key: String, from carrier: HTTPFields) -> String? {
        carrier.first { $0.name.canonicalName == key.lowercased() }?.value
    }
}

extension HTTPRequest.Method {
    /// The method, unless a caller made it up.
    fileprivate var traced: String {
        switch self {
        case .get, .head, .post, .put, .delete, .connect, .options, .trace, .patch: self.rawValue
        default: "_OTHER"
        }
    }
}
