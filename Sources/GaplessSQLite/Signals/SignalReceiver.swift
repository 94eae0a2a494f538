import Foundation
package import GaplessCore
package import GaplessStore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Hears the wake-ups of other processes of one store, and calls for a look at the signals.
package final class SignalReceiver: Sendable {
    private let socket: DatagramSocket
    private let path: String
    private let isStopped = Mutex(false)

    /// Listens for a node, on a thread of its own.
    ///
    /// - Parameters:
    ///   - path: the database's path.
    ///   - onWake: called on that thread, once for all wake-ups that came meanwhile; it should be quick.
    /// - Throws: `.misconfigured` when the socket cannot be made. A node works without it; then only the poll brings the news of other nodes.
    package init(storeAt path: String, node: NodeIdentity, onWake: @escaping @Sendable () -> Void) throws(QueueStoreError) {
        let folder = SignalFolder(try StorePath(path))
        try folder.prepare()
        folder.removeStale()
        guard let socket = DatagramSocket() else {
            throw QueueStoreError(.misconfigured, "No socket for wake-ups.", cause: SystemCallError("socket", errno))
        }
        self.socket = socket
        self.path = folder.socket(of: node)
        do {
            try socket.bind(to: self.path)
        } catch {
            throw QueueStoreError(.misconfigured, "The socket for wake-ups, \(self.path), cannot be made.", cause: error)
        }
        let thread = Thread { [socket, weak self] in
            while socket.receive() {
                guard let receiver = self, !receiver.isStopped.withLock({ $0 }) else { return }
                onWake()
            }
        }
        thread.name = "gapless-signals"
        thread.start()
    }

    deinit {
        self.stop()
    }

    /// Stops listening and removes the socket. A call under way is not waited for.
    package func stop() {
        let isFirst = self.isStopped.withLock { isStopped in
            defer { isStopped = true }
            return !isStopped
        }
        guard isFirst else { return }
        // The thread waits in the kernel: this is what lets it see that it is over. A wake-up would do, but for that a file descriptor has to
        // be left and the folder to be there; where the system cannot do without, it is the way.
        if !self.socket.endReceiving() { DatagramSocket()?.send(to: self.path) }
        unlink(self.path)
    }
}

/// Wakes other processes of one store, without ever waiting for them.
package final class SignalSender: Sendable {
    private let folder: SignalFolder
    private let socket: DatagramSocket?

    /// - Parameter path: the database's path.
    package init(storeAt path: String) throws(QueueStoreError) {
        self.folder = SignalFolder(try StorePath(path))
        self.socket = DatagramSocket()
    }

    /// Tells these nodes to look at their signals. One that is gone, or busy beyond its buffer, misses it.
    package func wake(_ nodes: [NodeIdentity]) {
        for node in nodes { self.socket?.send(to: self.folder.socket(of: node)) }
    }

    /// Removes the sockets of processes that are gone.
    package func removeStaleSockets() {
        self.folder.removeStale()
    }
}
