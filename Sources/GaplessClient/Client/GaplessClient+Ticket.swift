import GaplessCore

extension GaplessClient {
    /// Names a message on its way to the server, for as long as the client lives.
    public struct Ticket: Hashable, Comparable, Sendable {
        let number: UplinkTicket
        private let mailbox: ClientMailbox

        init(_ number: UplinkTicket, mailbox: ClientMailbox) {
            self.number = number
            self.mailbox = mailbox
        }

        /// Waits until the server has handled the message.
        ///
        /// - Throws: ``SendError``; `CancellationError`, which leaves the message where it is.
        public func confirmed() async throws {
            let number = self.number
            try await self.mailbox.wait { shell, waiter in
                shell.waitForConfirmation(of: number, waiter)
            } cancel: { shell, id in
                shell.cancelWaiter(id)
            }
        }

        /// Whether both name the same message.
        public static func == (left: Ticket, right: Ticket) -> Bool {
            left.number == right.number && left.mailbox === right.mailbox
        }

        /// Tickets of one client are ordered like their messages.
        public static func < (left: Ticket, right: Ticket) -> Bool {
            left.number < right.number
        }

        /// Mixes the message's number in.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(self.number)
        }
    }
}
