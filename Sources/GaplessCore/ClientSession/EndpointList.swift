/// The URLs of a service in the order in which a client tries them.
///
/// The configured ones are shuffled once, so that clients spread over them. The list turns to the next one after a failure and stays where
/// it was welcomed. Those that a server tells are added, and leave when it tells others.
struct EndpointList: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        let url: String
        let isConfigured: Bool
        /// The server said `retryAfter` there (Protocol.md [R11.2-5]).
        var notBefore: Instant?

        func isOpen(at time: Instant) -> Bool {
            self.notBefore.map { $0 <= time } ?? true
        }
    }

    private var entries: [Entry]
    private var index = 0
    private let serverEndpoints: ServerEndpoints

    /// The configured URLs, each once, shuffled.
    ///
    /// - Precondition: there is at least one.
    init(_ urls: [String], serverEndpoints: ServerEndpoints, using random: inout some RandomNumberGenerator) {
        precondition(!urls.isEmpty, "a client has at least one endpoint")
        var unique: [Entry] = []
        for url in urls where !unique.contains(where: { $0.url == url }) {
            unique.append(Entry(url: url, isConfigured: true))
        }
        unique.shuffle(using: &random)
        self.entries = unique
        self.serverEndpoints = serverEndpoints
    }

    /// How many URLs there are; at least one.
    var count: Int { self.entries.count }

    /// The URL whose turn it is.
    var current: String { self.entries[self.index].url }

    /// All URLs in their order, from the current one on.
    var urls: [String] {
        (0..<self.entries.count).map { self.entries[(self.index + $0) % self.entries.count].url }
    }

    /// A connection to the URL was welcomed: it is preferred until it fails.
    mutating func welcomed(at url: String) {
        if let index = self.entries.firstIndex(where: { $0.url == url }) {
            self.index = index
        } else {
            self.entries.insert(Entry(url: url, isConfigured: false), at: self.index)
        }
    }

    /// A connection to the URL failed: if it was its turn, it is the next one's.
    mutating func failed(at url: String) {
        guard self.current == url else { return }
        self.index = (self.index + 1) % self.entries.count
    }

    /// The server asked not to be called at the URL sooner.
    mutating func postpone(_ url: String, until time: Instant) {
        guard let index = self.entries.firstIndex(where: { $0.url == url }) else { return }
        self.entries[index].notBefore = time
    }

    /// Turns to the first URL that may be called at the moment; when none may, to the one that may soonest. Returns when to call it.
    mutating func select(at time: Instant) -> Instant {
        var soonest: (index: Int, time: Instant)?
        for offset in 0..<self.entries.count {
            let index = (self.index + offset) % self.entries.count
            guard let notBefore = self.entries[index].notBefore, time < notBefore else {
                self.index = index
                return time
            }
            if soonest.map({ notBefore < $0.time }) ?? true { soonest = (index, notBefore) }
        }
        guard let soonest else { preconditionFailure("an endpoint list is never empty") }
        self.index = soonest.index
        return soonest.time
    }

    /// Whether any URL may be called at the moment.
    func isAnyOpen(at time: Instant) -> Bool {
        self.entries.contains { $0.isOpen(at: time) }
    }

    /// Adds URLs that a `DRAIN` told, as far as there is room.
    mutating func add(_ told: [String]) {
        for url in told where self.entries.count < Self.maxEntries && !self.entries.contains(where: { $0.url == url }) {
            self.entries.append(Entry(url: url, isConfigured: false))
        }
    }

    /// The most URLs that the list grows to by what servers tell.
    private static let maxEntries = 256

    /// Takes the list that a `WELCOME` told over a connection to `url`; it replaces what servers told before.
    mutating func adopt(_ told: [String], over url: String) {
        let current = self.current
        let told = self.acceptable(told, over: url)
        self.entries.removeAll { !$0.isConfigured && $0.url != current && !told.contains($0.url) }
        self.index = self.entries.firstIndex { $0.url == current } ?? 0
        self.add(told)
    }

    /// Those of the URLs that a client follows: of a WebSocket, and without TLS only when it came without TLS itself.
    func acceptable(_ told: [String], over url: String) -> [String] {
        switch self.serverEndpoints {
        case .ignore: []
        case .follow:
            told.filter { hasScheme("wss:", $0) || (hasScheme("ws:", $0) && !hasScheme("wss:", url)) }
        }
    }

    /// Where a second connection may go while the one to `url` still works: the preferred ones first, then the others, `url` itself last;
    /// without those that may not yet be called.
    func alternatives(to url: String, preferring preferred: [String], at time: Instant) -> [String] {
        var candidates: [String] = []
        for candidate in preferred + self.urls.filter({ $0 != url }) + [url] where !candidates.contains(candidate) {
            candidates.append(candidate)
        }
        return candidates.filter { candidate in
            self.entries.first { $0.url == candidate }?.isOpen(at: time) ?? true
        }
    }
}

/// Whether a URL begins with the scheme, in capitals or not.
private func hasScheme(_ scheme: String, _ url: String) -> Bool {
    url.lowercased().hasPrefix(scheme)
}
