import Testing

@testable import gapless

@Suite struct TextTableTests {
    @Test func columnsAreAsWideAsTheirWidestCell() {
        var table = TextTable([("NAME", .left), ("COUNT", .right), ("NODE", .left)])
        table.append(["alice/phone", "7", "a"])
        table.append(["bob", "1234567", "-"])
        #expect(
            table.text() == """
                NAME           COUNT  NODE
                alice/phone        7  a
                bob          1234567  -
                """
        )
    }

    @Test func aTableWithoutRowsIsItsHeading() {
        #expect(TextTable([("A", .left), ("B", .right)]).text() == "A  B")
    }

    @Test func coloursDoNotMoveColumns() {
        var table = TextTable([("NAME", .left), ("STATE", .right)])
        table.append([.init("a", .good), .init("ok", .bad)])
        #expect(table.text(.coloured).replacing(#/\u{1B}\[[0-9;]*m/#, with: "") == table.text())
        #expect(table.text(.coloured).contains("\u{1B}[32ma\u{1B}[0m"))
        #expect(!table.text().contains("\u{1B}"))
    }

    @Test func cellsCannotCommandTheTerminal() {
        var table = TextTable([("NAME", .left), ("B", .left)])
        table.append(["a\u{1B}[2J\n", "b"])
        #expect(table.text() == "NAME          B\na\\u{1B}[2J\\n  b")
    }

    @Test(arguments: [
        (true, [:], true), (false, [:], false), (true, ["NO_COLOR": "1"], false), (true, ["NO_COLOR": ""], true),
        (true, ["TERM": "dumb"], false),
    ])
    func coloursAreForTerminalsThatTakeThem(_ isTerminal: Bool, _ environment: [String: String], _ isColoured: Bool) {
        #expect(Ink(isTerminal: isTerminal, environment: environment) == (isColoured ? .coloured : .none))
    }
}
