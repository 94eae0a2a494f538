import Foundation
import GaplessClient
import GaplessCore
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import UnixSignals

/// A client that does what lines of standard input say, and reports what it meets as lines of standard output (Protocol.md §18.2).
final class LineProtocolClient: Sendable {
    private struct State {
        var token: String?
        var isHeld = false
        /// The newest event that is not handled because handlers are held back.
        var waiting: GaplessClient.Event?
    }

    private let state = Mutex(State())
    private let output = Mutex(())

    /// The most bytes of a command.
    private static let maxLineBytes = 2_097_152

    /// Waits for `connect`, then runs the client until it stops, is closed, or the input ends.
    func run() async throws {
        let (commands, feed) = AsyncStream.makeStream(of: [String].self)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                var reader = LineReader()
                while let lines = try await reader.next(maxLineBytes: Self.maxLineBytes) {
                    for line in lines {
                        let words = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
                        feed.yield(words.map(String.init))
                    }
                }
                feed.finish()
            }
            var iterator = commands.makeAsyncIterator()
            while let words = await iterator.next() {
                guard words[0] == "connect", words.count >= 3 else {
                    self.obey(words)
                    continue
                }
                var configuration = ClientConfiguration(endpoints: Array(words[2...]), client: words[1] == "-" ? nil : words[1])
                configuration.acknowledgement = .explicit
                if self.state.withLock({ $0.token }) != nil { configuration.token = .provider { try self.token() } }
                var logger = Logger(label: "gapless")
                logger.logLevel = .critical
                try await self.run(try GaplessClient(configuration, logger: logger), &iterator, logger)
                break
            }
            tasks.cancelAll()
        }
    }

    private func token() throws -> String {
        guard let token = self.state.withLock({ $0.token }) else { throw NoTokenError() }
        return token
    }

    // MARK: Commands

    private func run(_ client: GaplessClient, _ commands: inout AsyncStream<[String]>.Iterator, _ logger: Logger) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: client, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm],
                logger: logger
            )
        )
        let (tickets, confirmations) = AsyncStream.makeStream(of: GaplessClient.Ticket.self)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                async let events: Void = self.reportEvents(of: client)
                let hasLeft: Void? = try? await group.run()
                await events
                // Where it was stopped, an event said with which code.
                if hasLeft != nil { self.report("closed") }
                Foundation.exit(0)
            }
            tasks.addTask {
                var count = 0
                for await ticket in tickets {
                    do {
                        try await ticket.confirmed()
                        count += 1
                        self.report("confirmed \(count)")
                    } catch {
                        self.report("refused")
                    }
                }
            }
            while let words = await commands.next() {
                switch (words[0], words.count) {
                case ("send", 3): await self.send(words[1], words[2], by: client, confirmations)
                case ("close", 1): await group.triggerGracefulShutdown()
                case ("bye", 1): tasks.addTask { try? await client.end(.afterUplink) }
                default: self.obey(words)
                }
            }
            Foundation.exit(0)
        }
    }

    /// The commands that need no connection.
    private func obey(_ words: [String]) {
        switch (words[0], words.count) {
        case ("token", 2):
            self.state.withLock { $0.token = words[1] }
            self.report("done")
        case ("hold", 1):
            self.state.withLock { $0.isHeld = true }
            self.report("done")
        case ("release", 1):
            let waiting = self.state.withLock { state in
                state.isHeld = false
                return state.waiting.take()
            }
            if let waiting { Self.acknowledge(waiting) }
        default:
            self.report("unsupported")
        }
    }

    private func send(
        _ kind: String,
        _ base64: String,
        by client: GaplessClient,
        _ confirmations: AsyncStream<GaplessClient.Ticket>.Continuation
    ) async {
        guard let bytes = Data(base64Encoded: base64) else { return self.report("unsupported") }
        let payload = kind == "text" ? Payload(text: String(decoding: bytes, as: UTF8.self)) : Payload(binary: ByteBuffer(bytes: bytes))
        do {
            confirmations.yield(try await client.enqueue(payload))
        } catch {
            self.report("refused")
        }
    }

    // MARK: Reports

    private func report(_ line: String) {
        self.output.withLock { _ in
            do throws(ProgramError) {
                try StandardOutput.write(line)
            } catch {
                Foundation.exit(error.kind.rawValue)  // Whoever judges it is gone.
            }
        }
    }

    private func reportEvents(of client: GaplessClient) async {
        do {
            for try await event in client.events { self.report(event) }
        } catch {
            // The run of the client ends with the same error.
        }
    }

    private func report(_ event: GaplessClient.Event) {
        switch event {
        case .message(let message):
            let kind = message.payload.kind == .text ? "text" : "binary"
            self.report("message \(message.sequence) \(kind) \(Data(message.bytes).base64EncodedString())")
            self.handle(event)
        case .gap(let gap):
            self.report("gap \(gap.range.first) \(gap.range.last) \(gap.reason)")
            self.handle(event)
        case .reset(let reason):
            self.report("reset \(reason.description.isEmpty ? "-" : reason.description)")
        case .uplinkMayRepeat:
            self.report("repeat")
        case .state(.stopped(let code, _)):
            self.report("stopped \(code.rawValue)")
        case .state:
            break
        @unknown default:
            break
        }
    }

    /// What is reported is handled, unless handlers are held back.
    private func handle(_ event: GaplessClient.Event) {
        let isHeld = self.state.withLock { state in
            if state.isHeld { state.waiting = event }
            return state.isHeld
        }
        if !isHeld { Self.acknowledge(event) }
    }

    private static func acknowledge(_ event: GaplessClient.Event) {
        switch event {
        case .message(let message): message.acknowledgeThrough()
        case .gap(let gap): gap.acknowledgeThrough()
        default: break
        }
    }
}
