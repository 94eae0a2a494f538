import GaplessCore
import Testing

@testable import GaplessClient

/// Who hears when of a message that is on its way to the server.
@Suite struct UplinkWaitersTests {
    /// Waits as a task does, with the waiter handed to `body` at once.
    private func outcome(_ body: (Waiter<Void>) -> Void) async -> Result<Void, any Error> {
        do {
            try await withCheckedThrowingContinuation { body(Waiter(id: WaiterID(), continuation: $0)) }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func ticket(_ number: UInt64) -> UplinkTicket { UplinkTicket(number) }

    @Test("Messages that a record brought along have the first tickets")
    func restoredMessagesComeFirst() async throws {
        var waiters = UplinkWaiters(restored: 2)
        waiters.queued(self.ticket(3))
        #expect(waiters.count == 3)
        let outcome = await self.outcome {
            waiters.wait(for: self.ticket(2), $0)
            waiters.confirmed([self.ticket(1), self.ticket(2)])
        }
        #expect(throws: Never.self) { try outcome.get() }
        #expect(waiters.count == 1)
    }

    @Test("What is settled is answered at once")
    func settledIsAnsweredAtOnce() async throws {
        var waiters = UplinkWaiters(restored: 0)
        for number in UInt64(1)...3 { waiters.queued(self.ticket(number)) }
        waiters.discarded([self.ticket(2)], .tooLarge(limit: 9))
        waiters.confirmed([self.ticket(1), self.ticket(3)])
        let (one, two) = (
            await self.outcome { waiters.wait(for: self.ticket(1), $0) }, await self.outcome { waiters.wait(for: self.ticket(2), $0) }
        )
        #expect(throws: Never.self) { try one.get() }
        #expect(throws: SendError.tooLarge(limit: 9)) { try two.get() }
        let all = await self.outcome { waiters.waitForAll($0) }
        #expect(throws: Never.self) { try all.get() }
    }

    @Test("Waiting for all is waiting for the newest, whatever becomes of those between")
    func waitingForAll() async throws {
        var waiters = UplinkWaiters(restored: 0)
        for number in UInt64(1)...3 { waiters.queued(self.ticket(number)) }
        var wasEarly = false
        let all = await self.outcome {
            waiters.waitForAll($0)
            waiters.queued(self.ticket(4))
            waiters.discarded([self.ticket(3)], .tooLarge(limit: 9))
            waiters.confirmed([self.ticket(1)])
            wasEarly = waiters.drainCount == 0
            waiters.confirmed([self.ticket(2)])
        }
        #expect(!wasEarly)
        #expect(throws: Never.self) { try all.get() }
        #expect(waiters.count == 1)
    }

    @Test("Who gives up is told so, and nobody else is")
    func givingUp() async throws {
        var waiters = UplinkWaiters(restored: 1)
        let message = await self.outcome {
            waiters.wait(for: self.ticket(1), $0)
            waiters.cancel($0.id)
        }
        #expect(throws: CancellationError.self) { try message.get() }
        let all = await self.outcome {
            waiters.waitForAll($0)
            waiters.cancel($0.id)
        }
        #expect(throws: CancellationError.self) { try all.get() }
        waiters.cancel(WaiterID())
        #expect(waiters.count == 1)
    }

    @Test("Refusals are kept for late questions up to a bound, and what was forgotten is never called handled")
    func refusalsAreBounded() async throws {
        var waiters = UplinkWaiters(restored: 0)
        let newest = UInt64(UplinkWaiters.maxDiscarded) + 2
        for number in 1...newest {
            waiters.queued(self.ticket(number))
            waiters.discarded([self.ticket(number)], .tooLarge(limit: 9))
        }
        waiters.queued(self.ticket(newest + 1))
        waiters.confirmed([self.ticket(newest + 1)])
        #expect(waiters.discardedCount == UplinkWaiters.maxDiscarded)
        for (number, error) in [(1, SendError.forgotten), (2, .forgotten), (3, .tooLarge(limit: 9)), (newest, .tooLarge(limit: 9))] {
            let outcome = await self.outcome { waiters.wait(for: self.ticket(number), $0) }
            #expect(throws: error, "\(number)") { try outcome.get() }
        }
        let handled = await self.outcome { waiters.wait(for: self.ticket(newest + 1), $0) }
        #expect(throws: Never.self) { try handled.get() }
    }

    @Test("At the end everybody is told")
    func everybodyIsToldAtTheEnd() async throws {
        var waiters = UplinkWaiters(restored: 1)
        let message = await self.outcome {
            waiters.wait(for: self.ticket(1), $0)
            waiters.failAll(.stopped)
        }
        #expect(throws: SendError.stopped) { try message.get() }
        #expect(waiters.count == 0)
    }
}
