import ArgumentParser

/// A duration as people write it: `250ms`, `30s`, `15m`, `1h`, `2d`; a bare number means seconds.
struct DurationArgument: ExpressibleByArgument, Hashable, Sendable {
    /// The duration, at least 1 ms and at most ten years.
    let duration: Duration

    /// Wraps a duration.
    init(_ duration: Duration) {
        self.duration = duration
    }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count > 0, count <= 315_360_000_000 else { return nil }
        let milliseconds: Int64
        switch argument[digits.endIndex...] {
        case "ms": milliseconds = count
        case "", "s": milliseconds = count.multipliedReportingOverflow(by: 1_000).partialValue
        case "m": milliseconds = count.multipliedReportingOverflow(by: 60_000).partialValue
        case "h": milliseconds = count.multipliedReportingOverflow(by: 3_600_000).partialValue
        case "d": milliseconds = count.multipliedReportingOverflow(by: 86_400_000).partialValue
        default: return nil
        }
        guard (1...315_360_000_000).contains(milliseconds) else { return nil }
        self.duration = .milliseconds(milliseconds)
    }

    var defaultValueDescription: String {
        let milliseconds = Int64(self.duration / .milliseconds(1))
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
    }
}
