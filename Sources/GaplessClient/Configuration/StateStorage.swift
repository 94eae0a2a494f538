/// Where a client keeps what is to outlive a connection: its position, its outbox with the messages in it, and who it is.
public struct StateStorage: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case memory
        case file(String)
    }

    let kind: Kind

    /// In memory: reconnects lose nothing, but a new process starts anew.
    public static let memory = StateStorage(kind: .memory)

    /// In a file, so that a new process goes on where the last one was, even after it was killed.
    ///
    /// The file is private to its owner, is written so that no crash leaves it half done, and is locked: one client at a time. A damaged
    /// file is refused and never started anew. Keep it on a local disk: everything is on the disk before the server is told.
    public static func file(_ path: String) -> StateStorage {
        StateStorage(kind: .file(path))
    }
}
