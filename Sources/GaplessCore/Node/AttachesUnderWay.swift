/// Attaches that the store was asked for and that this node has not heard of.
///
/// Another process may see such an attachment and raise a signal for it before its receipt is here. The signal finds nobody then, and it
/// is not repeated; so it is kept for the connection that comes.
package struct AttachesUnderWay: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        var count = 0
        var signalled: Signal.Kind?
    }

    private var entries: [ClientID: Entry] = [:]

    package init() {}

    /// An attach was submitted.
    package mutating func began(_ client: ClientID) {
        self.entries[client, default: Entry()].count += 1
    }

    /// A signal came for a client that has no voice here. The newest counts, but news take the place of nothing.
    package mutating func signalled(_ signal: Signal) {
        if signal.kind == .news, self.entries[signal.client]?.signalled != nil { return }
        self.entries[signal.client]?.signalled = signal.kind
    }

    /// An attach was answered, or failed; returns which signal came meanwhile.
    package mutating func ended(_ client: ClientID) -> Signal.Kind? {
        guard var entry = self.entries[client] else { return nil }
        entry.count -= 1
        self.entries[client] = entry.count > 0 ? entry : nil
        return entry.signalled
    }
}
