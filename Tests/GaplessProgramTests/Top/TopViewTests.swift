import GaplessCore
import Testing

@testable import gapless

@Suite struct TopViewTests {
    private static let rows = TopFixture.fleet.rows

    @Test func bytesBecomeKeys() {
        #expect(TopKey.keys(Array("qj".utf8)) == [.character("q"), .character("j")])
        #expect(TopKey.keys(Array("\u{1B}[A\u{1B}[B\u{1B}OA\u{1B}OB".utf8)) == [.up, .down, .up, .down])
        #expect(TopKey.keys(Array("\u{1B}[H\u{1B}[F\u{1B}[1~\u{1B}[4~".utf8)) == [.first, .last, .first, .last])
        #expect(TopKey.keys(Array("\u{1B}[1;5Ay".utf8)) == [.up, .character("y")])
        #expect(TopKey.keys(Array("\u{1B}[15~d".utf8)) == [.character("d")], "a key that is not known says nothing")
        #expect(TopKey.keys([0x1B]) == [.escape])
        #expect(TopKey.keys([0x1B, 0x5B]) == [])
        #expect(TopKey.keys([3, 12, 26]) == [.interrupt, .redraw, .suspend])
        #expect(TopKey.keys([0xC3, 0xA9, 0x00]) == [])
    }

    @Test func theChoiceStaysWithinTheRows() {
        var view = TopView()
        #expect(view.choice(among: Self.rows) == 0)
        for (key, place) in [(TopKey.up, 0), (.down, 1), (.down, 2), (.last, 3), (.down, 3), (.character("k"), 2), (.first, 0)] {
            #expect(view.press(key, rows: Self.rows) == .nothing)
            #expect(view.choice(among: Self.rows) == place)
        }
        #expect(view.press(.down, rows: []) == .nothing)
        #expect(view.choice(among: []) == nil)
    }

    @Test func theChoiceFollowsItsNode() {
        var view = TopView()
        _ = view.press(.down, rows: Self.rows)
        #expect(view.choice(among: Array(Self.rows.dropFirst())) == 0, "node-b is first now")
        #expect(view.choice(among: [Self.rows[0], Self.rows[2]]) == 0, "node-b went")
    }

    @Test func anOrderWantsAYes() {
        for (key, order) in [("c", NodeOrder.cordon), ("u", .uncordon), ("d", .drain)] {
            var view = TopView()
            #expect(view.press(.character(Character(key)), rows: Self.rows) == .nothing)
            #expect(view.mode == .question(order, "node-a"))
            #expect(view.press(.character("y"), rows: Self.rows) == .order(order, "node-a"))
            #expect(view.mode == .list)
        }
    }

    @Test(arguments: [TopKey.character("n"), .character("d"), .character("q"), .escape, .down])
    func everythingElseIsANo(_ key: TopKey) {
        var view = TopView()
        _ = view.press(.character("d"), rows: Self.rows)
        #expect(view.press(key, rows: Self.rows) == .nothing)
        #expect(view.mode == .list)
        #expect(view.message == "nothing was done")
    }

    @Test func theQuestionIsAboutTheNodeThatWasChosenThen() {
        var view = TopView()
        _ = view.press(.character("d"), rows: Self.rows)
        #expect(view.press(.character("y"), rows: Array(Self.rows.dropFirst())) == .order(.drain, "node-a"))
    }

    @Test func nobodyCanOrderAnAddress() {
        var view = TopView()
        _ = view.press(.last, rows: Self.rows)
        #expect(view.press(.character("d"), rows: Self.rows) == .nothing)
        #expect(view.mode == .list)
        #expect(view.message.contains("http://10.0.0.9:8401"))
        var empty = TopView()
        #expect(empty.press(.character("d"), rows: []) == .nothing)
        #expect(empty.mode == .list)
    }

    @Test func keysThatEndIt() {
        var view = TopView()
        #expect(view.press(.character("q"), rows: Self.rows) == .quit)
        _ = view.press(.character("h"), rows: Self.rows)
        #expect(view.mode == .help)
        #expect(view.press(.interrupt, rows: Self.rows) == .quit, "also from help")
        _ = view.press(.escape, rows: Self.rows)
        #expect(view.mode == .list)
        #expect(view.press(.suspend, rows: Self.rows) == .suspend)
        #expect(view.press(.redraw, rows: Self.rows) == .redraw)
    }
}
