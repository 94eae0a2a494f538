import GaplessCore
import Hummingbird

extension AdminAPI {
    /// All calls.
    var routes: [AdminRoute] {
        self.sending + self.queues + self.clients + self.nodes + self.rest
    }

    private var sending: [AdminRoute] {
        let details = """
            With application/x-ndjson each line is a message and gets one line of the answer, its receipt or its error, in order and as soon as \
            it is committed. With the header Idempotency-Key as well the lines, 1 to 10000, are one sequence: the first refusal ends it, and \
            a repetition of the call stores nothing twice.
            """
        let operation = AdminOperation(
            id: "send",
            summary: "Sends one message, or one a line; answers after the commit.",
            details: details,
            parameters: [
                AdminParameter(place: .header, name: "Idempotency-Key", schema: "IdempotencyKey", summary: "Guards a repetition.")
            ],
            bodies: [AdminContent(.json, "Message"), AdminContent(.lines, "Message")],
            answers: [AdminContent(.json, "Receipt"), AdminContent(.lines, "Receipt", "LineError")],
            errors: [.noSuchClient, .conflict, .tooLarge, .queueFull, .overloaded, .unavailable, .unknown, .full]
        )
        return [AdminRoute(.post, "/v1/messages", operation) { request, _ in try await self.messages.post(request) }]
    }

    private var queues: [AdminRoute] {
        let list = AdminOperation(
            id: "listClients",
            summary: "Lists queues in order of their address.",
            parameters: [
                AdminParameter(place: .query, name: "user", schema: "UserID", summary: "Only those of this user."),
                AdminParameter(place: .query, name: "after", schema: "ClientID", summary: "Only those above: the next of an earlier page."),
                AdminParameter(place: .query, name: "limit", schema: "PageSize", summary: "The most that are listed; 100 by default."),
            ],
            answers: [AdminContent(.json, "ClientPage")],
            errors: [.unavailable]
        )
        let show = AdminOperation(
            id: "showClient",
            summary: "Shows one queue.",
            parameters: [Self.client],
            answers: [AdminContent(.json, "Client")],
            errors: [.noSuchClient, .unavailable]
        )
        let remove = AdminOperation(
            id: "removeClient",
            summary: "Removes a queue with everything in it, and closes its client with 4452.",
            parameters: [Self.client],
            answers: [],
            errors: [.noSuchClient, .overloaded, .unavailable, .unknown]
        )
        return [
            AdminRoute(.get, "/v1/clients", list) { request, _ in try await self.list(request) },
            AdminRoute(.get, "/v1/clients/{id}", show) { _, context in try await self.show(try Self.client(context)) },
            AdminRoute(.delete, "/v1/clients/{id}", remove) { _, context in try await self.remove(try Self.client(context)) },
        ]
    }

    private var clients: [AdminRoute] {
        let disconnect = AdminOperation(
            id: "disconnectClient",
            summary: "Sends a client away for a time: closes its connection and refuses its next ones with a code.",
            details:
                "The client need not be connected, nor have a queue. Its queue stays, and goes on taking messages. No body is one without fields.",
            parameters: [Self.client],
            bodies: [AdminContent(.json, "Disconnect")],
            answers: [AdminContent(.json, "Disconnected")],
            errors: [.noSuchClient, .tooLarge, .overloaded, .unavailable, .unknown, .full]
        )
        let letIn = AdminOperation(
            id: "letClientIn",
            summary: "Lets a client come again that was sent away.",
            parameters: [Self.client],
            answers: [AdminContent(.json, "LetIn")],
            errors: [.noSuchClient, .overloaded, .unavailable, .unknown]
        )
        let path = "/v1/clients/{id}/disconnect"
        return [
            AdminRoute(.post, path, disconnect) { request, context in try await self.disconnect(try Self.client(context), request) },
            AdminRoute(.delete, path, letIn) { _, context in try await self.letIn(try Self.client(context)) },
        ]
    }

    private var nodes: [AdminRoute] {
        let list = AdminOperation(
            id: "listNodes",
            summary: "Lists the nodes that are alive, the one that is asked first.",
            answers: [AdminContent(.json, "NodeList")],
            errors: [.unavailable]
        )
        let orders = NodeOrder.allCases.map { order in
            let operation = AdminOperation(
                id: order.operation,
                summary: order.summary,
                details:
                    "Any node can be asked. The one that it is about obeys with its next heartbeat, within 2 s; the one that is asked at once.",
                parameters: [AdminParameter(place: .path, name: "name", schema: "NodeName", summary: "The node.")],
                bodies: [AdminContent(.json, "Nothing")],
                answers: [AdminContent(.json, "Order")],
                errors: [.noSuchNode, .tooLarge, .overloaded, .unavailable, .unknown]
            )
            return AdminRoute(.post, "/v1/nodes/{name}/\(order.rawValue)", operation) { request, context in
                try await self.order(order, request, context)
            }
        }
        return [AdminRoute(.get, "/v1/nodes", list) { _, _ in try await self.listNodes() }] + orders
    }

    private var rest: [AdminRoute] {
        let metrics = AdminOperation(
            id: "metrics",
            summary: "Shows the metrics of the node that is asked, as Prometheus reads them.",
            answers: [AdminContent(.text, "Metrics")],
            errors: [.unavailable]
        )
        let description = AdminOperation(
            id: "describe",
            summary: "Describes this API.",
            answers: [AdminContent(.json, "Description")]
        )
        return [
            AdminRoute(.get, "/metrics", metrics) { _, _ in Response.metrics(try await self.backend.metricsText()) },
            AdminRoute(.get, "/openapi.json", description) { _, _ in Response.json(self.description) },
        ]
    }

    /// The client in the path.
    private static let client = AdminParameter(
        place: .path,
        name: "id",
        schema: "ClientID",
        summary: "The client, in one segment: alice%2Fphone."
    )
}

extension NodeOrder {
    /// What it makes of a node, for the description.
    fileprivate var summary: String {
        switch self {
        case .cordon: "Makes a node take newcomers only when no other node does; its clients stay."
        case .uncordon: "Takes a cordon back."
        case .drain: "Makes a node move its clients away and end; a second time changes nothing."
        case .drainNow: "The same without the wait for its balancer, or without what is left of that."
        }
    }

    fileprivate var operation: String {
        switch self {
        case .cordon: "cordonNode"
        case .uncordon: "uncordonNode"
        case .drain: "drainNode"
        case .drainNow: "drainNodeNow"
        }
    }
}
