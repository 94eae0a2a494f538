import Synchronization

/// What was seen in passing, by rule: laws that every frame may break are judged from here, once all trials are over.
final class ObservationBook: Sendable {
    private struct Page {
        var kept = 0
        var broken: Broken?
    }

    private let pages = Mutex<[String: Page]>([:])

    init() {}

    /// The rule could have been broken and was not.
    func kept(_ rule: String) {
        self.pages.withLock { $0[rule, default: Page()].kept += 1 }
    }

    /// The rule was broken; the first time counts.
    func broken(_ rule: String, _ expected: String, came: String) {
        self.pages.withLock { pages in
            pages[rule, default: Page()].broken = pages[rule]?.broken ?? Broken(expected, came: came)
        }
    }

    /// Notes either.
    func note(_ rule: String, _ isKept: Bool, _ expected: String, came: @autoclosure () -> String) {
        if isKept { self.kept(rule) } else { self.broken(rule, expected, came: came()) }
    }

    /// What all trials together say about the rule.
    func verdict(on rule: String) -> Verdict {
        let page = self.pages.withLock { $0[rule] } ?? Page()
        if let broken = page.broken { return .failed(expected: broken.expected, came: broken.came) }
        return page.kept > 0 ? .passed : .skipped("no trial came to it")
    }
}
