@testable import gapless

/// Nodes that tell what a test says.
enum TopFixture {
    /// A node as the one that is asked tells of it.
    static func node(
        _ name: String,
        _ state: String = "serving",
        age: UInt64 = 0,
        attached: UInt64? = 0,
        notReady: [String]? = nil
    ) -> gapless.NodeDescription {
        gapless.NodeDescription(
            name: name,
            state: state,
            age: age,
            connections: attached.map { $0 + 2 },
            attached: attached,
            capacity: attached == nil ? nil : 10_000,
            notReady: notReady
        )
    }

    /// Metrics of a node that has done everything `times` often.
    static func metrics(_ times: Double) -> PrometheusReading {
        let whole = { (number: Double) in String(Int(number * times)) }
        return PrometheusReading(
            """
            # HELP gapless_server_messages_sent_total Messages that were stored, once for each client.
            # TYPE gapless_server_messages_sent_total counter
            gapless_server_messages_sent_total \(whole(500))
            gapless_server_messages_delivered_total \(whole(620))
            gapless_server_messages_replayed_total \(whole(120))
            gapless_server_acknowledgements_total \(whole(60))
            gapless_server_uplink_handled_total \(whole(40))
            gapless_server_attachments_total{outcome="new"} \(whole(2))
            gapless_server_attachments_total{outcome="resumed"} \(whole(12))
            gapless_server_attachments_total{outcome="partial"} 0
            gapless_server_attachments_total{outcome="reset"} 0
            gapless_server_attachments_total{outcome="rollback"} 0
            gapless_server_attachments_refused_total{code="overloaded"} \(whole(1))
            gapless_server_connections_closed_total{code="draining"} \(whole(3))
            gapless_server_connections_closed_total{code="silent"} 0
            gapless_server_gaps_total{reason="expired"} \(whole(4))
            gapless_server_gaps_total{reason="overflow"} 0
            gapless_server_commits_total \(whole(200))
            gapless_server_commits_failed_total 0
            gapless_server_commits_seconds_bucket{le="0.001"} \(whole(100))
            gapless_server_commits_seconds_bucket{le="0.0025"} \(whole(150))
            gapless_server_commits_seconds_bucket{le="0.005"} \(whole(198))
            gapless_server_commits_seconds_bucket{le="0.01"} \(whole(200))
            gapless_server_commits_seconds_bucket{le="+Inf"} \(whole(200))
            gapless_server_commits_seconds_sum \(0.4 * times)
            gapless_server_commits_seconds_count \(whole(200))
            gapless_server_commits_waiting 7
            gapless_server_commits_under_way_seconds 0.002
            gapless_server_messages_waiting 1234
            gapless_server_messages_unacknowledged 89
            gapless_server_store_bytes 12897484
            gapless_server_store_queues 1500
            gapless_server_memory_bytes 56623104
            gapless_server_loop_lag_seconds_bucket{le="0.0005"} \(whole(2))
            gapless_server_loop_lag_seconds_bucket{le="+Inf"} \(whole(2))
            gapless_server_surprises_of_a_later_version{why="nobody knows"} 1
            """
        )
    }

    /// An address at which the first of `nodes` answered `answers` times, each 2 s after the one before, and then did not `failures` times.
    static func history(
        _ address: String,
        _ nodes: [gapless.NodeDescription],
        answers: Int = 2,
        failures: Int = 0,
        metrics: (Double) -> PrometheusReading = Self.metrics
    ) -> TopHistory {
        var history = TopHistory(address)
        for look in 0..<answers {
            history.add(TopReading(time: .seconds(2 * look), outcome: .answer(nodes: nodes, metrics: metrics(Double(look + 1)))))
        }
        for look in 0..<failures {
            history.add(TopReading(time: .seconds(2 * (answers + look)), outcome: .failure("connection refused")))
        }
        return history
    }

    /// Three nodes: one that answers, one that drains and tells of itself, one that is known to the others alone, and an address of nobody.
    static var fleet: TopSnapshot {
        let a = Self.node("node-a", attached: 1_000, notReady: [])
        let b = Self.node("node-b", "draining", attached: 412, notReady: ["draining", "cordoned"])
        return TopSnapshot([
            Self.history(
                "http://10.0.0.1:8401",
                [a, Self.node("node-b", age: 900, attached: 500), Self.node("node-c", "silent", age: 11_000, attached: nil)]
            ),
            Self.history("http://10.0.0.2:8401", [b, Self.node("node-a", age: 1_100, attached: 900)]),
            Self.history("http://10.0.0.9:8401", [], answers: 0, failures: 1),
        ])
    }
}
