import ArgumentParser
import GaplessCore
import GaplessServer
import Testing

@testable import gapless

/// The tables of the article on operating say what the code says.
@Suite struct OperatingTests {
    private static func article() throws -> String {
        try Documents.text("Sources/GaplessServer/GaplessServer.docc/Operating.md")
    }

    @Test func eachCloseCodeIsExplained() throws {
        let rows = Documents.table(["Code", "Name", "What happened"], of: try Self.article()).map { "\($0[0]) \($0[1])" }
        #expect(rows == CloseCode.named.map { "\($0.code.rawValue) \($0.name)" })
    }

    @Test func eachExitCodeIsExplainedAsInTheHelp() throws {
        let rows = Documents.table(["Exit code"], of: try Self.article()).map { "\($0[0]) \($0[1])" }
        let help = Gapless.helpMessage(columns: 200).split(separator: "\n").compactMap { line in
            line.wholeMatch(of: #/  (\d+) +(.*)/#).map { "\($0.output.1) \($0.output.2)" }
        }
        #expect(help.count == rows.count)
        for (row, line) in zip(rows, help) {
            #expect(row.hasPrefix(line), "the article says more than the help, never something else")
        }
        let kinds: [ProgramError.Kind] = [
            .wrongInput, .unreachable, .cannotCreate, .inputOutput, .tryAgain, .notAllowed, .misconfigured, .tookTooLong,
        ]
        for kind in kinds {
            #expect(rows.contains { $0.hasPrefix("\(kind.rawValue) ") })
        }
    }

    @Test func eachMetricIsExplainedAndExists() throws {
        let cells = Documents.table(["Metric", "Dimension", "Tells"], of: try Self.article()).map { $0[0] }
        let metrics = cells.flatMap { $0.split(separator: ", ").map(String.init) }
        #expect(metrics.sorted() == ServerMetric.allCases.map(\.rawValue).sorted())
    }

    @Test func eachSpanIsExplainedWithItsKindAndWhatItTells() throws {
        let rows = Documents.table(["Span", "Kind", "Part of", "Tells"], of: try Self.article())
        #expect(rows.map { $0[0] } == ServerSpan.allCases.map(\.rawValue))
        for (row, span) in zip(rows, ServerSpan.allCases) {
            #expect(row[1] == "\(span.kind)" && row[3] == span.attributes.map(\.rawValue).joined(separator: ", "), "\(span.rawValue)")
        }
    }

    @Test func theDefaultsAreThoseOfTheCode() throws {
        let configuration = ServerConfiguration()
        let (retention, readiness) = (configuration.retention, configuration.readiness)
        let defaults: [String: String] = [
            "retention.maxMessages": Self.count(retention.maxMessages), "retention.maxBytes": Self.bytes(retention.maxBytes),
            "retention.maxAge": Self.time(retention.maxAge), "retention.onOverflow": "discard-oldest",
            "retention.keep": Self.time(retention.keep), "maxKeep": Self.time(configuration.maxKeep),
            "maxMessageBytes": Self.bytes(configuration.maxMessageBytes),
            "maxConnections": configuration.maxConnections.map(Self.count) ?? "what the limit of open files leaves",
            "maxClientsPerUser": Self.count(configuration.maxClientsPerUser), "maxQueues": Self.count(configuration.maxQueues),
            "maxStoreBytes": Self.bytes(configuration.maxStoreBytes), "keyLifetime": Self.time(configuration.keyLifetime),
            "heartbeat": Self.time(configuration.heartbeat), "silence": Self.time(configuration.silence),
            "helloDeadline": Self.time(configuration.helloDeadline),
            "authenticationGrace": Self.time(configuration.authenticationGrace),
            "drainWait": Self.time(configuration.drainWait), "drainTime": Self.time(configuration.drainTime),
            "moveTime": Self.time(configuration.moveTime), "sendTimeout": Self.time(configuration.sendTimeout),
            "hardStop": "\(Int(configuration.hardStop / .seconds(1))) s", "maxUplinkBytes": Self.bytes(configuration.maxUplinkBytes),
            "rebalance": configuration.rebalance ? "on" : "off",
            "newQueuesPerSecond": configuration.newQueuesPerSecond.map {
                "\(Self.count($0)) for each address, \(Self.count($0 * 10)) at once"
            } ?? "no limit",
            "attachesPerSecond": configuration.attachesPerSecond.map(Self.count) ?? "none", "warmUp": Self.time(configuration.warmUp),
            "maxConnectionsPerAddress": configuration.maxConnectionsPerAddress.map(Self.count) ?? "none",
            "readiness.maxConnections": readiness.maxConnections.map { "\($0) %" } ?? "none",
            "readiness.maxMemory": readiness.maxMemory.map { "\($0) %" } ?? "none",
            "readiness.maxLoopLag": readiness.maxLoopLag.map { "\($0.milliseconds) ms" } ?? "none",
            "readiness.maxCommitTime": readiness.maxCommitTime.map(Self.time) ?? "none",
            "readiness.minFreeDisk": readiness.minFreeDisk.map { "\($0 >> 20) MiB" } ?? "none",
            "handlerAttempts": Self.count(configuration.handlerAttempts), "maxPendingSends": Self.count(configuration.maxPendingSends),
            "messageWebhook": configuration.messageWebhook?.url ?? "none", "eventWebhook": configuration.eventWebhook?.url ?? "none",
            "messageWebhook.timeout": Self.time(WebhookConfiguration(url: "", secrets: []).timeout),
            "messageWebhook.maxCalls": Self.count(WebhookConfiguration(url: "", secrets: []).maxCalls),
            "webhookEvents": configuration.webhookEvents.map(\.rawValue).sorted().joined(separator: ", "),
            "downlinkWindow": Self.window(configuration.downlinkWindow), "uplinkWindow": Self.window(configuration.uplinkWindow),
        ]
        let rows = Documents.table(["Setting", "Option", "Default"], of: try Self.article())
        #expect(Set(rows.map { $0[0] }) == Set(defaults.keys))
        for row in rows {
            #expect(row[2] == defaults[row[0]], "the default of \(row[0])")
        }
    }

    @Test func eachThresholdIsExplainedWithItsOption() throws {
        let rows = Documents.table(["Measure", "Option", "Too much"], of: try Self.article())
        #expect(rows.map { $0[0] } == LoadMeasure.allCases.map(\.rawValue))
        let help = ServeCommand.helpMessage(columns: 200)
        #expect(rows.allSatisfy { help.contains("\($0[1]) <") })
    }

    @Test func eachReasonOfReadinessIsExplained() throws {
        let names = Documents.table(["Reason", "What it means"], of: try Self.article()).flatMap {
            $0[0].split(separator: ", ").map(String.init)
        }
        #expect(names.sorted() == Readiness.Reason.allCases.map(\.rawValue).sorted())
    }

    private static func count(_ number: Int) -> String {
        TextFormat.count(UInt64(number))
    }

    private static func bytes(_ number: Int) -> String {
        for (power, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where number % (1 << power) == 0 {
            return "\(number >> power) \(unit)"
        }
        return "\(number) bytes"
    }

    private static func time(_ duration: Duration) -> String {
        let seconds = Int(duration / .seconds(1))
        if seconds % 86_400 == 0, seconds > 86_400 { return "\(seconds / 86_400) days" }
        return seconds % 3_600 == 0 ? "\(seconds / 3_600) h" : "\(seconds) s"
    }

    private static func window(_ window: Window) -> String {
        "\(Self.count(Int(window.messages))) messages, \(Self.bytes(Int(window.bytes)))"
    }
}
