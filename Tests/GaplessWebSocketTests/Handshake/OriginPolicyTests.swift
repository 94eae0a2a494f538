import Testing

@testable import GaplessWebSocket

@Suite struct OriginPolicyTests {
    @Test func whoIsNoBrowserIsNotConcerned() {
        #expect(OriginPolicy.sameHost.allows(origin: nil, host: "a"))
        #expect(OriginPolicy.sameHostOr([]).allows(origin: nil, host: "a"))
        #expect(OriginPolicy.any.allows(origin: nil, host: "a"))
    }

    @Test(arguments: [
        ("http://example.com", "example.com"),
        ("https://example.com", "example.com"),
        ("https://Example.COM", "example.com"),
        ("https://example.com", "example.com:443"),
        ("http://example.com", "example.com:80"),
        ("https://example.com:443", "example.com"),
        ("http://localhost:8080", "localhost:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://[::1]", "[::1]"),
    ])
    func samePage(_ origin: String, _ host: String) {
        #expect(OriginPolicy.sameHost.allows(origin: origin, host: host))
        #expect(OriginPolicy.sameHostOr([]).allows(origin: origin, host: host))
    }

    @Test(arguments: [
        ("http://evil.com", "example.com"),
        ("http://example.com.evil.com", "example.com"),
        ("http://evilexample.com", "example.com"),
        ("http://sub.example.com", "example.com"),
        ("http://localhost:3000", "localhost:8080"),
        ("http://localhost", "localhost:8080"),
        ("https://example.com", "example.com:80"),
        ("null", "example.com"),
        ("", "example.com"),
        ("example.com", "example.com"),
        ("ftp://example.com", "example.com"),
        ("file://", "example.com"),
        ("http://", ""),
        ("http://user@example.com", "example.com"),
        ("http://example.com/path", "example.com"),
        ("http://example.com:80:80", "example.com"),
        ("http://[::2]", "[::1]"),
        ("http://evil.com", "example.com/evil.com"),
    ])
    func foreignPage(_ origin: String, _ host: String) {
        #expect(!OriginPolicy.sameHost.allows(origin: origin, host: host))
        #expect(!OriginPolicy.sameHostOr(["https://other.org"]).allows(origin: origin, host: host))
        #expect(OriginPolicy.any.allows(origin: origin, host: host))
    }

    @Test func listedPagesAreAllowed() {
        let policy = OriginPolicy.sameHostOr(["https://app.example.com", "http://localhost:3000"])
        #expect(policy.allows(origin: "https://app.example.com", host: "push.example.com"))
        #expect(policy.allows(origin: "https://app.example.com:443", host: "push.example.com"))
        #expect(policy.allows(origin: "http://localhost:3000", host: "push.example.com"))
        #expect(!policy.allows(origin: "http://app.example.com", host: "push.example.com"))
        #expect(!policy.allows(origin: "https://app.example.com:8443", host: "push.example.com"))
        #expect(!policy.allows(origin: "null", host: "push.example.com"))
    }

    @Test func aListedEntryThatIsNoOriginAllowsNothing() {
        #expect(!OriginPolicy.sameHostOr(["null", "nonsense"]).allows(origin: "null", host: "a"))
        #expect(!OriginPolicy.sameHostOr(["null", "nonsense"]).allows(origin: "nonsense", host: "a"))
    }
}
