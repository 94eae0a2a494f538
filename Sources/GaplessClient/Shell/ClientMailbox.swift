import GaplessCore
import NIOCore
import Synchronization

/// What other threads ask of a client, on its way to the event loop: an array under a lock, and one wake-up for all that waits in it.
final class ClientMailbox: Sendable {
    enum Command: Sendable {
        /// The application is done with one event.
        case handled(EventReference, bookmark: UInt64?)
        /// The application is done with the event and everything before it.
        case handledThrough(EventReference, bookmark: UInt64?)
        /// Anything else; nothing when there is no shell any more.
        case perform(@Sendable (ClientShell) -> Void)
        /// A question that needs an answer also when there is no shell any more.
        case ask(@Sendable (ClientShell?) -> Void)
    }

    private struct State {
        var commands: [Command] = []
        /// Held by the client, whose end ends everything.
        weak var shell: NIOLoopBoundBox<ClientShell>?
    }

    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Says who the commands are for.
    func attach(_ shell: NIOLoopBoundBox<ClientShell>) {
        self.state.withLock { $0.shell = shell }
    }

    /// Adds a command behind the others.
    func post(_ command: Command) {
        let wasEmpty = self.state.withLock { state in
            let wasEmpty = state.commands.isEmpty
            if let last = state.commands.last, let joined = last.joined(command) {
                state.commands[state.commands.count - 1] = joined
            } else {
                state.commands.append(command)
            }
            return wasEmpty
        }
        if wasEmpty { self.eventLoop.execute { self.deliver() } }
    }

    private func deliver() {
        let (commands, shell) = self.state.withLock { state in
            var commands: [Command] = []
            swap(&commands, &state.commands)
            return (commands, state.shell)
        }
        if let shell { return shell.value.perform(commands) }
        for case .ask(let body) in commands { body(nil) }
    }
}

extension ClientMailbox.Command {
    /// The one command that does what both do; nil when there is none.
    fileprivate func joined(_ next: Self) -> Self? {
        guard case .handledThrough(let first, let earlier) = self, case .handledThrough(let second, let later) = next,
            first.numbering == second.numbering, first.through <= second.through
        else { return nil }
        return .handledThrough(second, bookmark: later ?? earlier)
    }
}
