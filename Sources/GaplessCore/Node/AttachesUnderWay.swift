/// Attaches that the store was asked for and that this node has not heard of.
///
/// Another process may see such an attachment and raise a signal for it before its receipt is here. The signal finds nobody then, and it
/// is not repeated; so it is kept for the connection that comes.
package struct AttachesUnderWay: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        var count = 0
        var isSignalled = false
    }

    private var entries: [ClientID: Entry] = [:]

    package init() {}

    /// An attach was submitted.
    package mutating func began(_ client: ClientID) {
        self.entries[client, default: Entry()].count += 1
    }

    /// A signal came for a client that has no voice here.
    package mutating func signalled(_ client: ClientID) {
        self.entries[client]?.isSignalled = true
    }

    /// An attach was answered, or failed; returns whether a signal came meanwhile.
    package mutating func ended(_ client: ClientID) -> Bool {
        guard var entry = self.entries[client] else { return false }
        entry.count -= 1
        self.entries[client] = entry.count > 0 ? entry : nil
        return entry.isSignalled
    }
}
