import GaplessCore
import Logging
import Synchronization
import Testing

@testable import GaplessServer

/// The tasks in which a service's own code runs.
@Suite(.timeLimit(.minutes(10))) struct JobRunnerTests {
    @Test func jobsRunSideBySideAndAreWaitedFor() async throws {
        let runner = JobRunner()
        let (first, second) = (Mailbox<Int>(), Mailbox<Int>())
        let running = Task { await runner.run() }
        // Each waits for the other: one after the other they would never end.
        runner.submit {
            first.put(1)
            _ = try? await second.next()
        }
        runner.submit {
            second.put(2)
            _ = try? await first.next()
        }
        runner.finish()
        #expect(await running.value.isEmpty)
    }

    @Test func whatWasSubmittedBeforeTheEndStillRuns() async {
        let runner = JobRunner()
        let runs = Mutex(0)
        for _ in 0..<100 { runner.submit { runs.withLock { $0 += 1 } } }
        runner.finish()
        runner.submit { runs.withLock { $0 += 1_000 } }
        #expect(await runner.run().isEmpty)
        #expect(runs.withLock { $0 } == 100)
    }

    @Test func cancellationReachesTheJobs() async throws {
        let runner = JobRunner()
        let events = Mailbox<String>()
        let running = Task { await runner.run() }
        runner.submit {
            events.put("began")
            try? await untilCancelled()
            events.put(Task.isCancelled ? "cancelled" : "ended")
        }
        #expect(try await events.next() == "began")
        running.cancel()
        #expect(try await events.next() == "cancelled")
        #expect(await running.value.isEmpty)
    }
}

@Suite(.timeLimit(.minutes(10))) struct AuthenticationJobTests {
    @Test func oneIsCancelledByItsConnectionAndCountsUntilItEnds() async throws {
        let jobs = JobRunner()
        var directory = ConnectionDirectory()
        let (first, second) = (directory.open(loop: 0).id, directory.open(loop: 0).id)
        let (begun, cancelled, outcomes) = (Mailbox<Int>(), Mailbox<Int>(), Mailbox<Int>())
        let released = [Mailbox<Void>(), Mailbox<Void>()]
        let running = Task { await jobs.run() }
        for (number, connection) in [first, second].enumerated() {
            jobs.submit(authenticationOf: connection) {
                begun.put(number)
                await withTaskCancellationHandler {
                    _ = try? await released[number].next()
                } onCancel: {
                    cancelled.put(number)
                }
                return number
            } then: { _ in
                outcomes.put(jobs.authentications)
            }
            #expect(try await begun.next() == number)
        }
        #expect(jobs.authentications == 2)
        jobs.cancel(authenticationOf: second)
        #expect(try await cancelled.next() == 1)
        #expect(cancelled.isEmpty && jobs.authentications == 2)
        jobs.cancel(authenticationOf: first)
        #expect(try await cancelled.next() == 0)
        jobs.cancel(authenticationOf: first)
        #expect(jobs.authentications == 2)
        released[0].put(())
        #expect(try await outcomes.next() == 1)
        released[1].put(())
        #expect(try await outcomes.next() == 0)
        jobs.cancel(authenticationOf: first)
        jobs.finish()
        #expect(await running.value.isEmpty)
    }

    @Test func aConnectionThatHeardOfOneMayBeginTheNextAtOnce() async throws {
        let jobs = JobRunner()
        var directory = ConnectionDirectory()
        let connection = directory.open(loop: 0).id
        let ends = Mailbox<Void>()
        let running = Task { await jobs.run() }
        jobs.submit(authenticationOf: connection) {
        } then: { _ in
            // The first job still runs here.
            jobs.submit(authenticationOf: connection) {
                try? await untilCancelled()
            } then: { _ in
                ends.put(())
            }
            jobs.cancel(authenticationOf: connection)
        }
        try await ends.next()
        #expect(jobs.authentications == 0)
        jobs.finish()
        #expect(await running.value.isEmpty)
    }
}

@Suite(.timeLimit(.minutes(10))) struct HandlerJobTests {
    private func id(_ number: UInt64) throws -> HandlerRun.ID {
        HandlerRun.ID(client: try #require(ClientID("alice/phone")), number: number)
    }

    /// Says when it begins, and at its end whether it was cancelled.
    private func handler(_ events: Mailbox<String>) -> @Sendable () async -> Void {
        {
            events.put("began")
            try? await untilCancelled()
            events.put(Task.isCancelled ? "cancelled" : "ended")
        }
    }

    @Test func oneHandlerIsCancelledAndTheOthersGoOn() async throws {
        let jobs = JobRunner()
        let (first, second) = (Mailbox<String>(), Mailbox<String>())
        let running = Task { await jobs.run() }
        jobs.submit(try self.id(1), self.handler(first))
        jobs.submit(try self.id(2), self.handler(second))
        #expect(try await first.next() == "began")
        #expect(try await second.next() == "began")
        jobs.cancel(try self.id(2))
        #expect(try await second.next() == "cancelled")
        jobs.cancel(try self.id(2))
        jobs.cancel(try self.id(3))
        jobs.cancel(try self.id(1))
        #expect(try await first.next() == "cancelled")
        jobs.finish()
        #expect(await running.value.isEmpty)
    }

    @Test func aHandlerThatWasCancelledBeforeItBeganIsCancelled() async throws {
        // Its end is reported all the same, so it runs.
        let jobs = JobRunner()
        let events = Mailbox<String>()
        jobs.submit(try self.id(1), self.handler(events))
        jobs.cancel(try self.id(1))
        jobs.finish()
        #expect(await jobs.run().isEmpty)
        #expect(try await events.next() == "began")
        #expect(try await events.next() == "cancelled")
    }

    @Test func theEndOfTheRunCancelsAllHandlers() async throws {
        let jobs = JobRunner()
        let events = Mailbox<String>()
        let running = Task { await jobs.run() }
        jobs.submit(try self.id(1), self.handler(events))
        #expect(try await events.next() == "began")
        running.cancel()
        #expect(try await events.next() == "cancelled")
        #expect(await running.value.isEmpty)
    }
}

@Suite(.timeLimit(.minutes(10))) struct HookRunnerTests {
    private func removed(_ name: String) throws -> HookRunner.Event {
        .removed(RemovedEvent(client: try #require(ClientID(name)), reason: .removed))
    }

    @Test func hooksAreCalledInOrder() async throws {
        let heard = Mutex<[String]>([])
        var hooks = ServerHooks()
        hooks.removed = { event in heard.withLock { $0.append(event.client.description) } }
        let runner = HookRunner(
            hooks,
            dropped: ServerMetrics().hooksDropped,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        for number in 1...100 { runner.tell(try self.removed("c\(number)")) }
        runner.finish()
        await runner.run()
        #expect(heard.withLock { $0 } == (1...100).map { "c\($0)" })
    }

    @Test func whatNobodyHearsIsNotKept() async throws {
        let heard = Mutex(0)
        var hooks = ServerHooks()
        hooks.removed = { _ in heard.withLock { $0 += 1 } }
        let log = CapturedLog()
        let runner = HookRunner(hooks, dropped: ServerMetrics().hooksDropped, logger: log.logger)
        let client = try #require(ClientID("a"))
        for _ in 0...HookRunner.maxWaiting {
            runner.tell(.detached(DetachedEvent(client: client, generation: Generation(1))))
        }
        runner.tell(try self.removed("a"))
        runner.finish()
        await runner.run()
        #expect(heard.withLock { $0 } == 1)
        #expect(log.text.isEmpty)
    }

    @Test func tooManyAreDroppedAndThatIsToldOnce() async throws {
        let heard = Mutex<[String]>([])
        var hooks = ServerHooks()
        hooks.removed = { event in heard.withLock { $0.append(event.client.description) } }
        let log = CapturedLog()
        let runner = HookRunner(hooks, dropped: ServerMetrics().hooksDropped, logger: log.logger)
        for number in 1...HookRunner.maxWaiting + 50 { runner.tell(try self.removed("c\(number)")) }
        runner.finish()
        await runner.run()
        // The oldest are kept, so that those that are heard have no hole among them.
        #expect(heard.withLock { $0.count } == HookRunner.maxWaiting)
        #expect(heard.withLock { $0.last } == "c\(HookRunner.maxWaiting)")
        #expect(log.text.split(separator: "\n").count == 1)
    }
}
