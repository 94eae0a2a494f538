import GaplessClient
import GaplessCore
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import UnixSignals

/// One run of `gapless connect`: messages to standard output, standard input to the server, events to standard error.
final class TerminalSession: Sendable {
    private let client: GaplessClient
    private let format: MessageFormat
    private let count: Int?
    private let idleExit: Duration?
    private let inputReport: InputReport
    private let lastActivity: Mutex<ContinuousClock.Instant>
    private let failure = Mutex<(any Error)?>(nil)
    /// Whether the client was ever attached, so that idleness says something.
    private let wasOnline = Mutex(false)

    /// The most bytes of a line of standard input.
    private static let maxLineBytes = 1_048_576

    /// Prepares a run of `client` that ends after `count` messages, or when nothing happened for `idleExit`.
    init(client: GaplessClient, format: MessageFormat, count: Int?, idleExit: Duration?, inputReport: InputReport) {
        self.client = client
        self.format = format
        self.count = count
        self.idleExit = idleExit
        self.inputReport = inputReport
        self.lastActivity = Mutex(.now)
    }

    /// Runs until the client leaves: by a signal, by `count` or `idleExit`, or because the server wants it.
    func run(writingTo output: inout MessageOutput, logger: Logger) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: self.client, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        enum Part { case client, side }
        await withTaskGroup(of: Part.self) { tasks in
            tasks.addTask {
                await self.catching(group) { try await group.run() }
                return .client
            }
            tasks.addTask {
                await self.catching(group) { try await self.sendInput() }
                return .side
            }
            if let idleExit = self.idleExit {
                tasks.addTask {
                    await self.catching(group) {
                        try await self.waitForIdleness(idleExit)
                        guard self.wasOnline.withLock({ $0 }) else { throw ProgramError(.tryAgain, "no node took the client") }
                        await group.triggerGracefulShutdown()
                    }
                    return .side
                }
            }
            await self.catching(group) { try await self.receive(into: &output) }
            await group.triggerGracefulShutdown()
            while let part = await tasks.next(), part != .client {}
            tasks.cancelAll()
        }
        if let error = self.failure.withLock({ $0 }) { throw error }
    }

    /// Whatever fails first makes the client leave; then its events end, and with them the run.
    private func catching(_ group: ServiceGroup, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch is CancellationError {
            // Somebody else ended the run.
        } catch let error as SendError where error.code == .stopped || error.code == .ended {
            // So did somebody here; lines that found no place in the outbox any more were never said to be safe.
        } catch {
            self.failure.withLock { $0 = $0 ?? error }
            await group.triggerGracefulShutdown()
        }
    }

    // MARK: Down

    private func receive(into output: inout MessageOutput) async throws {
        var received = 0
        for try await batch in self.client.batches(maxEvents: self.count == nil ? 1_024 : 1) {
            self.lastActivity.withLock { $0 = .now }
            var newest: GaplessClient.Event?
            for event in batch {
                if try self.handle(event, output: &output) {
                    newest = event
                    if case .message = event { received += 1 }
                }
            }
            try output.flush()
            switch newest {
            case .message(let message): message.acknowledgeThrough(bookmark: output.bookmark)
            case .gap(let gap): gap.acknowledgeThrough(bookmark: output.bookmark)
            default: break
            }
            if received == self.count { return }
        }
    }

    /// Writes what is to be written; whether the event is one that is acknowledged.
    private func handle(_ event: GaplessClient.Event, output: inout MessageOutput) throws -> Bool {
        switch event {
        case .message(let message):
            self.wasOnline.withLock { $0 = true }
            try output.cutTail()
            try output.write(self.format.line(message))
            return true
        case .gap(let gap):
            // What was acknowledged before this state was saved stands in the file, and comes no more.
            if gap.reason == .acknowledged { output.keepTail() } else { try output.cutTail() }
            switch self.format {
            case .text: StandardError.write("gap \(gap.range.first) \(gap.range.last) \(gap.reason)")
            case .json: try output.write(MessageFormat.line(gap))
            }
            return true
        case .reset(let reason):
            // Whether what was written comes again is not known: better a line twice than none.
            output.keepTail()
            switch self.format {
            case .text: StandardError.write("reset \(reason)")
            case .json: try output.write(MessageFormat.line(reset: reason.description))
            }
            return false
        case .uplinkMayRepeat(let tickets) where tickets.isEmpty:
            return false
        case .uplinkMayRepeat(let tickets):
            StandardError.write("repeat \(tickets.count) messages may reach the server twice")
            return false
        case .state(let state):
            if case .online = state { self.wasOnline.withLock { $0 = true } }
            Self.report(state)
            return false
        @unknown default:
            return false
        }
    }

    private static func report(_ state: GaplessClient.State) {
        switch state {
        case .online(let attachment):
            StandardError.write("online \(attachment.client) at \(attachment.endpoint) (node \(attachment.node))")
        case .offline(let absence) where absence.cause == .awaitingToken:
            break  // The file is being read; a failure is logged.
        case .offline(let absence):
            let code = absence.closeCode.map { " \($0)" } ?? ""
            let reason = absence.message.isEmpty ? "" : " (\(absence.message))"
            StandardError.write(
                "offline \(absence.cause)\(code)\(reason), again in \(Int64(absence.retryAfter / .milliseconds(1))) ms"
            )
        case .stopped(let code, let message):
            StandardError.write("stopped \(code) \(message)")
        case .idle, .connecting:
            break
        @unknown default:
            break
        }
    }

    // MARK: Up

    private func sendInput() async throws {
        var reader = LineReader()
        var taken = 0
        while let lines = try await reader.next(maxLineBytes: Self.maxLineBytes) {
            self.lastActivity.withLock { $0 = .now }
            let payloads = lines.map { line in
                String(validating: line, as: UTF8.self).map { Payload(text: $0) } ?? Payload(binary: ByteBuffer(bytes: line))
            }
            do {
                try await self.client.enqueue(contentsOf: payloads)
            } catch let error as SendError where error.code == .tooLarge {
                throw ProgramError(.wrongInput, "a line of standard input is too long: \(error)")
            }
            taken += lines.count
            self.inputReport.report(taken: taken)
        }
    }

    // MARK: The end

    private func waitForIdleness(_ limit: Duration) async throws {
        while true {
            let rest = limit - self.lastActivity.withLock { ContinuousClock.now - $0 }
            if rest > .zero {
                try await Task.sleep(for: rest)
                continue
            }
            let before = ContinuousClock.now
            try await self.client.flush()
            // What took a while to be confirmed was no idleness.
            if ContinuousClock.now - before < .milliseconds(100) { return }
            self.lastActivity.withLock { $0 = .now }
        }
    }
}
