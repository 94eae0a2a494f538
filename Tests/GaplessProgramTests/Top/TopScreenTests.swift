import Foundation
import GaplessCore
import Testing

@testable import gapless

/// Screens as people see them, against texts in `Screens`.
@Suite struct TopScreenTests {
    private static func screen(_ snapshot: TopSnapshot, _ width: Int, _ height: Int, _ view: TopView = TopView()) -> [ScreenLine] {
        TopScreen(width: width, height: height).lines(snapshot, view, every: "1s")
    }

    /// The lines without the spaces at their ends, which no editor keeps.
    private static func text(_ lines: [ScreenLine]) -> String {
        lines.map { $0.text.replacing(#/ +$/#, with: "") }.joined(separator: "\n")
    }

    private static func compare(_ lines: [ScreenLine], with name: String) {
        let path = "Tests/GaplessProgramTests/Screens/\(name).txt"
        let stored = ((try? Documents.text(path)) ?? "").trimmingCharacters(in: .newlines)
        let text = Self.text(lines)
        #expect(stored == text.trimmingCharacters(in: .newlines), "if it reads well it belongs into \(path):\n\(text)")
    }

    private static func pressing(_ keys: String, _ snapshot: TopSnapshot) -> TopView {
        var view = TopView()
        for key in keys { _ = view.press(.character(key), rows: snapshot.rows) }
        return view
    }

    private static let fifty = TopSnapshot([
        TopFixture.history(
            "http://10.0.0.1:8401",
            (0..<50).map { TopFixture.node("node-\(10 + $0)", attached: 100, notReady: $0 == 0 ? [] : nil) }
        )
    ])

    @Test func aFleetOn80Columns() {
        Self.compare(Self.screen(TopFixture.fleet, 80, 24), with: "top-80x24")
    }

    @Test func aFleetOn132Columns() {
        Self.compare(Self.screen(TopFixture.fleet, 132, 50, Self.pressing("jc", TopFixture.fleet)), with: "top-132x50")
    }

    @Test func fiftyNodes() {
        Self.compare(Self.screen(Self.fifty, 80, 24, Self.pressing(String(repeating: "j", count: 30), Self.fifty)), with: "top-fifty")
    }

    @Test func noNodes() {
        Self.compare(Self.screen(TopSnapshot([TopHistory("http://10.0.0.1:8401")]), 80, 24), with: "top-none")
    }

    @Test func help() {
        Self.compare(Self.screen(TopFixture.fleet, 80, 24, Self.pressing("h", TopFixture.fleet)), with: "top-help")
    }

    @Test func aSnapshotForAFile() {
        Self.compare(TopScreen.plain(TopFixture.fleet, width: 80), with: "top-once")
    }

    @Test func aNodeWithoutMetrics() {
        let snapshot = TopSnapshot([TopFixture.history("x", [TopFixture.node("a", notReady: [])]) { _ in PrometheusReading() }])
        Self.compare(Self.screen(snapshot, 80, 24), with: "top-no-metrics")
    }

    @Test func longNamesLeaveRoomForTheNumbers() {
        let name = String(repeating: "long-name-", count: 6) + "1234"
        let snapshot = TopSnapshot([TopFixture.history("x", [TopFixture.node(name, attached: 7, notReady: [])])])
        let lines = Self.screen(snapshot, 80, 24)
        #expect(lines[1].text.contains("SENT/S"))
        #expect(lines[2].text.contains("~"))
        #expect(lines[2].width == 80)
        #expect(Self.screen(snapshot, 200, 24)[2].text.contains(name))
    }

    @Test(arguments: [(1, 1), (5, 3), (20, 5), (39, 9), (80, 4), (80, 10), (81, 13), (132, 24), (500, 200)])
    func everyScreenFitsItsTerminal(_ width: Int, _ height: Int) {
        let empty = TopSnapshot([])
        for snapshot in [TopFixture.fleet, Self.fifty, empty] {
            for keys in ["", "jj", "G", "h", "d", "Gc"] {
                let lines = Self.screen(snapshot, width, height, Self.pressing(keys, snapshot))
                #expect(lines.count == height)
                #expect(lines.allSatisfy { $0.width <= width })
            }
        }
    }

    @Test func theChosenNodeIsAlwaysSeen() {
        for step in 0..<50 {
            let view = Self.pressing(String(repeating: "j", count: step), Self.fifty)
            for height in [8, 15, 24, 60] {
                let chosen = Self.screen(Self.fifty, 80, height, view).filter { $0.text.hasPrefix(">") }
                #expect(chosen.map { $0.text.dropFirst().split(separator: " ").first } == ["node-\(10 + step)"], "\(height) lines")
            }
        }
    }

    @Test func whatServersSendCannotCommandTheTerminal() {
        let evil = TopFixture.node("a\u{1B}[2J\u{7}é", "serv\ning", notReady: ["\u{1B}]0;x"])
        let lines = Self.screen(TopSnapshot([TopFixture.history("x\u{1B}", [evil])]), 132, 30)
        for line in lines {
            #expect(line.painted(.none).unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) })
        }
        #expect(TopScreen.plain(TopSnapshot([TopFixture.history("x", [evil])]), width: 80).allSatisfy { !$0.text.contains("\u{1B}") })
    }

    @Test func numbersFromServersCannotEndTop() {
        for (connections, capacity) in [(UInt64.max, UInt64(1)), (.max, .max), (1, 0), (0, .max)] {
            let node = gapless.NodeDescription(
                name: "a",
                state: "serving",
                age: .max,
                connections: connections,
                attached: .max,
                capacity: capacity,
                notReady: []
            )
            let snapshot = TopSnapshot([TopFixture.history("x", [node]) { _ in PrometheusReading("gapless_server_store_bytes 1e308") }])
            #expect(Self.screen(snapshot, 132, 24).count == 24)
            #expect(gapless.NodeDescription.table([node]).text().contains("serving"))
        }
    }

    @Test func clientsOfASilentNodeCountWhereTheyAreNow() throws {
        let a = TopFixture.node("a", attached: 1_000, notReady: [])
        let snapshot = TopSnapshot([TopFixture.history("x", [a, TopFixture.node("b", "silent", age: 9_000, attached: 700)])])
        let rows = TopScreen.plain(snapshot, width: 80).map { $0.text.split(separator: " ") }
        let all = try #require(rows.first { $0.first == "all" })
        #expect(all[1] == "1,000")
        #expect(rows.contains { $0.prefix(3) == ["b", "silent", "700"] }, "its row still shows what it had")
    }

    @Test func coloursChangeNoText() {
        for line in Self.screen(TopFixture.fleet, 132, 40) {
            let painted = line.painted(.coloured)
            #expect(painted.replacing(#/\u{1B}\[[0-9;]*m/#, with: "") == line.text)
            #expect(line.painted(.none) == line.text)
        }
    }
}
