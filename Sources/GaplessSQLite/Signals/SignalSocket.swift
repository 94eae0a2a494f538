import GaplessCore
import GaplessStore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where the processes of one store listen for wake-ups: a UNIX datagram socket a node, in a folder that only its owner enters.
///
/// A wake-up says nothing but "look". One that is lost costs the time until the next poll.
struct SignalFolder: Sendable {
    /// The longest path that a socket's address holds, without the zero at its end.
    static var maxPathBytes: Int {
        MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
    }

    /// `/`, sixteen digits and `.sock`.
    private static let fileNameBytes = 22

    /// The folder.
    let path: String

    /// The folder beside the database; when a socket's path would be too long there, one in `/tmp` named after the database's path, which
    /// is the same for every process of the store.
    init(_ store: StorePath) {
        if store.signals.utf8.count + Self.fileNameBytes <= Self.maxPathBytes {
            self.path = store.signals
        } else {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for byte in store.database.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            self.path = "/tmp/gapless-\(geteuid())-\(String(hash, radix: 16))"
        }
    }

    /// The socket of one process of a node.
    func socket(of node: NodeIdentity) -> String {
        let digits = String(node.incarnation, radix: 16)
        return "\(self.path)/\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits).sock"
    }

    /// Makes the folder, and refuses one that somebody else could write to.
    func prepare() throws(QueueStoreError) {
        if mkdir(self.path, 0o700) != 0, errno != EEXIST {
            throw QueueStoreError(.misconfigured, "The folder \(self.path) cannot be made.", cause: SystemCallError("mkdir", errno))
        }
        var status = stat()
        guard lstat(self.path, &status) == 0, mode_t(status.st_mode) & mode_t(S_IFMT) == mode_t(S_IFDIR), status.st_uid == geteuid(),
            mode_t(status.st_mode) & 0o077 == 0
        else {
            throw QueueStoreError(
                .misconfigured,
                "\(self.path) must be a folder of the user that the node runs as, and closed to everybody else (mode 0700)."
            )
        }
    }

    /// Removes the sockets on which nobody listens any more.
    func removeStale() {
        guard let folder = opendir(self.path) else { return }
        defer { closedir(folder) }
        let probe = DatagramSocket()
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasSuffix(".sock") else { continue }
            let path = "\(self.path)/\(name)"
            if probe?.send(to: path) == ECONNREFUSED { unlink(path) }
        }
    }
}

/// A UNIX datagram socket of this process.
final class DatagramSocket: Sendable {
    /// The file descriptor.
    let descriptor: Int32

    /// Opens a socket; nil when the process has no file descriptors left.
    init?() {
        #if canImport(Glibc)
        self.descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
        self.descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        guard self.descriptor >= 0 else { return nil }
    }

    deinit {
        close(self.descriptor)
    }

    /// Makes the socket reachable under a path.
    func bind(to path: String) throws(SystemCallError) {
        let result = Self.withAddress(of: path) { address, length in
            #if canImport(Glibc)
            Glibc.bind(self.descriptor, address, length)
            #else
            Darwin.bind(self.descriptor, address, length)
            #endif
        }
        guard result == 0 else { throw SystemCallError("bind", errno) }
    }

    /// Sends one empty-handed datagram, without waiting.
    ///
    /// - Returns: the `errno`; 0 when it went out.
    @discardableResult
    func send(to path: String) -> Int32 {
        let result = Self.withAddress(of: path) { address, length in
            var byte: UInt8 = 1
            return sendto(self.descriptor, &byte, 1, Int32(MSG_DONTWAIT), address, length)
        }
        return result == 1 ? 0 : errno
    }

    /// Ends the waiting of whoever receives, now and later.
    ///
    /// - Returns: whether the system can do that.
    func endReceiving() -> Bool {
        shutdown(self.descriptor, Int32(SHUT_RD)) == 0
    }

    /// Waits for a datagram and takes it together with those that came with it.
    ///
    /// - Returns: whether there was one, or perhaps the waiting was ended; false when the socket is of no more use.
    func receive() -> Bool {
        var byte: UInt8 = 0
        while true {
            let count = recv(self.descriptor, &byte, 1, 0)
            if count >= 0 { break }
            guard errno == EINTR else { return false }
        }
        while recv(self.descriptor, &byte, 1, Int32(MSG_DONTWAIT)) > 0 {}
        return true
    }

    private static func withAddress<Result>(of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        precondition(path.utf8.count <= SignalFolder.maxPathBytes, "a socket's path fits into its address")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }
}
