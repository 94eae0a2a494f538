import Foundation
import GaplessStore

/// What kind of file system a folder lies on, as far as a store must know.
///
/// SQLite's write-ahead log shares memory between the processes that have the file open. Network file systems do not share memory between
/// machines, and some not even between two processes of one machine: the database would be damaged, not slow.
enum FileSystemKind: Hashable {
    /// A disk of this machine, or something that cannot be told from one.
    case local
    /// A network file system, by the kernel's name for it.
    case network(String)

    private static let networkNames: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "ceph", "lustre", "gpfs", "afs", "coda", "beegfs", "glusterfs", "orangefs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.davfs", "davfs", "fuse.gcsfuse", "fuse.ceph-fuse", "webdav",
    ]

    /// The kind that the kernel tells of the folder; `local` when it tells nothing.
    static func of(_ folder: String) -> FileSystemKind {
        #if os(Linux)
        guard let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8) else { return .local }
        return Self.of(folder, mounts: mounts)
        #else
        let values = try? URL(fileURLWithPath: folder).resourceValues(forKeys: [.volumeIsLocalKey])
        return values?.volumeIsLocal == false ? .network("a network file system") : .local
        #endif
    }

    /// The kind of the innermost mount that holds the folder; of several mounts on one place, the last hides the others.
    ///
    /// - Parameters:
    ///   - folder: an absolute path without links.
    ///   - mounts: what `/proc/self/mountinfo` holds (`man 5 proc`).
    static func of(_ folder: String, mounts: String) -> FileSystemKind {
        var longest = -1
        var kind = FileSystemKind.local
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ", omittingEmptySubsequences: false)
            guard fields.count > 6, let separator = fields[6...].firstIndex(of: "-"), fields.count > separator + 1 else { continue }
            let point = Self.unescaped(fields[4])
            guard folder == point || folder.hasPrefix(point == "/" ? "/" : point + "/"), point.utf8.count >= longest else { continue }
            longest = point.utf8.count
            let name = String(fields[separator + 1])
            kind = Self.networkNames.contains(name) ? .network(name) : .local
        }
        return kind
    }

    /// Spaces and the like stand as three octal digits after a backslash.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Throws: `.misconfigured` for a network file system.
    func requireLocal(_ folder: String) throws(QueueStoreError) {
        guard case .network(let name) = self else { return }
        throw QueueStoreError(
            .misconfigured,
            "\(folder) lies on a network file system (\(name)): a database of several processes needs a disk of this machine."
        )
    }
}
