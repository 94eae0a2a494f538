/// What becomes of the bytes of removed messages in a database's file (SQLite's `secure_delete`).
///
/// It says nothing about copies: backups, a file system that keeps old versions, a disk that writes elsewhere. And SQLite's write-ahead log, at
/// most about 16 MiB beside the file, holds what was written last until it is written over; a clean stop of the last node empties it.
public struct SecureDelete: Hashable, Sendable, CustomStringConvertible {
    /// The setting as SQLite and `gapless serve` write it.
    public let description: String

    /// They stay until something else happens to be written over them. The least work.
    public static let off = SecureDelete(unchecked: "off")

    /// They are overwritten with zeros where that writes no page that would not be written anyway: small messages are, large ones whose pages
    /// become free as a whole are not. The default: it costs a little CPU and no disk.
    public static let fast = SecureDelete(unchecked: "fast")

    /// They are always overwritten with zeros. Removing a large message writes as much as storing it did.
    public static let on = SecureDelete(unchecked: "on")

    private init(unchecked description: String) {
        self.description = description
    }

    /// The setting with a name: `off`, `fast` or `on`; nil for any other.
    public init?(_ name: String) {
        guard let setting = [Self.off, .fast, .on].first(where: { $0.description == name }) else { return nil }
        self = setting
    }
}
