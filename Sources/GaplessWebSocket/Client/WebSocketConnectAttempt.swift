package import NIOCore
import Synchronization

/// One try to open a WebSocket, from the lookup of the name to the checked handshake.
package final class WebSocketConnectAttempt: Sendable {
    private struct State {
        /// A name with several addresses is tried with several channels.
        var channels: [any Channel] = []
        /// Set when the handshake is through, or when the attempt failed: whoever comes second changes nothing.
        var isDecided = false
    }

    private let state = Mutex(State())
    private let promise: EventLoopPromise<Void>

    init(eventLoop: any EventLoop) {
        self.promise = eventLoop.makePromise(of: Void.self)
    }

    /// Succeeds after the delegate's `connectionOpened`, or fails with a ``WebSocketConnectError``; then there never was a delegate.
    package var opened: EventLoopFuture<Void> { self.promise.futureResult }

    /// Gives up, unless the connection is open already.
    package func cancel() {
        self.fail(WebSocketConnectError(.cancelled, "the caller gave up"))
    }

    /// Notes a channel, so that it can be closed; false when the attempt has failed before.
    func started(_ channel: any Channel) -> Bool {
        self.state.withLock { state in
            guard !state.isDecided else { return false }
            state.channels.append(channel)
            return true
        }
    }

    /// The handshake is through; false when the attempt has failed before.
    func claim() -> Bool {
        self.state.withLock { state in
            guard !state.isDecided else { return false }
            state.isDecided = true
            state.channels = []
            return true
        }
    }

    func succeed() {
        self.promise.succeed()
    }

    func fail(_ error: WebSocketConnectError) {
        let (isFirst, channels) = self.state.withLock { state in
            let result = (!state.isDecided, state.channels)
            state.isDecided = true
            state.channels = []
            return result
        }
        guard isFirst else { return }
        self.promise.fail(error)
        for channel in channels { channel.close(promise: nil) }
    }
}
