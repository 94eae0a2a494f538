package import NIOCore
import Synchronization

/// The way from other threads to one event loop: messages gather here, and the loop is called only when there were none.
///
/// One call of the loop carries everything that came meanwhile, in order, so that the loop writes and flushes once for a whole batch.
package final class LoopMailbox<Message: Sendable>: Sendable {
    private let execute: @Sendable (@escaping @Sendable () -> Void) -> Void
    private let handle: @Sendable ([Message]) -> Void
    private let waiting = Mutex<[Message]>([])

    /// - Parameter handle: gets each batch, on the loop.
    package convenience init(_ eventLoop: any EventLoop, handle: @escaping @Sendable ([Message]) -> Void) {
        self.init(execute: { eventLoop.execute($0) }, handle: handle)
    }

    /// - Parameters:
    ///   - execute: runs something on the loop, soon.
    ///   - handle: gets each batch, on the loop.
    package init(
        execute: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void,
        handle: @escaping @Sendable ([Message]) -> Void
    ) {
        self.execute = execute
        self.handle = handle
    }

    /// Posts one message.
    package func post(_ message: Message) {
        self.post([message])
    }

    /// Posts messages in their order.
    package func post(_ messages: [Message]) {
        guard !messages.isEmpty else { return }
        let wasEmpty = self.waiting.withLock { waiting in
            defer { waiting.append(contentsOf: messages) }
            return waiting.isEmpty
        }
        guard wasEmpty else { return }
        self.execute {
            let batch = self.waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            self.handle(batch)
        }
    }
}
