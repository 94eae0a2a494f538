import Testing

@testable import GaplessCore

@Suite("EndpointList")
struct EndpointListTests {
    private let now = Instant(nanoseconds: 0)

    private func list(_ urls: [String] = [.a, .b, .c], seed: UInt64 = 1, _ told: ServerEndpoints = .follow) -> EndpointList {
        var luck = SeededLuck(seed)
        return EndpointList(urls, serverEndpoints: told, using: &luck)
    }

    @Test("the configured URLs are shuffled by the luck given, each once")
    func shuffled() {
        let orders = Set((0..<40).map { self.list([.a, .b, .c, .b], seed: $0).urls })
        #expect(orders.count == 6)
        #expect(orders.allSatisfy { $0.sorted() == [.a, .b, .c] })
        #expect(self.list(seed: 5).urls == self.list(seed: 5).urls)
    }

    @Test("after a failure it is the next one's turn, round and round")
    func rotates() {
        var list = self.list()
        let order = list.urls
        for url in order { list.failed(at: url) }
        #expect(list.urls == order)
        list.failed(at: order[0])
        #expect(list.current == order[1])
    }

    @Test("a failure of another one than the current changes nothing")
    func staleFailure() {
        var list = self.list()
        let order = list.urls
        list.failed(at: order[1])
        #expect(list.current == order[0])
    }

    @Test("the last one that welcomed is preferred until it fails")
    func lastGoodIsPreferred() {
        var list = self.list()
        let order = list.urls
        list.welcomed(at: order[2])
        #expect(list.current == order[2])
        list.failed(at: order[2])
        #expect(list.current == order[0])
    }

    @Test("[R11.2-5] a URL that asked for time is passed over, another one is called")
    func postponed() {
        var list = self.list()
        let order = list.urls
        list.postpone(order[0], until: self.now + .seconds(10))
        #expect(list.select(at: self.now + .seconds(1)) == self.now + .seconds(1))
        #expect(list.current == order[1])
    }

    @Test("[R11.2-5] when all asked for time, the soonest is called, then and not before")
    func allPostponed() {
        var list = self.list()
        let order = list.urls
        list.postpone(order[0], until: self.now + .seconds(10))
        list.postpone(order[1], until: self.now + .seconds(6))
        list.postpone(order[2], until: self.now + .seconds(8))
        #expect(!list.isAnyOpen(at: self.now))
        #expect(list.select(at: self.now) == self.now + .seconds(6))
        #expect(list.current == order[1])
        #expect(list.isAnyOpen(at: self.now + .seconds(6)))
    }

    @Test("what a WELCOME tells replaces what was told before, never what was configured")
    func toldListsReplaceEachOther() {
        var list = self.list([.a])
        list.adopt([.b], over: .a)
        #expect(list.urls == [.a, .b])
        list.adopt([.c], over: .a)
        #expect(list.urls == [.a, .c])
        list.adopt([.c, .a], over: .a)
        #expect(list.urls == [.a, .c])
    }

    @Test("a URL that is in use stays, also when it is told no more")
    func currentStays() {
        var list = self.list([.a])
        list.adopt([.b], over: .a)
        list.welcomed(at: .b)
        list.adopt([.c], over: .b)
        #expect(list.urls == [.b, .c, .a])
    }

    @Test("a URL that nobody told and that welcomed joins the list")
    func unknownWelcomed() {
        var list = self.list([.a])
        list.welcomed(at: .b)
        #expect(list.current == .b)
        #expect(list.urls.sorted() == [.a, .b])
    }

    @Test(
        "without TLS only where it came without TLS, and WebSockets only",
        arguments: [
            ("wss://x/", String.a, true), ("WSS://x/", .a, true), ("ws://x/", .a, false), ("WS://x/", .a, false),
            ("ws://x/", "ws://a/", true), ("wss://x/", "ws://a/", true), ("http://x/", .a, false), ("https://x/", .a, false),
            ("", .a, false), ("wss", .a, false),
        ]
    )
    func schemes(told: String, over url: String, isFollowed: Bool) {
        #expect(self.list().acceptable([told], over: url) == (isFollowed ? [told] : []))
    }

    @Test("a client that stays with its own ignores what it is told")
    func ignored() {
        var list = self.list([.a], .ignore)
        list.adopt([.b], over: .a)
        #expect(list.urls == [.a])
    }

    @Test("servers cannot make the list grow without end")
    func bounded() {
        var list = self.list([.a])
        list.add((0..<1_000).map { "wss://n\($0).example.com/" })
        #expect(list.urls.count == 256)
    }

    @Test("a second connection goes where the server said, else to another, else to the same")
    func alternatives() {
        var list = self.list()
        list.welcomed(at: .a)
        let others = list.urls.dropFirst()
        #expect(list.alternatives(to: .a, preferring: ["wss://d/"], at: self.now) == ["wss://d/"] + others + [.a])
        #expect(list.alternatives(to: .a, preferring: [.c], at: self.now) == [.c, .b, .a])
        list.postpone(.b, until: self.now + .seconds(5))
        #expect(list.alternatives(to: .a, preferring: [.c], at: self.now) == [.c, .a])
        #expect(self.list([.a]).alternatives(to: .a, preferring: [], at: self.now) == [.a])
    }
}
