import GaplessCore
import GaplessStore
import GaplessTesting
import Metrics
import Testing

@testable import GaplessServer

/// What a server counts, and `GET /metrics`.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ServerMetricsTests {
    private static func call(_ server: TestServer, _ headers: [String: String] = [:]) async throws -> RawHTTP.Answer {
        try await RawHTTP.call("GET", "/metrics", port: server.addresses.admin?.port ?? 0, headers: headers)
    }

    /// Waits until the metrics have these lines: what is counted behind a frame may come after it.
    private static func wait(for lines: [String], in metrics: PrometheusMetrics) async {
        await self.wait(for: lines) { metrics.text() }
    }

    private static func wait(for lines: [String], _ text: () async throws -> String) async rethrows {
        while true {
            let found = Set(try await text().split(separator: "\n").map(String.init))
            if found.isSuperset(of: lines) { return }
            await Task.yield()
        }
    }

    // MARK: The route

    @Test func theRouteShowsEachMetricWithItsHelp() async throws {
        try await TestServer.run { server in
            let answer = try await Self.call(server)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer.headers["cache-control"] == "no-store")
            let helps = answer.body.matches(of: #/# HELP (\S+) (.+)\n# TYPE (\S+) (counter|gauge|histogram)\n/#)
            #expect(helps.map { String($0.output.2) }.sorted() == ServerMetric.allCases.map(\.help).sorted())
            for help in helps {
                #expect(help.output.1 == help.output.3)
                #expect((help.output.4 == "counter") == help.output.1.hasSuffix("_total"))
            }
            #expect(answer.body.contains("\ngapless_metrics_dropped_total 0\n"), "a server keeps its own bounds")
        }
    }

    @Test func theRouteIsUnderTheRulesOfTheListener() async throws {
        var configuration = TestServer.configuration
        configuration.admin?.key = "0123456789abcdef"
        try await TestServer.run(configuration: configuration) { server in
            let cases: [([String: String], Int)] = [
                ([:], 401), (["Authorization": "Bearer 0123456789abcdee"], 401), (["Authorization": "Bearer 0123456789abcdef"], 200),
                (["Authorization": "Bearer 0123456789abcdef", "Origin": "https://evil.example.com"], 403),
            ]
            for (headers, status) in cases {
                let answer = try await Self.call(server, headers)
                #expect(answer.status == status, "\(headers)")
                #expect(answer.body.contains("gapless_server_connections ") == (status == 200))
            }
        }
        try await TestServer.run { server in
            #expect(try await Self.call(server, ["Host": "evil.example.com"]).status == 403)
            #expect(try await Self.call(server, ["Sec-Fetch-Site": "cross-site"]).status == 403)
            let post = try await RawHTTP.call(
                "POST",
                "/metrics",
                port: server.addresses.admin?.port ?? 0,
                headers: ["Content-Type": "application/json"]
            )
            #expect(post.status == 404 || post.status == 405)
        }
    }

    // MARK: What is counted

    @Test func aClientLeavesItsTraces() async throws {
        try await TestServer.run { server in
            for text in ["one", "two"] { try await server.server.send(text, to: "alice/phone") }
            let (client, _) = try await RawClient.attach(server.url)
            try await server.server.send("three", to: "alice/phone")
            for (number, text) in [(1, "one"), (2, "two"), (3, "three")] { try await client.expectMessage(number, text) }
            try await Self.wait(for: [
                "gapless_server_connections 1", "gapless_server_connections_attached 1",
                #"gapless_server_attachments_total{outcome="new"} 1"#, #"gapless_server_attachments_total{outcome="resumed"} 0"#,
                #"gapless_server_attachments_seconds_count{outcome="new"} 1"#, "gapless_server_messages_sent_total 3",
                "gapless_server_messages_delivered_total 3", "gapless_server_messages_replayed_total 2",
                "gapless_server_messages_unacknowledged 3", "gapless_server_messages_waiting 3",
                #"gapless_server_unready{reason="draining"} 0"#, "gapless_server_commits_under_way_seconds 0",
            ]) { try await Self.call(server).body }
            client.send("ACK 2")
            try await Self.wait(for: [
                "gapless_server_acknowledgements_total 1", "gapless_server_messages_unacknowledged 1", "gapless_server_messages_waiting 1",
            ]) { try await Self.call(server).body }
        }
    }

    @Test func eachCommitIsTimedOnce() async throws {
        let metrics = PrometheusMetrics()
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await withMetricsFactory(metrics) {
            try await TestServer.run(store: .only(fault)) { server in
                for number in 1...5 { try await server.server.send("\(number)", to: "alice/phone") }
                fault.fail(.from(1))
                await #expect(throws: SendError.self) { try await server.server.send("6", to: "alice/phone") }
                fault.heal()
            }
        }
        func value(_ name: String) throws -> Int {
            let line = try #require(metrics.text().split(separator: "\n").first { $0.hasPrefix("\(name) ") })
            return try #require(line.split(separator: " ").last.flatMap { Int($0) })
        }
        let (commits, failed) = (try value("gapless_server_commits_total"), try value("gapless_server_commits_failed_total"))
        #expect(commits >= 5 && failed >= 1)
        #expect(try value("gapless_server_commits_seconds_count") == commits + failed)
        #expect(try value("gapless_server_commits_operations_count") == commits + failed)
        #expect(try value("gapless_server_commits_operations_sum") >= commits + failed)
    }

    @Test func aGreetingThatIsRefusedCountsByItsCode() async throws {
        let metrics = PrometheusMetrics()
        let fault = FaultInjectingQueueStore(MemoryQueueStore())
        try await withMetricsFactory(metrics) {
            try await TestServer.run(store: .only(fault)) { server in
                let (attached, _) = try await RawClient.attach(server.url, Greeting(client: "bob"))
                attached.send("nonsense")
                try await attached.expectEnd(4400)
                fault.fail(.from(1))
                let client = try await RawClient.connect(server.url)
                client.send(Greeting().text)
                try await client.expectEnd(4102)
                fault.heal()
                await Self.wait(
                    for: [
                        #"gapless_server_attachments_refused_total{code="store-unavailable"} 1"#,
                        #"gapless_server_attachments_refused_total{code="malformed"} 0"#,
                        #"gapless_server_connections_closed_total{code="store-unavailable"} 1"#,
                        #"gapless_server_connections_closed_total{code="malformed"} 1"#,
                    ],
                    in: metrics
                )
            }
        }
    }

    @Test func gapsCountByTheirReason() async throws {
        var configuration = TestServer.configuration
        configuration.retention.maxMessages = 1
        let metrics = PrometheusMetrics()
        try await withMetricsFactory(metrics) {
            try await TestServer.run(configuration: configuration) { server in
                for text in ["one", "two"] { try await server.server.send(text, to: "alice/phone") }
                let (client, _) = try await RawClient.attach(server.url)
                try await client.expect("GAP 1 1 overflow")
                await Self.wait(
                    for: [
                        #"gapless_server_gaps_total{reason="overflow"} 1"#, #"gapless_server_gaps_total{reason="expired"} 0"#,
                        "gapless_server_messages_overflowed_total 1",
                    ],
                    in: metrics
                )
            }
        }
    }

    @Test func movesCountByTheirEnd() async throws {
        let store = try TemporaryStore()
        var configuration = TestServer.configuration
        configuration.drainTime = .seconds(300)
        configuration.hardStop = .seconds(600)
        let metrics = PrometheusMetrics()
        try await TestServer.run(store: store.configuration) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            try await withMetricsFactory(metrics) {
                try await TestServer.run(store: store.configuration, configuration: configuration) { first in
                    let (alice, welcome) = try await RawClient.attach(first.url)
                    let (bob, _) = try await RawClient.attach(first.url, Greeting(client: "bob"))
                    await first.shutDown()
                    try await alice.expect("DRAIN ")
                    try await bob.expect("DRAIN ")
                    let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
                    _ = try await RawClient.attach(second.url, again)
                    try await alice.expectEnd(4500)
                    bob.close()
                }
            }
        }
        await Self.wait(
            for: [
                "gapless_server_drains_total 1", #"gapless_server_moves_total{outcome="moved"} 1"#,
                #"gapless_server_moves_total{outcome="left"} 1"#, #"gapless_server_moves_total{outcome="closed"} 0"#,
                #"gapless_server_connections_closed_total{code="superseded"} 1"#,
            ],
            in: metrics
        )
    }

    // MARK: Backends

    @Test func theBackendOfTheProcessHearsEverythingToo() {
        let other = PrometheusMetrics()
        let metrics = ServerMetrics(system: MultiplexMetricsHandler(factories: [other]))
        metrics.sent.increment(by: 3)
        for backend in [other, metrics.prometheus] { #expect(backend.text().contains("\ngapless_server_messages_sent_total 3\n")) }
        #expect(metrics.prometheus !== other)
    }

    @Test func aBackendOfThisKindIsTheServersOwn() {
        let other = PrometheusMetrics()
        let metrics = ServerMetrics(system: other)
        metrics.sent.increment()
        #expect(metrics.prometheus === other)
        #expect(other.text().contains("\ngapless_server_messages_sent_total 1\n"))
    }

    // MARK: Logs

    @Test func whatConcernsAConnectionIsLoggedWithItsID() async throws {
        var configuration = TestServer.configuration
        configuration.retention.maxMessages = 1
        let log = CapturedLog()
        let detached = Mailbox<DetachedEvent>()
        try await TestServer.run(configuration: configuration, logger: log.logger, prepare: { $0.onDetached { detached.put($0) } }) {
            server in
            for text in ["one", "two"] { try await server.server.send(text, to: "alice/phone") }
            let (client, _) = try await RawClient.attach(server.url)
            try await client.expect("GAP 1 1 overflow")
            try await client.expectMessage(2, "two")
            client.send("nonsense")
            try await client.expectEnd(4400)
            _ = try await detached.next()
        }
        for message in ["Client attached", "Gap reported", "Connection closed"] {
            let lines = log.text.split(separator: "\n").filter { $0.contains(message) }
            #expect(lines.count == 1, "\(message)")
            #expect(lines.allSatisfy { $0.contains(#""client.id": alice/phone"#) && $0.contains(#""connection.id": 1"#) }, "\(lines)")
        }
        for message in ["Client attached", "Client detached"] {
            let lines = log.text.split(separator: "\n").filter { $0.contains(message) }
            #expect(lines.count == 1 && lines.allSatisfy { $0.contains(#""generation": 1"#) }, "\(lines)")
        }
    }
}
