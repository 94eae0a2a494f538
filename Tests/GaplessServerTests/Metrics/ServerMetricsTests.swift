import GaplessCore
import GaplessStore
import GaplessTesting
import Metrics
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GaplessServer

/// What a server counts, and `GET /metrics`.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ServerMetricsTests {
    private static func call(_ server: TestServer, _ headers: [String: String] = [:]) async throws -> RawHTTP.Answer {
        try await RawHTTP.call("GET", "/metrics", port: server.addresses.admin?.port ?? 0, headers: headers)
    }

    /// The metrics have these lines now: what leads to a frame is counted before anybody can see the frame.
    private static func expect(_ lines: [String], in text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let found = Set(text.split(separator: "\n").map(String.init))
        let missing = lines.filter { !found.contains($0) }
        let names = missing.map { $0.prefix { $0 != " " && $0 != "{" } }
        let instead = found.filter { line in names.contains { line.hasPrefix($0) } }.sorted()
        #expect(missing.isEmpty, "instead: \(instead)", sourceLocation: sourceLocation)
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
        let delivered = Mailbox<DeliveredEvent>()
        try await TestServer.run(prepare: { $0.onDelivered { delivered.put($0) } }) { server in
            for text in ["one", "two"] { try await server.server.send(text, to: "alice/phone") }
            let (client, _) = try await RawClient.attach(server.url)
            try await server.server.send("three", to: "alice/phone")
            for (number, text) in [(1, "one"), (2, "two"), (3, "three")] { try await client.expectMessage(number, text) }
            let attached = [
                "gapless_server_connections 1", "gapless_server_connections_attached 1",
                #"gapless_server_attachments_total{outcome="new"} 1"#, #"gapless_server_attachments_total{outcome="resumed"} 0"#,
                #"gapless_server_attachments_seconds_count{outcome="new"} 1"#, "gapless_server_messages_sent_total 3",
                "gapless_server_messages_delivered_total 3", "gapless_server_messages_replayed_total 2",
                "gapless_server_messages_unacknowledged 3", "gapless_server_messages_waiting 3",
                #"gapless_server_unready{reason="draining"} 0"#,
            ]
            Self.expect(attached, in: try await Self.call(server).body)
            client.send("ACK 2")
            #expect(try await delivered.next().through == SequenceNumber(2))
            let acknowledged = [
                "gapless_server_acknowledgements_total 1", "gapless_server_messages_unacknowledged 1", "gapless_server_messages_waiting 1",
            ]
            Self.expect(acknowledged, in: try await Self.call(server).body)
        }
    }

    @Test func repliesOfHandlersAreSentMessagesAndWhatIsHandledIsCountedWithItsMark() async throws {
        try await TestServer.run(prepare: { server in
            server.onMessage { message, session in
                session.send("one")
                session.send(OutgoingMessage("two", to: .clients([.test("alice/phone"), .test("bob")])))
            }
        }) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            for number in 1...2 { client.send("MSG \(number) x") }
            while try await client.expect("") != "ACK 2" {}
            let lines = [
                "gapless_server_messages_sent_total 6", "gapless_server_uplink_handled_total 2", "gapless_server_uplink_failed_total 0",
            ]
            Self.expect(lines, in: try await Self.call(server).body)
        }
    }

    @Test func aRunThatIsCancelledIsNoFailure() async throws {
        let metrics = PrometheusMetrics()
        let events = Mailbox<String>()
        try await withMetricsFactory(metrics) {
            try await TestServer.run(prepare: { server in
                server.onMessage { _, _ in
                    events.put("began")
                    defer { events.put("ended") }
                    try await untilCancelled()
                }
            }) { server in
                let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
                client.send("MSG 1 x")
                #expect(try await events.next() == "began")
                _ = try await RawClient.attach(server.url, Greeting(instance: "i2", outbox: "o2"))
                #expect(try await events.next() == "ended")
            }
        }
        #expect(metrics.value("gapless_server_uplink_failed_total") == 0 && metrics.value("gapless_server_uplink_handled_total") == 0)
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
                let lines = [
                    #"gapless_server_attachments_refused_total{code="store-unavailable"} 1"#,
                    #"gapless_server_attachments_refused_total{code="malformed"} 0"#,
                    #"gapless_server_connections_closed_total{code="store-unavailable"} 1"#,
                    #"gapless_server_connections_closed_total{code="malformed"} 1"#,
                ]
                Self.expect(lines, in: metrics.text())
            }
        }
    }

    @Test func aGreetingThatIsNoneCountsByItsCode() async throws {
        let metrics = PrometheusMetrics()
        try await withMetricsFactory(metrics) {
            try await TestServer.run { server in
                let endings: [(String, UInt16)] = [
                    ("HELLO {", 4400), ("PING 1", 4401), ("HELLO " + String(repeating: " ", count: 100_000), 4404),
                ]
                for (greeting, code) in endings {
                    let client = try await RawClient.connect(server.url)
                    client.send(greeting)
                    try await client.expectEnd(code)
                }
                let codes = ["malformed", "out-of-order", "too-large"]
                Self.expect(codes.map { "gapless_server_attachments_refused_total{code=\"\($0)\"} 1" }, in: metrics.text())
            }
        }
    }

    @Test func aClientThatGivesUpBeforeItsWelcomeIsCounted() async throws {
        let metrics = PrometheusMetrics()
        let (asked, cancelled) = (Mailbox<Void>(), Mailbox<Void>())
        let authentication = Authentication.custom { _ in
            asked.put(())
            // A connection is counted before what was asked for it is cancelled.
            defer { cancelled.put(()) }
            try await untilCancelled()
            throw AuthenticationError(.refused, "Never.")
        }
        try await withMetricsFactory(metrics) {
            try await TestServer.run(authenticator: authentication) { server in
                let client = try await RawClient.connect(server.url)
                client.send(Greeting(token: "t").text)
                try await asked.next()
                client.cut()
                try await cancelled.next()
                Self.expect([#"gapless_server_attachments_refused_total{code="left"} 1"#], in: metrics.text())
            }
        }
        #expect(!metrics.text().contains(#"_moves_total{outcome="left"} 1"#))
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
                let lines = [
                    #"gapless_server_gaps_total{reason="overflow"} 1"#, #"gapless_server_gaps_total{reason="expired"} 0"#,
                    "gapless_server_messages_overflowed_total 1",
                ]
                Self.expect(lines, in: metrics.text())
            }
        }
    }

    @Test func movesCountByTheirEnd() async throws {
        let store = try TemporaryStore()
        var configuration = TestServer.configuration
        configuration.moveTime = .seconds(300)
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
                    // One drain, however often it is asked for.
                    try await first.server.running().node.drain(DrainPlan(spread: .zero, within: .seconds(1), hardStop: .seconds(1)))
                    let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
                    _ = try await RawClient.attach(second.url, again)
                    try await alice.expectEnd(4500)
                    bob.close()
                }
            }
        }
        let lines = [
            "gapless_server_drains_total 1", #"gapless_server_moves_total{outcome="moved"} 1"#,
            #"gapless_server_moves_total{outcome="left"} 1"#, #"gapless_server_moves_total{outcome="closed"} 0"#,
            #"gapless_server_connections_closed_total{code="superseded"} 1"#,
        ]
        Self.expect(lines, in: metrics.text())
    }

    @Test func whatTheNodeDropsHasNotLeft() async throws {
        let store = try TemporaryStore()
        var configuration = TestServer.configuration
        configuration.drainTime = .seconds(300)
        configuration.hardStop = .seconds(600)
        let metrics = PrometheusMetrics()
        let moving = Mailbox<Void>()
        try await TestServer.run(store: store.configuration) { [configuration] second in
            try await second.commitsBehindItsHeartbeat()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    try await withMetricsFactory(metrics) {
                        try await TestServer.run(store: store.configuration, configuration: configuration) { first in
                            let (client, _) = try await RawClient.attach(first.url)
                            await first.shutDown()
                            try await client.expect("DRAIN ")
                            moving.put(())
                            try await untilCancelled()
                        }
                    }
                }
                try await moving.next()
                // Nobody waits for the drain any more.
                tasks.cancelAll()
                await #expect(throws: (any Error).self) { try await tasks.waitForAll() }
            }
        }
        let lines = [#"gapless_server_moves_total{outcome="closed"} 1"#, #"gapless_server_moves_total{outcome="left"} 0"#]
        Self.expect(lines, in: metrics.text())
    }

    @Test func theSweepTellsHowFullQueuesAreAndTheStore() {
        let metrics = ServerMetrics(system: PrometheusMetrics())
        var receipt = ExpireReceipt(news: [], messages: 0, queues: [], hasMore: false)
        receipt.depths = [0, 3, 3, 5_000]
        receipt.ages = [.milliseconds(900), .seconds(7_000), .seconds(700_000)]
        receipt.stored = StoredSum(queues: 7, bytes: 1_234)
        metrics.committed([CommittedOperation(.expire(ExpireOperation(maxRows: 500)), .expire(receipt))])
        let lines = [
            "gapless_server_store_bytes 1234", "gapless_server_store_queues 7", #"gapless_server_queues_depth_bucket{le="1"} 1"#,
            #"gapless_server_queues_depth_bucket{le="4"} 3"#, "gapless_server_queues_depth_count 4",
            #"gapless_server_queues_oldest_seconds_bucket{le="1"} 1"#, #"gapless_server_queues_oldest_seconds_bucket{le="14400"} 2"#,
            #"gapless_server_queues_oldest_seconds_bucket{le="604800"} 2"#, "gapless_server_queues_oldest_seconds_count 3",
        ]
        Self.expect(lines, in: metrics.prometheus.text())
    }

    @Test func aLoopIsMeasuredByOneProbeAtATime() async throws {
        let loop = LoopShell(index: 0, eventLoop: MultiThreadedEventLoopGroup.singleton.any())
        let metrics = ServerMetrics(system: PrometheusMetrics())
        let reads = Atomic<Int64>(0)
        let clock = GatewayClock(
            wallClock: { Timestamp(milliseconds: 0) },
            monotonic: { Instant(nanoseconds: reads.add(1, ordering: .relaxed).oldValue * 250_000_000) },
            sleep: { _ in }
        )
        try await loop.eventLoop.submit {
            for _ in 1...3 { loop.probe(clock, metrics) }
        }.get()
        try await loop.eventLoop.submit {}.get()
        let once = ["gapless_server_loop_lag_seconds_count 1", "gapless_server_loop_lag_seconds_sum 0.25"]
        Self.expect(once, in: metrics.prometheus.text())
        loop.probe(clock, metrics)
        try await loop.eventLoop.submit {}.get()
        Self.expect(["gapless_server_loop_lag_seconds_count 2"], in: metrics.prometheus.text())
    }

    @Test func aProbeThatWaitsCountsWithWhatItHasWaited() async throws {
        let loop = LoopShell(index: 0, eventLoop: MultiThreadedEventLoopGroup.singleton.any())
        let metrics = ServerMetrics(system: PrometheusMetrics())
        let moment = Atomic<Int64>(1_000_000_000)
        let clock = GatewayClock(
            wallClock: { Timestamp(milliseconds: 0) },
            monotonic: { Instant(nanoseconds: moment.load(ordering: .relaxed)) },
            sleep: { _ in }
        )
        #expect(loop.takeLag(now: clock.monotonic()) == .zero)
        try await loop.eventLoop.submit {
            loop.probe(clock, metrics)
            moment.store(1_600_000_000, ordering: .relaxed)
            #expect(loop.takeLag(now: clock.monotonic()) == .milliseconds(600))
            #expect(loop.silence(now: clock.monotonic()) == .milliseconds(600))
            moment.store(1_700_000_000, ordering: .relaxed)
        }.get()
        try await loop.eventLoop.submit {}.get()
        #expect(loop.silence(now: clock.monotonic()) == .zero)
        #expect(loop.takeLag(now: clock.monotonic()) == .milliseconds(700))
        #expect(loop.takeLag(now: clock.monotonic()) == .zero)
    }

    @Test func aCommitThatHangsCountsBeforeItHasEnded() {
        var health = GatewayHealth()
        health.meanDuration = .milliseconds(30)
        let sampler = LoadSampler(memoryLimit: 7, freeBytes: { 5 })
        let now = Instant(nanoseconds: 9_000_000_000)
        let quiet = sampler.sample(health, [], now: now)
        #expect(quiet.commitTime == .milliseconds(30) && quiet.memoryLimit == 7 && quiet.freeDisk == 5)
        health.underWaySince = Instant(nanoseconds: 2_000_000_000)
        #expect(sampler.sample(health, [], now: now).commitTime == .seconds(7))
    }

    @Test func theLeastLimitOfAllGroupsCounts() {
        let newer = [
            "/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "1000\n", "/sys/fs/cgroup/memory.max": "5000\n",
        ]
        #expect(MemoryLimit.limit(groups: "0::/a/b\n") { newer[$0] } == 1_000)
        #expect(MemoryLimit.limit(groups: "0::/a/b\n") { $0 == "/sys/fs/cgroup/a/b/memory.max" ? "max\n" : nil } == nil)
        #expect(MemoryLimit.limit(groups: "0::/\n") { newer[$0] } == 5_000)
        // In a container the older system shows only the group's own part of the tree.
        let groups = "9:name=systemd:/\n4:memory:/docker/x\n0::/\n"
        #expect(MemoryLimit.limit(groups: groups) { $0 == "/sys/fs/cgroup/memory/memory.limit_in_bytes" ? "77\n" : nil } == 77)
        #expect(MemoryLimit.limit(groups: groups) { $0.hasSuffix("x/memory.limit_in_bytes") ? "9223372036854771712" : nil } == nil)
        #expect(MemoryLimit.limit(groups: "4:cpu:/a\nnonsense\n") { _ in "5" } == nil)
        #expect(MemoryLimit.limit(groups: "") { _ in "5" } == nil)
    }

    @Test func theMemoryOfTheProcessIsKnown() throws {
        #expect(ProcessMemory.residentPages("9000 1200 800 1 0 700 0\n") == 1_200)
        #expect(ProcessMemory.residentPages("") == nil && ProcessMemory.residentPages("9000") == nil)
        #expect(try #require(ProcessMemory.resident()) > 1_000_000)
    }

    // MARK: What is under way

    @Test(arguments: [UInt64(1), 2]) func theTotalsAreThoseOfAFullCount(seed: UInt64) async throws {
        var configuration = TestServer.configuration
        configuration.threads = 2
        let (delivered, detached) = (Mailbox<DeliveredEvent>(), Mailbox<DetachedEvent>())
        let prepare: (GaplessServer) -> Void = { server in
            server.onDelivered { delivered.put($0) }
            server.onDetached { detached.put($0) }
        }
        try await TestServer.run(configuration: configuration, prepare: prepare) { server in
            var random = TestRandom(seed: seed)
            var clients = ["a", "b", "c", "d", "e", "f"].compactMap { ClientID($0) }.map { CountedClient($0) }
            let node = try await server.server.running().node
            for step in 1...120 {
                let index = Int.random(in: 0..<clients.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1, 2: try await clients[index].sendOne(server)
                case 3, 4: try await clients[index].acknowledge(delivered, using: &random)
                default: try await clients[index].comeOrGo(server, detached)
                }
                let all = clients.reduce(into: SessionBacklog()) { $0 += $1.backlog }
                let totals = node.loops.reduce(into: SessionBacklog()) { $0 += $1.backlog.value }
                #expect(totals == all, "seed \(seed), step \(step)")
            }
        }
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
