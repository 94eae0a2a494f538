/// One thing that an implementation must do, and how to find out whether it does.
///
/// Lists of checks read like the rules: `Check("R5.3-2", "a late attempt gets 4500 and changes nothing") { bench in … }`.
package struct Check<Bench: Sendable>: Sendable {
    /// How the kit finds out.
    enum Way: Sendable {
        /// By doing it, on a bench of its own.
        case trial(@Sendable (Bench) async throws -> Void)
        /// By watching everything else that is done; nothing but the book of observations is asked.
        case watch
        /// Not at all, for this reason: nobody outside can see it, or seeing it would harm.
        case outOfReach(String)
    }

    /// The rule of Protocol.md, such as `R5.3-2`, or the section where it has no id, such as `§3.2`.
    package let rule: String
    /// What must hold, in a few words.
    package let law: String
    let way: Way

    init(_ rule: String, _ law: String, _ trial: @escaping @Sendable (Bench) async throws -> Void) {
        self.init(rule: rule, law: law, way: .trial(trial))
    }

    private init(rule: String, law: String, way: Way) {
        self.rule = rule
        self.law = law
        self.way = way
    }

    /// A law that each frame of each trial may break.
    static func watch(_ rule: String, _ law: String) -> Check {
        Check(rule: rule, law: law, way: .watch)
    }

    /// A rule that the kit cannot judge, with the reason.
    static func outOfReach(_ rule: String, _ law: String, _ reason: String) -> Check {
        Check(rule: rule, law: law, way: .outOfReach(reason))
    }

    /// Whether the implementation under test is asked anything.
    package var isJudged: Bool {
        if case .outOfReach = self.way { false } else { true }
    }
}

/// What was found out about one check.
package enum Verdict: Hashable, Sendable {
    case passed
    case failed(expected: String, came: String)
    /// Nothing can be said, for this reason.
    case skipped(String)
}

/// A check with its verdict.
package struct Finding: Hashable, Sendable {
    package let rule: String
    package let law: String
    package let verdict: Verdict
}

/// The implementation did something else than it must.
struct Broken: Error, Hashable {
    let expected: String
    let came: String

    init(_ expected: String, came: String) {
        self.expected = expected
        self.came = came
    }

    /// What a peer did that let the time pass.
    static let silence = "nothing in time"

    /// Whether nothing came.
    var isSilence: Bool { self.came == Self.silence }
}

/// Nothing can be said: what the check needs is not there.
struct Unjudged: Error, Hashable {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

/// Fails the check unless the two are equal.
func require<Value: Equatable>(_ value: Value, _ wanted: Value, _ what: String) throws {
    guard value == wanted else { throw Broken("\(what) \(wanted)", came: "\(value)") }
}

/// Fails the check unless the condition holds.
func require(_ condition: Bool, _ wanted: String, came: @autoclosure () -> String) throws {
    guard condition else { throw Broken(wanted, came: came()) }
}
