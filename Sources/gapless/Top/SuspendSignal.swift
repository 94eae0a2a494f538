@preconcurrency import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// `SIGTSTP`: the wish, of the terminal or of anybody else, that this process stops for a while.
///
/// UnixSignals does not know it. Unheard it would stop the process with the terminal as it is.
final class SuspendSignal: Sendable {
    private let source: any DispatchSourceSignal

    /// Calls the handler for each such signal until `cancel`.
    init(_ handler: @escaping @Sendable () -> Void) {
        #if canImport(Darwin)
        signal(SIGTSTP, SIG_IGN)  // There a source sees signals that are ignored; on Linux it catches them.
        #endif
        self.source = DispatchSource.makeSignalSource(signal: SIGTSTP, queue: DispatchQueue(label: "gapless.suspend"))
        self.source.setEventHandler(handler: handler)
        self.source.activate()
    }

    /// Hears no more.
    func cancel() {
        self.source.cancel()
    }

    /// Stops this process; returns when somebody continues it. Where no shell could, the system discards the wish.
    static func stopProcess() {
        var handled = sigaction()
        sigaction(SIGTSTP, nil, &handled)
        signal(SIGTSTP, SIG_DFL)
        // Threads of a pool let no signal in; on this one it takes effect before `raise` returns.
        var (wanted, former) = (sigset_t(), sigset_t())
        sigemptyset(&wanted)
        sigaddset(&wanted, SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &wanted, &former)
        raise(SIGTSTP)
        pthread_sigmask(SIG_SETMASK, &former, nil)
        sigaction(SIGTSTP, &handled, nil)
    }
}
