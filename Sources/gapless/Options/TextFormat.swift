import Foundation

/// Numbers as people read them, in one form whatever the language of the machine.
enum TextFormat {
    /// A whole number with commas: `1,234,567`.
    static func count(_ number: UInt64) -> String {
        var digits = String(number)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }

    /// A number that is measured, at most seven characters wide below 10^15: `0`, `0.4`, `12`, `1,234`, `56.7k`, `8.9M`.
    static func measure(_ number: Double) -> String {
        guard number.isFinite else { return "-" }
        let number = max(0, number)
        if number < 0.05 { return "0" }
        if number < 9.95 { return Self.decimal(number, places: 1, isTrimmed: true) }
        if number < 9_999.5 { return Self.count(UInt64(number.rounded())) }
        var rest = number
        for unit in ["k", "M", "G", "T"] {
            rest /= 1_000
            if rest < 999.5 || unit == "T" {
                return Self.decimal(min(rest, 999_999), places: rest < 99.95 ? 1 : 0, isTrimmed: false) + unit
            }
        }
        return "-"
    }

    /// A number of bytes: `17 B`, `4.0 KiB`, `12.3 MiB`.
    static func bytes(_ number: Double) -> String {
        guard number.isFinite else { return "-" }
        var rest = max(0, number)
        if rest < 1_024 { return "\(UInt64(rest)) B" }
        for unit in ["KiB", "MiB", "GiB", "TiB"] {
            rest /= 1_024
            if rest < 1_023.95 || unit == "TiB" { return Self.decimal(min(rest, 999_999), places: 1, isTrimmed: false) + " \(unit)" }
        }
        return "-"
    }

    /// A time in seconds: `0.5 ms`, `12 ms`, `1.5 s`, `95 s`, `12 min`, `3 h`.
    static func time(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "-" }
        let seconds = max(0, seconds)
        switch seconds {
        case ..<0.000_05: return "0 ms"
        case ..<0.009_95: return Self.decimal(seconds * 1_000, places: 1, isTrimmed: false) + " ms"
        case ..<0.999_5: return "\(Int((seconds * 1_000).rounded())) ms"
        case ..<9.95: return Self.decimal(seconds, places: 1, isTrimmed: false) + " s"
        case ..<120: return "\(Int(seconds.rounded())) s"
        case ..<7_200: return "\(Int(seconds / 60)) min"
        default: return "\(UInt64(min(seconds, 1e15) / 3_600)) h"
        }
    }

    private static func decimal(_ number: Double, places: Int, isTrimmed: Bool) -> String {
        let tenths = UInt64((number * (places == 0 ? 1 : 10)).rounded())
        guard places > 0 else { return String(tenths) }
        return isTrimmed && tenths.isMultiple(of: 10) ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
    }
}
