import Foundation
import Testing

@testable import GaplessServer

/// The dashboard and the alert rules in `Tools` speak of what a node tells, and of nothing else.
@Suite struct DashboardTests {
    private struct Dashboard: Decodable {
        struct Place: Decodable {
            let x: Int
            let y: Int
            let w: Int
            let h: Int
        }

        struct Source: Decodable {
            let uid: String
        }

        struct Target: Decodable {
            let expr: String
            let legendFormat: String
            let datasource: Source
        }

        struct Panel: Decodable {
            let id: Int
            let type: String
            let title: String
            let description: String?
            let gridPos: Place
            let datasource: Source?
            let targets: [Target]?
        }

        struct Variables: Decodable {
            struct Variable: Decodable {
                let name: String
                let type: String
                let definition: String?
            }
            let list: [Variable]
        }

        let title: String
        let panels: [Panel]
        let templating: Variables

        /// All that is asked of Prometheus.
        var targets: [Target] { self.panels.flatMap { $0.targets ?? [] } }
    }

    private struct Alert {
        let name: String
        let expression: String
        let wait: String
        let severity: String
        let summary: String
        let description: String

        /// Reads one rule as it is written here; nil when a part is missing.
        init?(_ text: String) {
            guard
                let name = text.firstMatch(of: #/^(\w+)\n/#), let expression = text.firstMatch(of: #/\n        expr: (.+)\n/#),
                let wait = text.firstMatch(of: #/\n        for: (\d+[smh])\n/#),
                let severity = text.firstMatch(of: #/\n        labels: \{ severity: (\w+) \}\n/#),
                let summary = text.firstMatch(of: #/\n          summary: "(.+)"\n/#),
                let description = text.firstMatch(of: #/\n          description: "(.+)"(?:\n|$)/#)
            else { return nil }
            self.name = String(name.output.1)
            self.expression = String(expression.output.1)
            self.wait = String(wait.output.1)
            self.severity = String(severity.output.1)
            self.summary = String(summary.output.1)
            self.description = String(description.output.1)
        }
    }

    private static func file(_ path: String) throws -> Data {
        try Data(contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../\(path)"))
    }

    private static func dashboard() throws -> Dashboard {
        try JSONDecoder().decode(Dashboard.self, from: try Self.file("Tools/grafana/gapless.json"))
    }

    private static func alerts() throws -> [Alert] {
        let text = String(decoding: try Self.file("Tools/alerts/gapless.yml"), as: UTF8.self)
        let rules = text.components(separatedBy: "      - alert: ").dropFirst()
        return try rules.map { try #require(Alert($0), "a part is missing: \($0)") }
    }

    // MARK: The judge

    @Test(arguments: [
        ("rate(gapless_server_unheard_total[5m])", "no node has gapless_server_unheard_total"),
        ("rate(gapless_server_messages_sent[5m])", "no node has gapless_server_messages_sent"),
        ("rate(gapless_server_gaps_total{code=\"x\"}[5m])", "gapless_server_gaps_total has no code"),
        ("rate(gapless_server_gaps_total{reason=~\"expired|old\"}[5m])", "gapless_server_gaps_total has no reason old"),
        ("gapless_server_gaps_total", "gapless_server_gaps_total is a counter"),
        ("gapless_server_commits_seconds_bucket", "gapless_server_commits_seconds_bucket is a histogram"),
        ("rate(gapless_server_connections[5m])", "gapless_server_connections is a gauge"),
        ("sum by (instance, reason) (gapless_server_connections)", "nothing has reason"),
        ("sum by (le) (rate(gapless_server_gaps_total[5m]))", "nothing has le"),
    ])
    func whatNoNodeTellsIsFound(_ expression: String, _ fault: String) {
        #expect(ToldMetrics().faults(of: expression) == [fault])
    }

    @Test func whatNodesTellIsRight() {
        let told = ToldMetrics()
        #expect(
            told.faults(of: #"sum by (instance, reason) (increase(gapless_server_gaps_total{reason!="expired",instance="a"}[1m])) > 0"#)
                == []
        )
        #expect(told.faults(of: "histogram_quantile(0.9, sum by (le) (rate(gapless_server_commits_seconds_bucket[5m])))") == [])
        #expect(told.names.count == ServerMetric.allCases.count)
    }

    // MARK: The dashboard

    @Test func theDashboardAsksForWhatNodesTell() throws {
        let told = ToldMetrics()
        for target in try Self.dashboard().targets {
            #expect(told.faults(of: target.expr) == [], "\(target.expr)")
            for label in target.legendFormat.matches(of: #/\{\{(\w+)\}\}/#) {
                #expect(told.labels(of: target.expr).contains(String(label.output.1)), "\(target.legendFormat) of \(target.expr)")
            }
        }
    }

    @Test func eachMetricIsOnTheDashboard() throws {
        let told = ToldMetrics()
        let shown = try Self.dashboard().targets.reduce(into: Set<String>()) { $0.formUnion(told.metrics(in: $1.expr)) }
        #expect(told.names.subtracting(shown).sorted() == [])
    }

    @Test func theDashboardIsForAnyPrometheusAndAnyChoiceOfNodes() throws {
        let dashboard = try Self.dashboard()
        #expect(dashboard.templating.list.map(\.name) == ["datasource", "node"])
        #expect(dashboard.templating.list.map(\.type) == ["datasource", "query"])
        #expect(ToldMetrics().metrics(in: dashboard.templating.list[1].definition ?? "").count == 1)
        for target in dashboard.targets {
            #expect(target.datasource.uid == "${datasource}")
            for selector in target.expr.matches(of: #/\bgapless_\w+(\{[^}]*\})?/#) {
                #expect(selector.output.1?.contains(#"instance=~"$node""#) == true, "\(target.expr)")
            }
        }
    }

    @Test func eachPanelSaysWhatItShowsAndHasItsOwnPlace() throws {
        let panels = try Self.dashboard().panels
        #expect(Set(panels.map(\.id)).count == panels.count)
        var taken: Set<[Int]> = []
        for panel in panels {
            let place = panel.gridPos
            #expect(place.x >= 0 && place.x + place.w <= 24, "\(panel.title)")
            for x in place.x..<place.x + place.w {
                for y in place.y..<place.y + place.h {
                    let isFree = taken.insert([x, y]).inserted
                    #expect(isFree, "\(panel.title)")
                }
            }
            guard panel.type != "row" else { continue }
            #expect(panel.description?.hasSuffix(".") == true, "\(panel.title)")
            #expect(panel.datasource?.uid == "${datasource}")
            #expect(panel.targets?.isEmpty == false, "\(panel.title)")
        }
    }

    // MARK: The alert rules

    @Test func theAlertsAskForWhatNodesTell() throws {
        let told = ToldMetrics()
        for alert in try Self.alerts() {
            #expect(told.faults(of: alert.expression) == [], "\(alert.name)")
            for label in "\(alert.summary) \(alert.description)".matches(of: #/\$labels\.(\w+)/#) {
                #expect(told.labels(of: alert.expression).contains(String(label.output.1)), "\(alert.name)")
            }
        }
    }

    @Test func eachAlertSaysHowBadItIsAndWhatToDo() throws {
        let alerts = try Self.alerts()
        #expect(alerts.count > 10)
        #expect(Set(alerts.map(\.name)).count == alerts.count)
        for alert in alerts {
            #expect(alert.name.hasPrefix("Gapless"))
            #expect(["critical", "warning"].contains(alert.severity), "\(alert.name)")
            #expect(alert.summary.hasSuffix("."), "\(alert.name)")
            #expect(alert.description.hasSuffix(".") && alert.description.count > 60, "\(alert.name)")
        }
    }
}
