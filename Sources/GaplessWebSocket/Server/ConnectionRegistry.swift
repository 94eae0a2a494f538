import NIOCore
import Synchronization

/// All connections that a listener accepted, WebSocket or not yet, so that a shutdown reaches each of them.
final class ConnectionRegistry: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isQuiescing = false
        var waiting: [EventLoopPromise<Void>] = []
    }

    private let state = Mutex(State())
    private let maxConnections: Int

    init(maxConnections: Int) {
        precondition(maxConnections > 0, "a listener takes at least one connection")
        self.maxConnections = maxConnections
    }

    /// A connection was not taken.
    struct ConnectionRefused: Error {}

    var count: Int { self.state.withLock { $0.channels.count } }

    /// Notes an accepted connection until it closes.
    func add(_ channel: any Channel) throws(ConnectionRefused) {
        let isTaken = self.state.withLock { state in
            guard !state.isQuiescing, state.channels.count < self.maxConnections else { return false }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        guard isTaken else { throw ConnectionRefused() }
        channel.closeFuture.whenComplete { [self] _ in self.remove(channel) }
    }

    private func remove(_ channel: any Channel) {
        let waiting = self.state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = nil
            guard state.channels.isEmpty else { return [EventLoopPromise<Void>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for promise in waiting { promise.succeed() }
    }

    /// Takes no more, and tells each connection that it should end.
    func quiesce() {
        let channels = self.state.withLock { state in
            state.isQuiescing = true
            return Array(state.channels.values)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(WebSocketShutdownEvent()) }
    }

    /// Ends the TCP connection of each.
    func closeAll() {
        let channels = self.state.withLock { Array($0.channels.values) }
        for channel in channels { channel.close(promise: nil) }
    }

    /// Completes when no connection is left.
    func whenEmpty(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let isEmpty = self.state.withLock { state in
            if state.channels.isEmpty { return true }
            state.waiting.append(promise)
            return false
        }
        if isEmpty { promise.succeed() }
        return promise.futureResult
    }
}
