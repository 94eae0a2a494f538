import NIOHTTP1

/// How long a server that refused a request asks to stay away (RFC 9110 §10.2.3): so many seconds, or until a date.
enum RetryAfter {
    /// The longest time that is believed, in seconds: a day. A server that asks for more gets that.
    static let maxSeconds: Int64 = 86_400

    /// The seconds that the field asks for; nil when there is none, or one that cannot be read.
    ///
    /// A date is compared with the server's own `Date`, so that a wrong clock on either side does no harm; with `now` when there is none.
    static func seconds(in headers: HTTPHeaders, now: HTTPDate) -> Int64? {
        let fields = headers["Retry-After"]
        guard let text = fields.first, fields.count == 1 else { return nil }
        if let first = text.utf8.first, (0x30...0x39).contains(first) { return Self.delay(text) }
        guard let until = HTTPDate(text, now: now) else { return nil }
        let from = headers.first(name: "Date").flatMap { HTTPDate($0, now: now) } ?? now
        return min(max(0, until.secondsSince1970 - from.secondsSince1970), Self.maxSeconds)
    }

    private static func delay(_ text: String) -> Int64? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        // More digits than a number holds are a long time all the same.
        return min(Int64(text) ?? Self.maxSeconds, Self.maxSeconds)
    }
}
