import ArgumentParser

/// A duration as people write it: `250ms`, `30s`, `15m`, `1h`, `2d`; a bare number means seconds.
struct DurationArgument: ExpressibleByArgument, Hashable, Sendable {
    /// The duration, at least 1 ms - or nothing, where that is a value - and at most ten years.
    let duration: Duration

    /// Ten years, in milliseconds.
    private static let longest: Int64 = 315_360_000_000

    /// Wraps a duration.
    init(_ duration: Duration) {
        self.duration = duration
    }

    init?(argument: String) {
        self.init(argument: argument, least: 1)
    }

    /// Reads a text.
    ///
    /// - Parameter least: 1 where a duration has to last, 0 where it may be nothing.
    init?(argument: String, least: Int64) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count >= least else { return nil }
        let unit: Int64
        switch argument[digits.endIndex...] {
        case "ms": unit = 1
        case "", "s": unit = 1_000
        case "m": unit = 60_000
        case "h": unit = 3_600_000
        case "d": unit = 86_400_000
        default: return nil
        }
        let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow, milliseconds <= Self.longest else { return nil }
        self.duration = .milliseconds(milliseconds)
    }

    var defaultValueDescription: String {
        let milliseconds = Int64(self.duration / .milliseconds(1))
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
    }
}
