import Testing

@testable import GaplessConformance

@Suite("Judge")
struct JudgeTests {
    private static let checks: [Check<Int>] = [
        Check("R1-1", "holds") { bench in try require(bench, 7, "bench") },
        Check("R1-2", "is broken") { _ in throw Broken("this", came: "that") },
        Check("R1-3", "cannot be said") { _ in throw Unjudged("for a reason") },
        .outOfReach("R2.1-1", "nobody sees", "it is dark"),
        .watch("R2.1-2", "never breaks"),
        .watch("R2.2-1", "breaks in passing"),
        .watch("R2.2-2", "is not met"),
        Check("R3-1", "comes to a strange end") { _ in throw CancellationError() },
    ]

    private func findings(_ selection: Selection = .all, width: Int = 2) async -> (told: [Finding], all: [Finding]) {
        let book = ObservationBook()
        let judge = Judge(checks: Self.checks, selection: selection, width: width, book: book) { trial in
            book.kept("R2.1-2")
            book.note("R2.2-1", false, "one", came: "two")
            try await trial(7)
        }
        var told: [Finding] = []
        let all = await judge.run { told.append($0) }
        return (told, all)
    }

    @Test("findings come in the order of the list, however trials end", arguments: [1, 2, 100])
    func order(width: Int) async {
        let (told, all) = await self.findings(width: width)
        #expect(told == all)
        #expect(all.map(\.rule) == Self.checks.map(\.rule))
    }

    @Test("each way of ending has its verdict")
    func verdicts() async {
        let verdicts = await self.findings().all.map(\.verdict)
        #expect(verdicts[0] == .passed)
        #expect(verdicts[1] == .failed(expected: "this", came: "that"))
        #expect(verdicts[2] == .skipped("for a reason"))
        #expect(verdicts[3] == .skipped("it is dark"))
        #expect(verdicts[4] == .passed)
        #expect(verdicts[5] == .failed(expected: "one", came: "two"))
        #expect(verdicts[6] == .skipped("no trial came to it"))
        guard case .failed = verdicts[7] else { return #expect(Bool(false), "a strange end is a failure") }
    }

    @Test("a law that is watched is judged by all trials, though they are not asked for")
    func watching() async {
        let all = await self.findings(Selection(["R2.2-1"])).all
        #expect(all.map(\.rule) == ["R2.2-1"])
        #expect(all.first?.verdict == .failed(expected: "one", came: "two"))
    }

    @Test(
        "a selection names rules and sections",
        arguments: [
            (["R1-2"], ["R1-2"]),
            (["R2"], ["R2.1-1", "R2.1-2", "R2.2-1", "R2.2-2"]),
            (["§2.2", "R3-1"], ["R2.2-1", "R2.2-2", "R3-1"]),
            (["R2.1-1", "2.1"], ["R2.1-1", "R2.1-2"]),
        ]
    )
    func selection(names: [String], rules: [String]) {
        #expect(Self.checks.map(\.rule).filter { Selection(names).includes($0) } == rules)
    }

    @Test("a name that stands for nothing is told")
    func unknownNames() {
        let rules = Self.checks.map(\.rule)
        #expect(Selection(["R1-2", "R1-20", "R20", "§2"]).unknown(among: rules) == ["1-20", "20"])
        #expect(Selection.all.unknown(among: rules).isEmpty)
    }

    @Test("a report tells people and programs the same")
    func report() async {
        let all = await self.findings().all
        let text = ConformanceReport(.text)
        #expect(text.lines(all[0]) == "passed   R1-1      holds")
        #expect(text.lines(all[1]) == "FAILED   R1-2      is broken\n           expected: this\n           came:     that")
        #expect(text.lines(all[3]) == "skipped  R2.1-1    nobody sees\n           it is dark")
        #expect(text.summary(all) == "8 checks of 8 rules: 2 passed, 3 failed, 3 skipped")
        let json = ConformanceReport(.json)
        #expect(json.lines(all[0]) == #"{"law":"holds","rule":"R1-1","verdict":"passed"}"#)
        #expect(json.lines(all[1]) == #"{"came":"that","expected":"this","law":"is broken","rule":"R1-2","verdict":"failed"}"#)
        #expect(json.lines(all[3]) == #"{"law":"nobody sees","reason":"it is dark","rule":"R2.1-1","verdict":"skipped"}"#)
        #expect(json.summary(all) == #"{"checks":8,"failed":3,"passed":2,"rules":8,"skipped":3}"#)
    }
}
