import Synchronization
import Testing

@testable import GaplessServer

/// So many at once, the others in order.
@Suite(.timeLimit(.minutes(5))) struct CallSlotsTests {
    /// How many run at once.
    private final class Running: Sendable {
        private let counts = Mutex((now: 0, most: 0))

        var now: Int { self.counts.withLock { $0.now } }
        var most: Int { self.counts.withLock { $0.most } }

        func begin() {
            self.counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
        }

        func end() {
            self.counts.withLock { $0.now -= 1 }
        }
    }

    /// Waits until so many wait for a slot.
    private static func wait(for count: Int, _ slots: CallSlots) async {
        while slots.waiting != count { await Task.yield() }
    }

    @Test func noMoreThanThereAreSlots() async throws {
        let slots = CallSlots(3)
        let running = Running()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 1...50 {
                tasks.addTask {
                    try await slots.with {
                        running.begin()
                        for _ in 1...20 { await Task.yield() }
                        running.end()
                    }
                }
            }
            try await tasks.waitForAll()
        }
        #expect(running.most <= 3 && running.now == 0 && slots.waiting == 0)
    }

    @Test func whoWaitsLongestIsNext() async throws {
        let slots = CallSlots(1)
        let served = Mailbox<Int>()
        let (holds, release) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await slots.with {
                    served.put(0)
                    for await _ in holds {}
                }
            }
            #expect(try await served.next() == 0)
            for number in 1...5 {
                tasks.addTask { try await slots.with { served.put(number) } }
                await Self.wait(for: number, slots)
            }
            release.finish()
            try await tasks.waitForAll()
        }
        for number in 1...5 { #expect(try await served.next() == number) }
    }

    @Test func whoIsCancelledWaitsNoMoreAndTakesNothing() async throws {
        let slots = CallSlots(1)
        let (holds, release) = AsyncStream.makeStream(of: Void.self)
        let began = Mailbox<Void>()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await slots.with {
                    began.put(())
                    for await _ in holds {}
                }
            }
            try await began.next()
            let waiter = Task { try await slots.with {} }
            await Self.wait(for: 1, slots)
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
            #expect(slots.waiting == 0)
            let late = Task {
                while !Task.isCancelled { await Task.yield() }
                try await slots.with {}
            }
            late.cancel()
            await #expect(throws: CancellationError.self) { try await late.value }
            release.finish()
            try await tasks.waitForAll()
        }
        // The slot is there again.
        try await slots.with {}
    }

    @Test func aSlotComesBackFromACallThatThrows() async throws {
        struct Failure: Error {}
        let slots = CallSlots(1)
        for _ in 1...3 {
            await #expect(throws: Failure.self) { try await slots.with { throw Failure() } }
        }
        #expect(slots.waiting == 0)
    }
}
