public import GaplessCore
import NIOCore

extension GaplessClient {
    /// Sends a text and waits until the server has handled it.
    ///
    /// Without a connection the message waits in the outbox and goes with the next one; with a state file it even outlives the process.
    /// After a reconnect it is sent again with the same number, so that the server handles it once.
    ///
    /// - Throws: ``SendError``: the outbox is full, the message too large, the client stopped. `CancellationError`: the message stays in
    ///   the outbox all the same.
    public func send(_ text: String) async throws {
        try await self.send(Payload(text: text))
    }

    /// Sends bytes and waits until the server has handled them; see ``send(_:)-(String)``.
    public func send(bytes: some Sequence<UInt8>) async throws {
        try await self.send(Payload(binary: ByteBuffer(bytes: bytes)))
    }

    /// Sends a text or bytes and waits until the server has handled them; see ``send(_:)-(String)``.
    public func send(_ payload: Payload) async throws {
        try await self.mailbox.wait { (shell, waiter: Waiter<Void>) in
            shell.send(payload, waiter)
        } cancel: {
            $0.cancelWaiter($1)
        }
    }

    /// Puts a message into the outbox and does not wait for the server.
    ///
    /// When this returns, the message is in the state file, if there is one. ``Ticket/confirmed()`` and ``flush()`` wait for the server.
    ///
    /// - Throws: ``SendError``, `.queueFull` among others; `CancellationError`.
    @discardableResult
    public func enqueue(_ payload: Payload) async throws -> Ticket {
        let number = try await self.mailbox.wait { (shell, waiter: Waiter<UplinkTicket>) in
            shell.enqueue(payload, waiter)
        } cancel: {
            $0.cancelWaiter($1)
        }
        return Ticket(number, mailbox: self.mailbox)
    }

    /// Puts messages into the outbox in their order, and waits for room when it is full, but not for the server.
    ///
    /// When this returns, all messages are in the outbox, and in the state file, if there is one. A cancelled or failed call may have put the
    /// first of them there.
    ///
    /// - Throws: ``SendError``; `CancellationError`.
    @discardableResult
    public func enqueue(contentsOf payloads: [Payload]) async throws -> [Ticket] {
        let numbers = try await self.mailbox.wait { (shell, waiter: Waiter<[UplinkTicket]>) in
            shell.enqueue(payloads, waiter)
        } cancel: {
            $0.cancelWaiter($1)
        }
        return numbers.map { Ticket($0, mailbox: self.mailbox) }
    }

    /// Waits until the server has handled everything that is in the outbox now, what a state file brought along included.
    ///
    /// - Throws: ``SendError`` when the client stops before; `CancellationError`.
    public func flush() async throws {
        try await self.mailbox.wait { (shell, waiter: Waiter<Void>) in
            shell.waitForAllConfirmations(waiter)
        } cancel: {
            $0.cancelWaiter($1)
        }
    }
}
