import GaplessCore
import GaplessStore
import GaplessTesting
import Metrics
import NIOCore
import Synchronization
import Testing

@testable import GaplessServer

/// Messages of clients at a service in another language, and its replies.
@Suite(.serialized, .timeLimit(.minutes(10))) struct WebhookMessageTests {
    /// Sends messages and waits until the last one is acknowledged.
    private static func send(_ numbers: ClosedRange<Int>, by client: RawClient) async throws {
        for number in numbers { client.send("MSG \(number) text \(number)") }
        while try await client.expect("ACK ") != "ACK \(numbers.upperBound)" {}
    }

    // MARK: What is sent

    @Test func aCallSaysWhoSentWhat() async throws {
        try await TestBackend.run({ _ in .ok }) { backend in
            try await TestServer.run(configuration: backend.messageConfiguration) { server in
                let (phone, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                phone.send(#"MSG 1 say "hello" \#u{e9}"#)
                try await phone.expect("ACK 1")
                let text = try await backend.calls.next()
                #expect(text.kind == "message" && text.isSigned && text.key == "alice/phone/o1/1")
                let said = #"say \"hello\" \#u{e9}"#
                #expect(
                    text.text == #"{"client":"alice/phone","user":"alice","device":"phone","outbox":"o1","sequence":1,"text":"\#(said)"}"#
                )
                let (bob, _) = try await RawClient.attach(server.url, Greeting(client: "bob", outbox: "o2"))
                bob.send(Array("MSG 1 ".utf8) + [0, 255, 10])
                try await bob.expect("ACK 1")
                let bytes = try await backend.calls.next()
                #expect(bytes.text == #"{"client":"bob","user":"bob","outbox":"o2","sequence":1,"base64":"AP8K"}"#)
                #expect(bytes.key == "bob/o2/1" && bytes.isSigned)
            }
        }
    }

    @Test func withTwoSecretsAReceiverWithEitherBelieves() async throws {
        let former = "the secret that was used before this one"
        try await TestBackend.run({ _ in .ok }) { backend in
            var configuration = backend.messageConfiguration
            configuration.messageWebhook?.secrets = [TestBackend.secret, former]
            try await TestServer.run(configuration: configuration) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                try await Self.send(1...1, by: client)
                let call = try await backend.calls.next()
                #expect(call.isSigned(at: nil) && call.isSigned(at: nil, with: former) && !call.isSigned(at: nil, with: former + "x"))
            }
        }
    }

    @Test func messagesOfOneClientComeOneAtATimeAndInOrder() async throws {
        let running = Mutex((now: 0, most: 0))
        try await TestBackend.run({ _ in
            running.withLock { running in
                running.now += 1
                running.most = max(running.most, running.now)
            }
            for _ in 1...20 { await Task.yield() }
            running.withLock { $0.now -= 1 }
            return .ok
        }) { backend in
            try await TestServer.run(configuration: backend.messageConfiguration) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                try await Self.send(1...40, by: client)
                for number in UInt64(1)...40 { #expect(try await backend.calls.next().sequence == number) }
            }
        }
        #expect(running.withLock { $0.most } == 1)
    }

    @Test func clientsDoNotWaitForEachOther() async throws {
        let bob = Mailbox<Void>()
        try await TestBackend.run({ call in
            if call.text.contains("bob") { bob.put(()) } else { try await bob.next() }
            return .ok
        }) { backend in
            try await TestServer.run(configuration: backend.messageConfiguration) { server in
                let (first, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                first.send("MSG 1 x")
                #expect(try await backend.calls.next().text.contains("alice"))
                let (second, _) = try await RawClient.attach(server.url, Greeting(client: "bob", outbox: "o1"))
                try await Self.send(1...1, by: second)
                try await first.expect("ACK 1")
            }
        }
    }

    // MARK: Failures

    @Test func aFailureThatPassesGivesOneMarkUnderOneKey() async throws {
        let answering = TestBackend.failing(2, 500, then: .body(#"{"messages":[{"text":"done"}]}"#))
        try await TestBackend.run(answering) { backend in
            try await TestServer.run(configuration: backend.messageConfiguration) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                let frames = [try await client.expect(""), try await client.expect("")].sorted()
                #expect(frames[0] == "ACK 1" && frames[1].hasSuffix(" done"))
                let calls = [try await backend.calls.next(), try await backend.calls.next(), try await backend.calls.next()]
                #expect(Set(calls.map(\.key)) == ["alice/phone/o1/1"] && Set(calls.map(\.text)).count == 1)
                #expect(backend.calls.isEmpty)
                let queue = try await server.server.queue(of: .test("alice/phone"))
                #expect(queue?.head == SequenceNumber(1))
            }
        }
    }

    @Test func aServiceThatIsDownForLongCutsNobody() async throws {
        let isUp = Mutex(false)
        let time = ManualTime()
        try await TestBackend.run({ _ in isUp.withLock { $0 } ? .ok : .status(503) }) { backend in
            try await TestServer.run(time: time, configuration: backend.messageConfiguration) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                client.send("MSG 2 y")
                let start = time.now
                var calls = 0
                while calls < 24 {
                    await time.advance(by: .seconds(1))
                    while !backend.calls.isEmpty {
                        #expect(try await backend.calls.next().sequence == 1)
                        calls += 1
                    }
                    // It is there, and is served.
                    client.send("PING 1")
                    try await client.expect("PONG 1")
                }
                // Five attempts took a second, and the waits grew to half a minute.
                #expect(time.now - start > .seconds(300))
                isUp.withLock { $0 = true }
                repeat {
                    await time.advance(by: .seconds(1))
                    client.send("PING 2")
                } while try await client.expect("") != "ACK 2"
            }
        }
    }

    @Test func aServiceThatHangsIsGivenItsTime() async throws {
        let calls = Mutex(0)
        let time = ManualTime()
        try await TestBackend.run({ _ in
            let isFirst = calls.withLock { calls in
                calls += 1
                return calls == 1
            }
            if isFirst { try await untilCancelled() }
            return .ok
        }) { backend in
            try await TestServer.run(time: time, configuration: backend.messageConfiguration) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                _ = try await backend.calls.next()
                await time.advance(by: .milliseconds(9_900))
                client.send("PING 1")
                try await client.expect("PONG 1")
                #expect(backend.calls.isEmpty)
                repeat {
                    await time.advance(by: .milliseconds(100))
                    client.send("PING 2")
                } while try await client.expect("") != "ACK 1"
            }
        }
    }

    /// Why a call failed, as the service that embeds the server is told.
    private static func failure(of webhook: WebhookConfiguration) async throws -> WebhookError.Code? {
        let codes = Mailbox<WebhookError.Code?>()
        var configuration = TestServer.configuration
        configuration.messageWebhook = webhook
        configuration.handlerAttempts = 1
        return try await TestServer.run(
            configuration: configuration,
            prepare: { server in
                server.onFailure { _, error in
                    codes.put((error as? WebhookError)?.code)
                    return .skip
                }
            }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            try await Self.send(1...1, by: client)
            // Nothing of an answer that is not whole is stored.
            #expect(try await server.server.queue(of: .test("carol")) == nil)
            return try await codes.next()
        }
    }

    /// The same of a service that gives an answer, and how often it was called.
    private static func failure(_ answer: TestBackend.Answer) async throws -> (code: WebhookError.Code?, calls: Int) {
        let count = Mutex(0)
        return try await TestBackend.run({ _ in
            count.withLock { $0 += 1 }
            return answer
        }) { backend in
            (try await Self.failure(of: backend.webhook), count.withLock { $0 })
        }
    }

    /// Some are too long to be shown.
    private static let wrongAnswers = [
        "OK", "[]", "null", #"{"messages":[{"to":"carol","text":"x"}]"#, #"{"messages":{}}"#, #"{"messages":["x"]}"#, #"{"ok":true}"#,
        #"{"messages":[],"more":1}"#, #"{"messages":[{"to":"carol","text":"x"},{"to":"no/such/client","text":"x"}]}"#,
        #"{"messages":[{"to":"carol","text":"x"},{"to":[],"text":"x"}]}"#, #"{"messages":[{"to":"carol","text":"x"},{"text":1}]}"#,
        #"{"messages":[{"to":"carol","text":"x"},{"text":"x","base64":"eA=="}]}"#, #"{"messages":[{"to":"carol","text":"x","txt":"y"}]}"#,
        #"{"messages":[{"to":"carol","text":"x"},{"text":"x","ttl":0}]}"#,
        #"{"messages":[{"to":"carol","text":"x"},{"text":"x","id":""}]}"#,
        #"{"messages":[{"to":"carol","text":"x"},{"text":"\#(String(repeating: "x", count: 65_537))"}]}"#,
        "{\"messages\":[\(Array(repeating: #"{"to":"carol","text":"x"}"#, count: 257).joined(separator: ","))]}",
        String(repeating: " ", count: 1_048_577),
    ]

    @Test(arguments: Self.wrongAnswers.indices)
    func anAnswerThatCannotBeUnderstoodIsAFailure(_ index: Int) async throws {
        let (code, calls) = try await Self.failure(.body(Self.wrongAnswers[index]))
        #expect(code == .invalid && calls == 1, "\(Self.wrongAnswers[index].prefix(100))")
    }

    @Test(arguments: [301, 302, 307, 308, 400, 401, 404, 429, 500, 503])
    func anotherStatusThanTwoHundredIsAFailure(_ status: Int) async throws {
        // Where it would be led is not gone to, with whatever status.
        let (code, calls) = try await Self.failure(TestBackend.Answer(status: status, location: "elsewhere"))
        #expect(code == .status && calls == 1)
    }

    @Test func aServiceThatIsNotThereIsUnreachable() async throws {
        let gone = try await TestBackend.run({ _ in .ok }) { $0.webhook }
        #expect(try await Self.failure(of: gone) == .unreachable)
    }

    // MARK: Replies

    @Test func repliesGoToWhomTheyNameAndElseToTheClient() async throws {
        let answer = """

            {"messages": [{"text": "for you"}, {"to": ["bob", "carol/tv"], "json": {"n": 1}}, {"user": "alice", "base64": "AQID", "ttl": 60000}]}

            """
        try await TestBackend.run({ _ in TestBackend.Answer(status: 201, body: answer) }) { backend in
            try await TestServer.run(configuration: backend.messageConfiguration) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                var texts: [String] = []
                var bytes: [[UInt8]] = []
                for _ in 1...3 {
                    switch try await client.next() {
                    case .text(let text): texts.append(text)
                    case .binary(let frame): bytes.append(frame.suffix(3))
                    case .closed: Issue.record("the client stays")
                    }
                }
                texts.sort()
                #expect(texts.count == 2 && texts[0] == "ACK 1" && texts[1].hasSuffix(" for you") && bytes == [[1, 2, 3]])
                #expect(try await server.server.queue(of: .test("bob"))?.depth == 1)
                #expect(try await server.server.queue(of: .test("carol/tv"))?.depth == 1)
            }
        }
    }

    @Test(arguments: [204, 200])
    func anEmptyAnswerIsNoReply(_ status: Int) async throws {
        try await TestBackend.run({ _ in TestBackend.Answer(status: status, body: status == 204 ? "" : " \r\n") }) { backend in
            try await TestServer.run(configuration: backend.messageConfiguration) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                try await Self.send(1...1, by: client)
                #expect(try await server.server.queue(of: .test("alice/phone"))?.head == .zero)
            }
        }
    }

    @Test(arguments: [FaultInjectingQueueStore.Effect.lost, .committed])
    func repliesExistIfAndOnlyIfTheMarkDoes(_ effect: FaultInjectingQueueStore.Effect) async throws {
        let store = MemoryQueueStore()
        let fault = FaultInjectingQueueStore(store)
        let runs = Mutex(0)
        try await TestBackend.run({ _ in
            let isFirst = runs.withLock { runs in
                runs += 1
                return runs == 1
            }
            // The node fails between the answer and the knowledge of what became of the commit.
            if isFirst { fault.fail(.from(1), effect: effect) }
            return .body(#"{"messages":[{"to":"bob","text":"reply"}]}"#)
        }) { backend in
            let bob = ClientID.test("bob")
            let log = CapturedLog()
            try await TestServer.run(store: .lasting(fault), configuration: backend.messageConfiguration, logger: log.logger) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                while !log.text.contains("Commit failed") { await Task.yield() }
                if effect == .committed {
                    while try store.snapshot(of: bob, now: Timestamp(milliseconds: 0)) == nil { await Task.yield() }
                }
            }
            // A node that knows nothing of it goes on.
            fault.heal()
            try await TestServer.run(store: .lasting(store), configuration: backend.messageConfiguration) { server in
                let depth = try await server.server.queue(of: bob)?.depth ?? 0
                let (client, welcome) = try await RawClient.attach(server.url, Greeting(instance: "i2", outbox: "o1", force: true))
                #expect(welcome.mark == (effect == .committed ? 1 : 0) && depth == welcome.mark)
                client.send("MSG 1 x")
                try await client.expect("ACK 1")
                #expect(try await server.server.queue(of: bob)?.depth == 1)
            }
        }
        #expect(runs.withLock { $0 } == (effect == .committed ? 1 : 2))
    }

    // MARK: The end, logs and metrics

    @Test func whatIsUnderWayAtTheEndComesAgain() async throws {
        let store = MemoryQueueStore()
        let runs = Mutex(0)
        try await TestBackend.run({ _ in
            let isFirst = runs.withLock { runs in
                runs += 1
                return runs == 1
            }
            if isFirst { try await untilCancelled() }
            return .body(#"{"messages":[{"to":"bob","text":"reply"}]}"#)
        }) { backend in
            var configuration = backend.messageConfiguration
            configuration.drainTime = .zero
            try await TestServer.run(store: .lasting(store), configuration: configuration) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                _ = try await backend.calls.next()
                await server.shutDown()
                try await client.expectEnd(4000)
            }
            try await TestServer.run(store: .lasting(store), configuration: configuration) { server in
                let (client, welcome) = try await RawClient.attach(server.url, Greeting(instance: "i2", outbox: "o1", force: true))
                #expect(welcome.mark == 0)
                client.send("MSG 1 x")
                try await client.expect("ACK 1")
                #expect(try await server.server.queue(of: .test("bob"))?.depth == 1)
            }
        }
    }

    @Test func nothingThatIsSecretIsLogged() async throws {
        let log = CapturedLog()
        let answers = Mutex([
            TestBackend.Answer(status: 500, body: "confidential error"), .body(#"{"messages":[{"text":"confidential reply"}]}"#),
        ])
        try await TestBackend.run({ _ in answers.withLock { $0.removeFirst() } }) { backend in
            try await TestServer.run(configuration: backend.messageConfiguration, logger: log.logger) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 confidential message")
                _ = [try await client.expect(""), try await client.expect("")]
            }
        }
        for word in ["confidential", TestBackend.secret, "tenant", "v1="] { #expect(!log.text.contains(word), "\(word)") }
        // People are told that it failed, why, and that it works again.
        #expect(
            log.text.contains("warning Webhook fails") && log.text.contains("HTTP 500") && log.text.contains("notice Webhook answers again")
        )
    }

    @Test func callsAreCountedByHowTheyEnd() async throws {
        let metrics = PrometheusMetrics()
        let answers = Mutex([TestBackend.Answer.status(500), .body("no"), .ok])
        try await withMetricsFactory(metrics) {
            try await TestBackend.run({ _ in answers.withLock { $0.removeFirst() } }) { backend in
                try await TestServer.run(configuration: backend.messageConfiguration) { server in
                    let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                    try await Self.send(1...1, by: client)
                }
            }
        }
        let lines = Set(metrics.text().split(separator: "\n").map(String.init))
        for (outcome, count) in [
            ("ok", 1), ("status", 1), ("invalid", 1), ("timeout", 0), ("unreachable", 0), ("cancelled", 0), ("refused", 0),
            ("refused-reply", 0),
        ] {
            #expect(lines.contains(#"gapless_server_webhooks_total{kind="message",outcome="\#(outcome)"} \#(count)"#), "\(outcome)")
        }
        #expect(lines.contains(#"gapless_server_webhooks_seconds_count{kind="message"} 3"#))
    }
}
