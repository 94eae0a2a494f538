import GaplessCore
import Hummingbird

/// The description of the HTTP API for programs: OpenAPI 3.1, made from the calls and from the schemas that they name.
struct OpenAPIDescription: Sendable {
    let routes: [AdminRoute]
    /// Whether calls have to carry the admin key.
    let hasKey: Bool

    /// The whole document.
    var document: JSONObject {
        [
            "openapi": .string("3.1.0"),
            "info": .object([
                "title": .string("Gapless"),
                "version": .string("1.0.0"),
                "summary": .string("Sends messages, looks at queues and steers nodes."),
                "description": .string(Self.about),
                "license": .object(["name": .string("Apache 2.0"), "identifier": .string("Apache-2.0")]),
            ]),
            "servers": .array([.object(["url": .string("/"), "description": .string("The admin listener.")])]),
            "security": .array([.object(self.hasKey ? ["key": .array([])] : [:])]),
            "paths": .object(JSONObject(self.paths.fields + OpenAPIPublicPaths.all.fields)),
            "components": .object([
                "schemas": .object(OpenAPISchemas.all),
                "securitySchemes": .object([
                    "key": .object([
                        "type": .string("http"), "scheme": .string("bearer"), "description": .string("The admin key of the node."),
                    ])
                ]),
            ]),
        ]
    }

    private static let about = """
        The API of a node's admin listener. A client's address is one segment of a path, percent-encoded: alice%2Fphone. A call whose Host is \
        not served, or that comes from another web page, is refused with 403; a call to what is not described here, by its path or its method, \
        with 404 and notFound. An integer is written without a fraction and an exponent. What is no HTTP gets 400 without a body, or the end of the connection.
        """

    /// Each path once, in the order of its first call, with all that can be done to it.
    private var paths: JSONObject {
        var names: [String] = []
        for route in self.routes where !names.contains(route.path) { names.append(route.path) }
        return JSONObject(
            names.map { name in
                let calls = self.routes.filter { $0.path == name }
                return .init(
                    name,
                    .object(JSONObject(calls.map { .init($0.method.rawValue.lowercased(), .object(self.operation($0))) }))
                )
            }
        )
    }

    private func operation(_ route: AdminRoute) -> JSONObject {
        let operation = route.operation
        var object: JSONObject = ["operationId": .string(operation.id), "summary": .string(operation.summary)]
        if let details = operation.details { object.append("description", .string(details)) }
        if !operation.parameters.isEmpty { object.append("parameters", .array(operation.parameters.map { .object(Self.parameter($0)) })) }
        if !operation.bodies.isEmpty {
            object.append(
                "requestBody",
                .object(["required": .bool(true), "content": .object(Self.content(operation.bodies))])
            )
        }
        object.append("responses", .object(self.answers(route)))
        return object
    }

    private static func parameter(_ parameter: AdminParameter) -> JSONObject {
        [
            "name": .string(parameter.name), "in": .string(parameter.place.rawValue), "description": .string(parameter.summary),
            "required": .bool(parameter.place == .path), "schema": .object(Self.reference(parameter.schema)),
        ]
    }

    // MARK: Answers

    /// What every call can fail with.
    private func commonErrors(_ route: AdminRoute) -> [AdminError.Code] {
        let key: [AdminError.Code] = self.hasKey ? [.unauthorized] : []
        let media: [AdminError.Code] = route.method == .post ? [.mediaType] : []
        return [.invalid, .forbidden, .internal] + key + media
    }

    private func answers(_ route: AdminRoute) -> JSONObject {
        let operation = route.operation
        var answers: JSONObject = [:]
        if operation.answers.isEmpty {
            answers.append("204", .object(["description": .string("It is done.")]))
        } else {
            answers.append("200", .object(["description": .string("It is so."), "content": .object(Self.content(operation.answers))]))
        }
        let codes = self.commonErrors(route) + operation.errors
        for status in Set(codes.map(\.status)).sorted() {
            let meant = AdminError.Code.allCases.filter { $0.status == status && codes.contains($0) }
            answers.append(
                "\(status)",
                .object([
                    "description": .string(meant.map { "\($0.rawValue): \($0.meaning)" }.joined(separator: "; ")),
                    "content": .object(["application/json": .object(["schema": .object(OpenAPISchemas.error(meant))])]),
                ])
            )
        }
        return answers
    }

    // MARK: Bodies

    private static func content(_ contents: [AdminContent]) -> JSONObject {
        JSONObject(
            contents.map { content in
                let schemas = content.schemas.map { JSONValue.object(Self.reference($0)) }
                let schema: JSONValue = schemas.count == 1 ? schemas[0] : .object(["oneOf": .array(schemas)])
                guard content.type == .lines else { return .init(content.type.rawValue, .object(["schema": schema])) }
                // OpenAPI 3.1 cannot say what a line is.
                let text: JSONObject = ["type": .string("string"), "description": .string("JSON texts, one a line."), "x-line": schema]
                return .init(content.type.rawValue, .object(["schema": .object(text)]))
            }
        )
    }

    private static func reference(_ schema: String) -> JSONObject {
        precondition(OpenAPISchemas.all[schema] != nil, "a call names schemas that there are")
        return ["$ref": .string("#/components/schemas/\(schema)")]
    }
}
