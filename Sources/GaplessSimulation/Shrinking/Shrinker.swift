/// Makes a failing plan smaller while it still breaks the same promise.
///
/// First by its steps - halves, quarters, single ones - then by its options, then by its steps again.
package struct Shrinker {
    /// A plan that is as small as it gets, and how it came from the whole one.
    package struct Result: Hashable, Sendable {
        package var plan: Plan
        package var simplifications: [Simplification] = []
    }

    private let invariant: Invariant
    private let run: (Plan) -> [Violation]
    private var runsLeft: Int

    /// - Parameters:
    ///   - invariant: the promise that the plan breaks.
    ///   - maxRuns: how many plans are tried at most.
    ///   - run: what a plan breaks.
    package init(
        _ invariant: Invariant,
        maxRuns: Int = 2_000,
        run: @escaping (Plan) -> [Violation] = { simulate($0).violations }
    ) {
        self.invariant = invariant
        self.runsLeft = maxRuns
        self.run = run
    }

    /// The smallest plan that was found.
    package mutating func shrink(_ plan: Plan) -> Result {
        var result = Result(plan: plan)
        self.dropSteps(&result.plan)
        self.simplify(&result)
        self.dropSteps(&result.plan)
        return result
    }

    private mutating func fails(_ plan: Plan) -> Bool {
        guard self.runsLeft > 0 else { return false }
        self.runsLeft -= 1
        return self.run(plan).contains { $0.invariant == self.invariant }
    }

    private mutating func dropSteps(_ best: inout Plan) {
        let plan = best
        best.steps = fewest(best.steps) { steps in
            var candidate = plan
            candidate.steps = steps
            return self.fails(candidate)
        }
    }

    private mutating func simplify(_ result: inout Result) {
        for simplification in Simplification.allCases {
            var candidate = result.plan
            candidate.options = simplification.applied(to: candidate.options)
            guard candidate.options != result.plan.options, self.fails(candidate) else { continue }
            result.plan = candidate
            result.simplifications.append(simplification)
        }
    }
}

/// Delta debugging: leaves out ever smaller stretches of what there is, as long as it still fails.
package func fewest<Element>(_ elements: [Element], fails: ([Element]) -> Bool) -> [Element] {
    var best = elements
    var chunk = max(1, best.count / 2)
    while !best.isEmpty {
        var start = 0
        var isSmaller = false
        while start < best.count {
            var candidate = best
            candidate.removeSubrange(start..<min(start + chunk, best.count))
            if fails(candidate) {
                best = candidate
                isSmaller = true
            } else {
                start += chunk
            }
        }
        if chunk == 1, !isSmaller { break }
        chunk = max(1, chunk / 2)
    }
    return best
}

extension Shrinker.Result {
    /// What to paste after the tool's name to see it again.
    package var arguments: String {
        let steps = self.plan.steps.map { "\($0.number)" }.joined(separator: ",")
        let simple = self.simplifications.map(\.rawValue).joined(separator: ",")
        return "--seed \(self.plan.seed) --steps \(steps.isEmpty ? "none" : steps)" + (simple.isEmpty ? "" : " --simple \(simple)")
    }
}
