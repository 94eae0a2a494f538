/// Runs checks and collects what they find: trials side by side, findings in the order of the list.
struct Judge<Bench: Sendable>: Sendable {
    let checks: [Check<Bench>]
    let selection: Selection
    /// How many trials run at once.
    let width: Int
    let book: ObservationBook
    /// Sets up the surroundings of one trial, and takes them down whatever became of it.
    let withBench: @Sendable (_ trial: @Sendable (Bench) async throws -> Void) async throws -> Void

    /// Judges what is selected; each finding is reported once those before it are.
    func run(_ report: (Finding) -> Void) async -> [Finding] {
        let wanted = self.checks.filter { self.selection.includes($0.rule) }
        // Laws that are judged by watching need something to watch: the trials that were selected with them, or else all.
        let isTrying = wanted.contains { if case .trial = $0.way { true } else { false } }
        let isWatching = wanted.contains { if case .watch = $0.way { true } else { false } }
        let performed = isWatching && !isTrying ? self.checks : wanted
        var verdicts: [Int: Verdict] = [:]
        var findings: [Finding] = []
        let order = performed.indices.filter { self.selection.includes(performed[$0].rule) }
        var reported = 0

        func reportReady() {
            while reported < order.count, let verdict = verdicts[order[reported]] {
                let check = performed[order[reported]]
                let finding = Finding(rule: check.rule, law: check.law, verdict: verdict)
                findings.append(finding)
                report(finding)
                reported += 1
            }
        }

        await withTaskGroup(of: (Int, Verdict).self) { tasks in
            var running = 0
            func settle(_ result: (Int, Verdict)) {
                verdicts[result.0] = result.1
                running -= 1
                reportReady()
            }
            for (index, check) in performed.enumerated() {
                switch check.way {
                case .outOfReach(let reason):
                    verdicts[index] = .skipped(reason)
                    reportReady()
                case .watch:
                    continue
                case .trial(let trial):
                    if running == self.width, let result = await tasks.next() { settle(result) }
                    running += 1
                    // At most `width` at once; each wait of a trial has a limit, so it ends.
                    tasks.addTask { (index, await self.judge(trial)) }
                }
            }
            while let result = await tasks.next() { settle(result) }
        }
        for (index, check) in performed.enumerated() where verdicts[index] == nil {
            verdicts[index] = self.book.verdict(on: check.rule)
        }
        reportReady()
        return findings
    }

    private func judge(_ trial: @escaping @Sendable (Bench) async throws -> Void) async -> Verdict {
        do {
            try await self.withBench(trial)
            return .passed
        } catch let broken as Broken {
            return .failed(expected: broken.expected, came: broken.came)
        } catch let unjudged as Unjudged {
            return .skipped(unjudged.reason)
        } catch {
            return .failed(expected: "a trial that comes to its end", came: String(describing: error))
        }
    }
}
