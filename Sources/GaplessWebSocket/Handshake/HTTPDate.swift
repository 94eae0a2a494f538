#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A moment as HTTP writes it, to the second (RFC 9110 §5.6.7).
///
/// `Sun, 06 Nov 1994 08:49:37 GMT` is the form of today; the two of former times, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`, have to be read as well. The name of the day says nothing that the date does not; it is not checked.
struct HTTPDate: Hashable, Sendable {
    /// Seconds since the beginning of 1970.
    let secondsSince1970: Int64

    init(secondsSince1970: Int64) {
        self.secondsSince1970 = secondsSince1970
    }

    /// Reads any of the three forms; nil for anything else.
    ///
    /// - Parameter now: what a year of two digits is to be near to: it is never more than 50 years ahead.
    init?(_ text: String, now: HTTPDate) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        switch words.count {
        case 6 where words[5] == "GMT" && words[0].hasSuffix(","):
            self.init(day: words[1], month: words[2], year: Self.number(words[3], digits: 4...4), time: words[4])
        case 4 where words[3] == "GMT" && words[0].hasSuffix(","):
            let parts = words[1].split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            self.init(day: parts[0], month: parts[1], year: Self.fullYear(parts[2], now: now), time: words[2])
        case 5:
            self.init(day: words[2], month: words[1], year: Self.number(words[4], digits: 4...4), time: words[3])
        default:
            return nil
        }
    }

    private init?(day: Substring, month: Substring, year: Int64?, time: Substring) {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false)
        guard let year, let month = Self.months.firstIndex(where: { $0 == month }), let day = Self.number(day, digits: 1...2),
            clock.count == 3, let hour = Self.number(clock[0], digits: 2...2), let minute = Self.number(clock[1], digits: 2...2),
            let second = Self.number(clock[2], digits: 2...2),
            (1...Self.days(ofMonth: month, in: year)).contains(day), hour <= 23, minute <= 59, second <= 60
        else { return nil }
        let days = Self.daysSince1970(ofYear: year) + (0..<month).reduce(0) { $0 + Self.days(ofMonth: $1, in: year) } + day - 1
        self.secondsSince1970 = ((days * 24 + hour) * 60 + minute) * 60 + second
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int64? {
        guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }

    /// The year that two digits mean: the one that is at most 50 years ahead, and else the latest one with those digits.
    private static func fullYear(_ text: Substring, now: HTTPDate) -> Int64? {
        guard let digits = Self.number(text, digits: 2...2) else { return nil }
        let thisYear = 1970 + now.secondsSince1970 / 31_556_952
        let year = thisYear - thisYear % 100 + digits
        return year > thisYear + 50 ? year - 100 : year
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func days(ofMonth month: Int, in year: Int64) -> Int64 {
        switch month {
        case 1: Self.isLeap(year) ? 29 : 28
        case 3, 5, 8, 10: 30
        default: 31
        }
    }

    /// How many days lie between the beginning of 1970 and that of the year; negative before.
    private static func daysSince1970(ofYear year: Int64) -> Int64 {
        func leapYears(before year: Int64) -> Int64 { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 }
        return 365 * (year - 1970) + leapYears(before: max(year, 1)) - leapYears(before: 1970)
    }
}

extension HTTPDate {
    /// The moment on the machine's clock, which may be wrong.
    static var current: HTTPDate { HTTPDate(secondsSince1970: Int64(time(nil))) }
}
