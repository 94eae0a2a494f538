import GaplessCore
import GaplessStore
import GaplessTesting
import InMemoryTracing
import Metrics
import Synchronization
import Testing
import Tracing

@testable import GaplessServer

/// The spans of a server, and what they are part of.
@Suite(.serialized, .timeLimit(.minutes(10))) struct TracingTests {
    private typealias Span = FinishedInMemorySpan

    /// The spans of what a test does with a server, when that has ended.
    private static func spans(_ test: @Sendable () async throws -> Void) async throws -> [Span] {
        let tracer = InMemoryTracer()
        try await withTracer(tracer) { try await test() }
        #expect(tracer.activeSpans.isEmpty, "each span ends")
        for span in tracer.finishedSpans {
            let kind = try #require(ServerSpan(rawValue: span.operationName))
            #expect(span.kind == kind.kind)
            let known = Set(kind.attributes.map(\.rawValue))
            #expect(Self.attributes(span).keys.allSatisfy { known.contains($0) }, "\(span.operationName)")
        }
        return tracer.finishedSpans
    }

    private static func attributes(_ span: Span) -> [String: String] {
        var texts: [String: String] = [:]
        span.attributes.forEach { name, value in
            switch value {
            case .string(let text): texts[name] = text
            case .int32(let number): texts[name] = "\(number)"
            case .int64(let number): texts[name] = "\(number)"
            default: texts[name] = "\(value)"
            }
        }
        return texts
    }

    private static func only(_ kind: ServerSpan, _ spans: [Span]) throws -> Span {
        let found = spans.filter { $0.operationName == kind.rawValue }
        #expect(found.count == 1)
        return try #require(found.first)
    }

    private static func call(_ server: TestServer, _ method: String, _ path: String, body: String? = nil) async throws -> Int {
        let headers = ["Content-Type": "application/json", "in-memory-trace-id": "trace-of-caller", "in-memory-span-id": "span-of-caller"]
        let port = try #require(server.addresses.admin?.port)
        return try await RawHTTP.call(method, path, port: port, headers: headers, body: body).status
    }

    // MARK: Trees

    @Test func aSendByTheAPIIsPartOfItsCallersTrace() async throws {
        let spans = try await Self.spans {
            try await TestServer.run { server in
                let body = #"{"to":["alice","bob"],"text":"confidential"}"#
                let statuses = [
                    try await Self.call(server, "POST", "/v1/messages", body: body),
                    try await Self.call(server, "GET", "/v1/clients/alice%2Fphone"), try await Self.call(server, "GET", "/metrics"),
                ]
                #expect(statuses == [200, 404, 200])
            }
        }
        let send = try Self.only(.send, spans)
        let calls = spans.filter { $0.operationName == "gapless.api" }
        #expect(calls.count == 2, "the metrics are read without")
        let post = try #require(calls.first { $0.spanID == send.parentSpanID })
        #expect(calls.allSatisfy { $0.traceID == "trace-of-caller" && $0.parentSpanID == "span-of-caller" } && send.traceID == post.traceID)
        #expect(Self.attributes(send) == ["gapless.messages": "1", "gapless.clients": "2"])
        #expect(
            Self.attributes(post) == [
                "http.request.method": "POST", "http.route": "/v1/messages", "http.response.status_code": "200",
            ]
        )
        let get = try #require(calls.first { $0.spanID != post.spanID })
        #expect(
            Self.attributes(get)["http.route"]?.contains("alice") == false && Self.attributes(get)["http.response.status_code"] == "404"
        )
        #expect(get.status == nil, "what a caller asks wrongly is no failure of the node")
    }

    @Test func aCallOfAWebhookIsPartOfTheMessageAndTellsTheServiceSo() async throws {
        let spans = Mutex<String?>(nil)
        let finished = try await Self.spans {
            let answers = Mutex([TestBackend.Answer.status(500), .body(#"{"messages":[{"text":"confidential"}]}"#)])
            try await TestBackend.run({ _ in answers.withLock { $0.removeFirst() } }) { backend in
                try await TestServer.run(configuration: backend.messageConfiguration) { server in
                    let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                    client.send("MSG 1 confidential")
                    _ = [try await client.expect(""), try await client.expect("")]
                    _ = try await backend.calls.next()
                    let call = try await backend.calls.next()
                    spans.withLock { $0 = call.span }
                }
            }
        }
        let messages = finished.filter { $0.operationName == "gapless.message" }
        let calls = finished.filter { $0.operationName == "gapless.webhook" }
        #expect(messages.count == 2 && calls.count == 2)
        #expect(messages.map(\.parentSpanID) == [nil, nil] && calls.map(\.parentSpanID) == messages.map(\.spanID))
        #expect(spans.withLock { $0 } == calls.last?.spanID)
        #expect(
            messages.map(Self.attributes) == [
                ["gapless.client": "alice/phone", "gapless.sequence": "1", "gapless.failures": "0", "error.type": "status"],
                ["gapless.client": "alice/phone", "gapless.sequence": "1", "gapless.failures": "1"],
            ]
        )
        #expect(
            calls.map(Self.attributes) == [
                ["gapless.webhook": "message", "gapless.outcome": "status", "error.type": "status"],
                ["gapless.webhook": "message", "gapless.outcome": "ok"],
            ]
        )
        #expect(calls[0].errors.map { ($0.error as? WebhookError)?.code } == [.status] && calls[0].status?.code == .error)
        #expect(calls[1].errors.isEmpty && calls[1].status == nil)
    }

    @Test func whatAHandlerSendsByTheServerIsPartOfTheMessage() async throws {
        let spans = try await Self.spans {
            let running = Mutex<GaplessServer?>(nil)
            try await TestServer.run(prepare: { server in
                running.withLock { $0 = server }
                server.onMessage { _, _ in _ = try await running.withLock { $0 }?.send("x", to: "bob") }
            }) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                try await client.expect("ACK 1")
            }
        }
        let (send, message) = (try Self.only(.send, spans), try Self.only(.message, spans))
        #expect(send.parentSpanID == message.spanID)
    }

    @Test func anAttachmentHoldsTheQuestionWhoItIs() async throws {
        let spans = try await Self.spans {
            try await TestBackend.run({ _ in .body(#"{"user":"alice"}"#) }) { backend in
                try await TestServer.run(authenticator: .webhook(backend.webhook)) { server in
                    _ = try await RawClient.attach(server.url, Greeting(token: "confidential"))
                }
            }
        }
        let attach = try Self.only(.attach, spans)
        let question = try Self.only(.webhook, spans)
        #expect(attach.parentSpanID == nil && question.parentSpanID == attach.spanID)
        let told = Self.attributes(attach)
        #expect(told["gapless.client"] == "alice/phone" && told["gapless.generation"] == "1" && told["gapless.outcome"] == "new")
        #expect(told["gapless.connection"]?.isEmpty == false && attach.status == nil)
        #expect(Self.attributes(question) == ["gapless.webhook": "authentication", "gapless.outcome": "ok"])
    }

    // MARK: Failures

    @Test func aClientThatIsRefusedOrLeavesIsAFailedAttachment() async throws {
        let metrics = PrometheusMetrics()
        let spans = try await Self.spans {
            try await withMetricsFactory(metrics) {
                try await TestBackend.run({ call in
                    if call.text.contains("bad") { return .status(401) }
                    try await untilCancelled()
                    return .ok
                }) { backend in
                    try await TestServer.run(authenticator: .webhook(backend.webhook)) { server in
                        let refused = try await RawClient.connect(server.url)
                        refused.send(Greeting(token: "bad").text)
                        try await refused.expectEnd(4302)
                        let gone = try await RawClient.connect(server.url)
                        gone.send(Greeting(token: "slow").text)
                        _ = try await backend.calls.next()
                        _ = try await backend.calls.next()
                        gone.close()
                        // Else the end of the server could be first.
                        let cancelled = #"gapless_server_webhooks_total{kind="authentication",outcome="cancelled"}"#
                        while metrics.value(cancelled) != 1 { await Task.yield() }
                    }
                }
            }
        }
        let attaches = spans.filter { $0.operationName == "gapless.attach" }
        #expect(attaches.map { Self.attributes($0)["gapless.outcome"] } == ["closed", "left"])
        #expect(attaches.map { Self.attributes($0)["error.type"] } == ["token-refused", "left"])
        #expect(attaches.allSatisfy { $0.status?.code == .error })
        let questions = spans.filter { $0.operationName == "gapless.webhook" }
        #expect(Set(questions.map { Self.attributes($0)["gapless.outcome"] }) == ["refused", "cancelled"])
    }

    @Test func aSendThatIsRefusedHasItsError() async throws {
        let spans = try await Self.spans {
            try await TestServer.run { server in
                await #expect(throws: SendError.self) {
                    try await server.server.send(OutgoingMessage("x", to: .existing([.test("nobody")])))
                }
                _ = await server.server.send([
                    OutgoingMessage("x", to: "bob"), OutgoingMessage("x", to: .existing([.test("nobody")])),
                ])
                _ = try await server.server.send(inOrder: [OutgoingMessage("x", to: "bob")])
            }
        }
        #expect(
            spans.filter { $0.operationName == "gapless.send" }.map(Self.attributes) == [
                ["gapless.messages": "1", "error.type": "noSuchClient"], ["gapless.messages": "2", "gapless.refused": "1"],
                ["gapless.messages": "1", "gapless.refused": "0"],
            ]
        )
        #expect(spans[0].errors.map { ($0.error as? SendError)?.code } == [.noSuchClient] && spans[0].status?.code == .error)
    }

    @Test func anErrorOfTheServiceIsToldByItsTypeAlone() async throws {
        struct Failure: Error { let text = "confidential" }
        let spans = try await Self.spans {
            try await TestServer.run(prepare: { server in
                server.onMessage { _, _ in throw Failure() }
                server.onFailure { _, _ in .skip }
            }) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                try await client.expect("ACK 1")
            }
        }
        let runs = spans.filter { $0.operationName == "gapless.message" }
        #expect(runs.count == 5 && runs.allSatisfy { Self.attributes($0)["error.type"] == "Failure" && $0.errors.isEmpty })
        #expect(runs.allSatisfy { $0.status?.code == .error })
    }

    // MARK: The end

    @Test func aDrainTellsHowManyThereWere() async throws {
        let spans = try await Self.spans {
            try await TestServer.run { server in _ = try await RawClient.attach(server.url) }
        }
        let drain = try Self.only(.drain, spans)
        #expect(Self.attributes(drain) == ["gapless.connections": "1", "gapless.connections.left": "0"] && drain.parentSpanID == nil)
    }

    // MARK: What is not told, and what is not done

    @Test func nothingThatIsSecretIsTold() async throws {
        let spans = try await Self.spans {
            try await TestBackend.run({ call in
                call.kind == "authentication" ? .body(#"{"user":"alice"}"#) : .body(#"{"messages":[{"text":"confidential"}]}"#)
            }) { backend in
                var configuration = backend.messageConfiguration
                configuration.eventWebhook = backend.webhook
                try await TestServer.run(authenticator: .webhook(backend.webhook), configuration: configuration) { server in
                    try await server.server.send("confidential", to: "alice/phone", id: "confidential")
                    let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1", token: "confidential"))
                    client.send("MSG 1 confidential")
                    for _ in 1...3 { _ = try await client.expect("") }
                    _ = try await Self.call(server, "POST", "/v1/messages?confidential=1", body: #"{"to":"bob","text":"confidential"}"#)
                }
            }
        }
        #expect(Set(spans.map(\.operationName)) == Set(ServerSpan.allCases.map(\.rawValue)))
        for span in spans {
            let told = Self.attributes(span).map { "\($0) \($1)" } + span.errors.map { "\($0.error)" } + span.events.map { "\($0)" }
            for word in ["confidential", TestBackend.secret, "tenant", "127.0.0.1"] {
                #expect(!told.contains { $0.contains(word) }, "\(span.operationName): \(told)")
            }
        }
    }

    @Test func withoutATracerThereIsNone() async throws {
        #expect(ServerTracer.current() == nil)
        try await TestServer.run { server in
            #expect(server.server.lifecycle.withLock { $0.running?.node.tracer == nil })
        }
    }
}
