import AsyncHTTPClient
import GaplessCore
import GaplessStore
import GaplessTesting
import GaplessWebSocket
import Metrics
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import GaplessServer

/// What webhooks make of services that answer badly, and what people are told.
@Suite(.serialized, .timeLimit(.minutes(10))) struct WebhookFailureTests {
    private static func configuration(_ webhook: WebhookConfiguration) -> ServerConfiguration {
        var configuration = TestServer.configuration
        configuration.messageWebhook = webhook
        return configuration
    }

    // MARK: Replies that the store refuses

    @Test func aReplyThatTheStoreRefusesIsNoSuccess() async throws {
        let metrics = PrometheusMetrics()
        let log = CapturedLog()
        let answer = TestBackend.Answer.body(#"{"messages":[{"to":"bob","id":"order-17","text":"confidential"}]}"#)
        try await withMetricsFactory(metrics) {
            try await TestBackend.run({ _ in answer }) { backend in
                try await TestServer.run(configuration: Self.configuration(backend.webhook), logger: log.logger) { server in
                    try await server.server.send("another", to: "bob", id: "order-17")
                    let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                    client.send("MSG 1 x")
                    for _ in 1...4 { _ = try await backend.calls.next() }
                }
            }
        }
        #expect(metrics.value("gapless_server_uplink_handled_total") == 0)
        #expect(metrics.value("gapless_server_uplink_failed_total") ?? 0 >= 3)
        let refused = metrics.value(#"gapless_server_webhooks_total{kind="message",outcome="refused-reply"}"#) ?? 0
        #expect(refused >= 3 && refused == metrics.value("gapless_server_uplink_failed_total"))
        let warnings = log.text.split(separator: "\n").filter {
            $0.hasPrefix("warning Webhook answers with a reply that the store refuses")
        }
        #expect(warnings.count == 1 && warnings.first?.contains("conflict") == true)
        #expect(!log.text.contains("confidential") && !log.text.contains("order-17") && !log.text.contains("bob"))
    }

    @Test(arguments: [true, false])
    func theServiceIsToldWhichRefusalItWas(_ isWebhook: Bool) async throws {
        let errors = Mailbox<any Error>()
        let answer = TestBackend.Answer.body(#"{"messages":[{"to":"bob","id":"order-17","text":"x"}]}"#)
        try await TestBackend.run({ _ in answer }) { backend in
            var configuration = TestServer.configuration
            configuration.handlerAttempts = 2
            if isWebhook { configuration.messageWebhook = backend.webhook }
            try await TestServer.run(
                configuration: configuration,
                prepare: { server in
                    if !isWebhook {
                        server.onMessage { _, session in session.send(OutgoingMessage("x", to: "bob", id: "order-17")) }
                    }
                    server.onFailure { _, error in
                        errors.put(error)
                        return .skip
                    }
                }
            ) { server in
                try await server.server.send("another", to: "bob", id: "order-17")
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                try await client.expect("ACK 1")
                let error = try await errors.next()
                #expect((error as? WebhookError)?.code == (isWebhook ? .refusedReply : nil))
                #expect((error as? SendError)?.code == (isWebhook ? nil : .conflict))
            }
        }
    }

    // MARK: Answers that are cut off

    @Test func anAnswerThatEndsWithItsConnectionIsNotBelievedToBeEmpty() async throws {
        let whole = #"{"messages":[{"text":"reply"}]}"#
        try await RawBackend.run({ request in
            switch request.connection {
            // The service is killed between head and body, or in the middle of it.
            case 1: RawBackend.Reply(bytes: "HTTP/1.1 200 OK\r\n\r\n", closes: true)
            case 2: RawBackend.Reply(bytes: "HTTP/1.0 200 OK\r\n\r\n \r\n", closes: true)
            case 3: RawBackend.Reply(bytes: "HTTP/1.1 200 OK\r\n\r\n{\"messages\":[{\"te", closes: true)
            case 4: RawBackend.Reply(bytes: "HTTP/1.1 200 OK\r\nContent-Length: \(whole.utf8.count)\r\n\r\n", closes: true)
            case 5: RawBackend.Reply(bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", closes: true)
            // A whole object is whole however its end is told.
            default: RawBackend.Reply(bytes: "HTTP/1.1 200 OK\r\n\r\n\(whole)", closes: true)
            }
        }) { backend in
            try await TestServer.run(configuration: Self.configuration(backend.webhook())) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                let frames = [try await client.expect(""), try await client.expect("")].sorted()
                #expect(frames[0] == "ACK 1" && frames[1].hasSuffix(" reply"))
                for number in 1...6 { #expect(try await backend.requests.next().connection == number) }
            }
        }
    }

    @Test(arguments: ["204 No Content", "205 Reset Content", "200 OK\r\nContent-Length: 0", "200 OK\r\nTransfer-Encoding: chunked"])
    func anEmptyAnswerThatSaysSoIsBelieved(_ head: String) async throws {
        let end = head.hasSuffix("chunked") ? "0\r\n\r\n" : ""
        try await RawBackend.run({ _ in RawBackend.Reply(bytes: "HTTP/1.1 \(head)\r\n\r\n\(end)", closes: true) }) { backend in
            try await TestServer.run(configuration: Self.configuration(backend.webhook())) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                try await client.expect("ACK 1")
            }
        }
    }

    // MARK: Certificates

    private static func tls() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(TestCertificate.certificate.utf8)).map {
            NIOSSLCertificateSource.certificate($0)
        }
        let key = try NIOSSLPrivateKey(bytes: Array(TestCertificate.key.utf8), format: .pem)
        return try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
    }

    @Test func nobodyIsBelievedWhoseCertificateNobodyVouchesFor() async throws {
        try await RawBackend.run(tls: try Self.tls(), { _ in .body(#"{"user":"alice"}"#) }) { backend in
            let webhook = backend.webhook(scheme: "https")
            try await TestServer.run(authenticator: .webhook(webhook)) { server in
                let client = try await RawClient.connect(server.url)
                client.send(Greeting(token: "t").text)
                try await client.expectEnd(4103)
            }
            let errors = Mailbox<WebhookError.Code?>()
            var configuration = Self.configuration(webhook)
            configuration.handlerAttempts = 1
            try await TestServer.run(
                configuration: configuration,
                prepare: { server in
                    server.onFailure { _, error in
                        errors.put((error as? WebhookError)?.code)
                        return .close
                    }
                }
            ) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                try await client.expectEnd(4103)
                #expect(try await errors.next() == .unreachable)
            }
            #expect(backend.requests.isEmpty, "nothing was said to it")
        }
    }

    @Test func aServiceWithACertificateIsCalled() async throws {
        var trust = TLSConfiguration.makeClientConfiguration()
        trust.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(TestCertificate.certificate.utf8)))
        let metrics = WebhookMetrics(PrometheusMetrics())
        try await RawBackend.run(tls: try Self.tls(), { _ in .body("{}") }) { [trust] backend in
            let webhook = backend.webhook(scheme: "https")
            let group = MultiThreadedEventLoopGroup.singleton
            let http = Webhooks.makeClient(group, [webhook], maxConnections: 1, tls: trust)
            let shared = WebhookCaller.Shared(
                http: http,
                eventLoop: group.any(),
                loopClock: .system,
                wallClock: { Timestamp(milliseconds: 0) },
                metrics: metrics,
                logger: CapturedLog().logger
            )
            let status = try await WebhookCaller(webhook, .message, shared).post(ByteBuffer(string: "{}")) { $0.status }
            try await http.shutdown()
            #expect(status == 200)
        }
    }

    // MARK: Clients that wait for an answer

    @Test func aServiceThatHangsIsTimedOutWhileItsClientStillWaits() async throws {
        let log = CapturedLog()
        let time = ManualTime()
        try await TestBackend.run({ _ in
            try await untilCancelled()
            return .ok
        }) { backend in
            var webhook = backend.webhook
            webhook.timeout = .seconds(30)
            // The second one waits for its turn, and no longer than the first.
            webhook.maxCalls = 1
            try await TestServer.run(time: time, authenticator: .webhook(webhook), logger: log.logger) { server in
                let first = try await RawClient.connect(server.url)
                first.send(Greeting(token: "t").text)
                _ = try await backend.calls.next()
                let second = try await RawClient.connect(server.url)
                second.send(Greeting(client: "alice/tv", token: "t").text)
                second.send("PING 1")
                try await second.expect("PONG 1")
                // More than the longest call, and less than a session waits.
                for _ in 1...7 {
                    await time.advance(by: .seconds(2))
                    second.send("PING 2")
                    guard case .text(let text) = try await second.next(), text == "PONG 2" else { break }
                }
                try await first.expectEnd(4103)
            }
        }
        #expect(log.text.contains("warning Webhook fails") && log.text.contains("There was no answer within 12.0 seconds"))
    }

    @Test func theLongestQuestionEndsBeforeASessionGivesUp() {
        let session = ServerSessionConfiguration(
            node: NodeIdentity(name: .test, incarnation: 1),
            downlinkWindow: Window(messages: 1, bytes: 1),
            uplinkWindow: Window(messages: 1, bytes: 1)
        )
        #expect(WebhookCaller.maxAuthenticationTime + .seconds(5) <= session.answerDeadline)
        #expect(WebhookConfiguration(url: "", secrets: []).timeout < WebhookCaller.maxAuthenticationTime)
    }

    @Test func aClientThatGivesUpLateTellsOfTheService() async throws {
        let log = CapturedLog()
        let time = ManualTime()
        let metrics = PrometheusMetrics()
        try await withMetricsFactory(metrics) {
            try await TestBackend.run({ _ in
                try await untilCancelled()
                return .ok
            }) { backend in
                try await TestServer.run(time: time, authenticator: .webhook(backend.webhook), logger: log.logger) { server in
                    for seconds in [1, 6] {
                        let client = try await RawClient.connect(server.url)
                        client.send(Greeting(token: "t").text)
                        _ = try await backend.calls.next()
                        #expect(!log.text.contains("Webhook fails"))
                        await time.advance(by: .seconds(seconds))
                        client.close()
                        let outcome = seconds == 1 ? "cancelled" : "timeout"
                        while metrics.value(#"gapless_server_webhooks_total{kind="authentication",outcome="\#(outcome)"}"#) != 1 {
                            await Task.yield()
                        }
                    }
                }
            }
        }
        #expect(log.text.contains("Webhook fails"))
    }

    @Test func aConnectionThatTheServiceClosedMeanwhileRefusesNobody() async throws {
        try await RawBackend.run({ request in request.number == 1 ? .body(#"{"user":"alice"}"#) : .nothing }) { backend in
            try await TestServer.run(authenticator: .webhook(backend.webhook())) { server in
                for device in ["a", "b", "c"] {
                    _ = try await RawClient.attach(server.url, Greeting(client: "alice/\(device)", token: "t"))
                }
            }
        }
    }

    // MARK: Secrets

    @Test func aConfigurationShowsNeitherItsSecretsNorItsURL() throws {
        var configuration = TestServer.configuration
        let webhook = WebhookConfiguration(url: "https://example.com/hook?tenant=1", secrets: [TestBackend.secret])
        configuration.messageWebhook = webhook
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(webhook)", String(reflecting: webhook), "\(configuration)", dumped, "\(Authentication.webhook(webhook))"] {
            #expect(!text.contains(TestBackend.secret) && !text.contains("tenant"), "\(text)")
        }
        #expect("\(webhook)" == "webhook(secrets: 1, timeout: 10.0 seconds, maxCalls: 256)")
    }

    // MARK: Descriptors

    @Test func callsHaveNoMoreSocketsThanAreSetAsideForThem() {
        let webhooks = (1...3).map { _ in WebhookConfiguration(url: "", secrets: []) }
        for (limit, wanted) in [(1_024, 128), (4_096, 512), (20_000, 768), (64, 8)] {
            let allowed = FileDescriptorLimit.calls(under: limit, wanted: 768)
            #expect(allowed == wanted)
            let calls = webhooks.reduce(0) { $0 + Webhooks.calls(of: $1, among: webhooks, within: allowed) }
            #expect(calls <= allowed && calls > allowed - webhooks.count)
        }
        #expect(FileDescriptorLimit.calls(under: 1_024, wanted: 0) == 0)
        #expect(Webhooks.calls(of: webhooks[0], among: webhooks, within: 1) == 1, "one is needed to do anything")
    }
}

extension PrometheusMetrics {
    /// The value of a series; nil when there is none.
    func value(_ series: String) -> Int? {
        self.text().split(separator: "\n").first { $0.hasPrefix("\(series) ") }?.split(separator: " ").last.flatMap { Int($0) }
    }
}
