import DequeModule

/// Which connections a node has, and which of them is the voice of which client.
package struct ConnectionDirectory: Hashable, Sendable {
    /// A connection that attached.
    package struct Voice: Hashable, Sendable {
        package let address: ConnectionAddress
        package let client: ClientID
        package let fence: Fence
        package let instance: InstanceID
        /// Which connection of the instance it is, by its `HELLO`.
        package let attempt: Attempt
        /// When it attached.
        package let since: Instant
        /// Whether handlers get what it brings. Once a message of it was dropped, what follows would be out of order. [R7.2-1]
        package fileprivate(set) var takesUplink = true

        package init(address: ConnectionAddress, client: ClientID, fence: Fence, instance: InstanceID, attempt: Attempt, since: Instant) {
            self.address = address
            self.client = client
            self.fence = fence
            self.instance = instance
            self.attempt = attempt
            self.since = since
        }
    }

    private struct Entry: Hashable, Sendable {
        /// The connection's place in `roster`.
        var index: Int
        /// The client that it attached as.
        var client: ClientID?
    }

    /// All open connections, in an order that depends on nothing but what happened; dictionaries are never iterated.
    package private(set) var roster: [ConnectionAddress] = []
    private var entries: [ServedConnectionID: Entry] = [:]
    private var voices: [ClientID: Voice] = [:]
    private var opened: UInt64 = 0
    /// Who became a voice and when, in that order; some are voices no more.
    private var ages: Deque<Age> = []

    private struct Age: Hashable, Sendable {
        let client: ClientID
        let address: ConnectionAddress
        let since: Instant
    }

    package init() {}

    /// How many connections are voices.
    package var voiceCount: Int { self.voices.count }

    /// Names a connection that was accepted on a loop.
    package mutating func open(loop: Int) -> ConnectionAddress {
        self.opened += 1
        let address = ConnectionAddress(id: ServedConnectionID(self.opened), loop: loop)
        self.entries[address.id] = Entry(index: self.roster.endIndex)
        self.roster.append(address)
        return address
    }

    /// Forgets a connection that is gone; returns the client that has no voice here any more because of that.
    @discardableResult
    package mutating func close(_ id: ServedConnectionID) -> ClientID? {
        guard let entry = self.entries.removeValue(forKey: id) else { return nil }
        let last = self.roster.removeLast()
        if last.id != id {
            self.roster[entry.index] = last
            self.entries[last.id]?.index = entry.index
        }
        guard let client = entry.client, self.voices[client]?.address.id == id else { return nil }
        self.voices[client] = nil
        self.forgetAges()
        return client
    }

    /// A connection became the voice of a client; returns the one that it displaced here. A connection that is gone displaces too.
    package mutating func attach(_ voice: Voice) -> Voice? {
        let former = self.voices[voice.client].flatMap { $0.address == voice.address ? nil : $0 }
        if self.entries[voice.address.id] != nil {
            self.entries[voice.address.id]?.client = voice.client
            self.voices[voice.client] = voice
            self.ages.append(Age(client: voice.client, address: voice.address, since: voice.since))
        } else {
            self.voices[voice.client] = nil
        }
        self.forgetAges()
        return former
    }

    /// The voice of a client on this node, as far as it knows.
    package func voice(of client: ClientID) -> Voice? {
        self.voices[client]
    }

    /// The voice of a client, when it attached under this fence.
    package func voice(of client: ClientID, under fence: Fence) -> Voice? {
        self.voices[client].flatMap { $0.fence == fence ? $0 : nil }
    }

    /// Nothing that the voice of a client still brings is handled; with a fence, only when it attached under that.
    package mutating func endUplink(of client: ClientID, under fence: Fence? = nil) {
        guard let voice = self.voices[client], fence == nil || fence == voice.fence else { return }
        self.voices[client]?.takesUplink = false
    }

    /// Whether a connection is the voice of a client.
    package func isVoice(_ id: ServedConnectionID) -> Bool {
        guard let client = self.entries[id]?.client else { return false }
        return self.voices[client]?.address.id == id
    }

    /// The voices that have been that for longest, at most so many, and none that attached later than the moment. [R10.2-2]
    package func oldestVoices(_ count: Int, attachedBy latest: Instant) -> [ConnectionAddress] {
        #if MUTANTS
        if Mutant.rebalanceTheYoung.isPlanted { return self.ages.reversed().filter { self.isCurrent($0) }.prefix(count).map(\.address) }
        #endif
        return Array(self.ages.lazy.filter { self.isCurrent($0) }.prefix { $0.since <= latest }.prefix(count).map(\.address))
    }

    private func isCurrent(_ age: Age) -> Bool {
        self.voices[age.client].map { $0.address == age.address && $0.since == age.since } ?? false
    }

    /// Forgets who is no voice any more, now and then: often enough that most are.
    private mutating func forgetAges() {
        guard self.ages.count > 2 * self.voices.count + 64 else { return }
        let current = self.ages.filter { self.isCurrent($0) }
        self.ages = Deque(current)
    }

    /// Whether a connection is open.
    package func contains(_ id: ServedConnectionID) -> Bool {
        self.entries[id] != nil
    }
}
