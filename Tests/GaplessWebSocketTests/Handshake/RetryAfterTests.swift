import NIOHTTP1
import Testing

@testable import GaplessWebSocket

@Suite struct HTTPDateTests {
    /// 2026-11-21T12:00:00Z.
    private let now = HTTPDate(secondsSince1970: 1_795_262_400)

    @Test(
        "The three forms of a date are read",
        arguments: [
            // The example of RFC 9110 §5.6.7, in its three forms.
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Wed Nov 16 08:49:37 1994", 784_975_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400), ("Fri, 31 Dec 2100 23:59:59 GMT", 4_133_980_799),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800), ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            // Two digits are a year that is at most 50 years ahead.
            ("Saturday, 21-Nov-26 12:00:00 GMT", 1_795_262_400), ("Wednesday, 01-Jan-76 00:00:00 GMT", 3_345_062_400),
            ("Saturday, 01-Jan-77 00:00:00 GMT", 220_924_800),
        ] as [(String, Int64)]
    )
    func forms(_ text: String, _ seconds: Int64) {
        #expect(HTTPDate(text, now: self.now)?.secondsSince1970 == seconds)
    }

    @Test(
        "What is no date of HTTP is none",
        arguments: [
            "", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0100",
            "1994-11-06T08:49:37Z",
            "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 2023 08:49:37 GMT",
            "Thu, 29 Feb 2100 00:00:00 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, \u{0666} Nov 1994 08:49:37 GMT",
        ]
    )
    func noForms(_ text: String) {
        #expect(HTTPDate(text, now: self.now) == nil)
    }
}

@Suite struct RetryAfterTests {
    private let now = HTTPDate(secondsSince1970: 784_111_777)

    private func seconds(_ text: String, date: String? = nil) -> Int64? {
        var headers: HTTPHeaders = ["Retry-After": text]
        if let date { headers.add(name: "Date", value: date) }
        return RetryAfter.seconds(in: headers, now: self.now)
    }

    @Test(
        "Seconds are taken as they are, up to a day",
        arguments: [("0", 0), ("7", 7), ("86399", 86_399), ("86400", 86_400), ("86401", 86_400)]
    )
    func delays(_ text: String, _ seconds: Int64) {
        #expect(self.seconds(text) == seconds)
    }

    @Test("A number that no machine holds is a long time", arguments: ["99999999999999999999", String(repeating: "9", count: 500)])
    func endless(_ text: String) {
        #expect(self.seconds(text) == 86_400)
    }

    @Test(
        "A date is as far away as it is from now, never in the past, and at most a day",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:44 GMT", 7), ("Sunday, 06-Nov-94 08:49:44 GMT", 7), ("Sun Nov  6 08:49:44 1994", 7),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0), ("Sun, 06 Nov 1994 08:49:36 GMT", 0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Mon, 07 Nov 1994 08:49:37 GMT", 86_400), ("Mon, 07 Nov 1994 08:49:38 GMT", 86_400), ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ] as [(String, Int64)]
    )
    func dates(_ text: String, _ seconds: Int64) {
        #expect(self.seconds(text) == seconds)
    }

    @Test("With the server's own date a clock that was set back, or runs ahead, changes nothing")
    func serversClock() {
        #expect(self.seconds("Sat, 21 Nov 2026 12:00:30 GMT", date: "Sat, 21 Nov 2026 12:00:00 GMT") == 30)
        #expect(self.seconds("Thu, 01 Jan 1970 00:01:00 GMT", date: "Thu, 01 Jan 1970 00:00:00 GMT") == 60)
        #expect(self.seconds("Sun, 06 Nov 1994 08:49:44 GMT", date: "yesterday") == 7)
    }

    @Test("What is neither is no wish", arguments: ["", " 7", "7 ", "-1", "+7", "7.5", "7s", "soon", "0x10"])
    func nonsense(_ text: String) {
        #expect(self.seconds(text) == nil)
    }

    @Test("No field, and two of them, are no wish")
    func fields() {
        #expect(RetryAfter.seconds(in: [:], now: self.now) == nil)
        #expect(RetryAfter.seconds(in: ["Retry-After": "1", "retry-after": "2"], now: self.now) == nil)
    }
}
