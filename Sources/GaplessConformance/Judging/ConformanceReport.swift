import Foundation

/// How findings are told: to people as lines of text, to programs as lines of JSON.
package struct ConformanceReport: Sendable {
    /// The form of the lines.
    package enum Form: Sendable {
        case text
        case json
    }

    private let form: Form

    /// A report in this form.
    package init(_ form: Form) {
        self.form = form
    }

    /// The line or lines of one finding.
    package func lines(_ finding: Finding) -> String {
        switch self.form {
        case .json:
            return Self.json(Line(finding))
        case .text:
            let head = "\(Self.padded(finding.rule, 9)) \(finding.law)"
            switch finding.verdict {
            case .passed: return "passed   \(head)"
            case .skipped(let reason): return "skipped  \(head)\n           \(reason)"
            case .failed(let expected, let came):
                return "FAILED   \(head)\n           expected: \(expected)\n           came:     \(came)"
            }
        }
    }

    /// The last line: how many rules were judged, and how.
    package func summary(_ findings: [Finding]) -> String {
        let summary = Summary(findings)
        switch self.form {
        case .json: return Self.json(summary)
        case .text:
            return "\(summary.checks) checks of \(summary.rules) rules: "
                + "\(summary.passed) passed, \(summary.failed) failed, \(summary.skipped) skipped"
        }
    }

    private struct Line: Encodable {
        let rule: String
        let law: String
        let verdict: String
        var expected: String?
        var came: String?
        var reason: String?

        init(_ finding: Finding) {
            self.rule = finding.rule
            self.law = finding.law
            switch finding.verdict {
            case .passed: self.verdict = "passed"
            case .failed(let expected, let came):
                self.verdict = "failed"
                self.expected = expected
                self.came = came
            case .skipped(let reason):
                self.verdict = "skipped"
                self.reason = reason
            }
        }
    }

    private struct Summary: Encodable {
        var checks = 0
        var rules = 0
        var passed = 0
        var failed = 0
        var skipped = 0

        init(_ findings: [Finding]) {
            self.checks = findings.count
            self.rules = Set(findings.map(\.rule)).count
            for finding in findings {
                switch finding.verdict {
                case .passed: self.passed += 1
                case .failed: self.failed += 1
                case .skipped: self.skipped += 1
                }
            }
        }
    }

    private static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    private static func padded(_ text: String, _ count: Int) -> String {
        text + String(repeating: " ", count: max(0, count - text.count))
    }
}
