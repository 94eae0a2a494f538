import GaplessCore
import Testing

@Suite struct QueueLifetimeTests {
    let policy = StorePolicy()

    func at(_ milliseconds: UInt64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

    @Test func aLifetimeRunsFromDetach() {
        var queue = QueueFixture(head: 1, generation: 1, attachedAs: QueueFixture.first)
        #expect(queue.record.lifetimeEnd(.alive, under: self.policy) == nil)
        _ = queue.record.detach(DetachOperation(client: queue.record.client, fence: queue.fence), now: self.at(10_000))
        #expect(queue.record.lifetimeEnd(.alive, under: self.policy) == self.at(70_000))
    }

    @Test func aLifetimeRunsFromTheLastHeartbeatOfADeadNode() {
        let queue = QueueFixture(head: 1, generation: 1, attachedAs: QueueFixture.first)
        #expect(queue.record.lifetimeEnd(.dead(since: self.at(20_000)), under: self.policy) == self.at(80_000))
        #expect(queue.record.lifetimeEnd(.dead(since: self.at(5)), under: self.policy) == self.at(60_600))
        #expect(queue.record.lifetimeEnd(.dead(since: nil), under: self.policy) == self.at(60_600))
    }

    @Test func aQueueThatWasNeverAttachedLivesFromItsCreation() {
        let queue = QueueFixture(head: 1)
        #expect(queue.record.lifetimeEnd(.alive, under: self.policy) == self.at(60_500))
    }

    @Test func aQueueThatNeverHadAMessageGoesSooner() {
        var queue = QueueFixture()
        queue.record.keep = .seconds(86_400)
        #expect(queue.record.lifetimeEnd(.alive, under: self.policy) == self.at(60_500))
        queue.record.keep = .seconds(1)
        #expect(queue.record.lifetimeEnd(.alive, under: self.policy) == self.at(1_500))
        queue.record.head = .first
        queue.record.keep = .seconds(86_400)
        #expect(queue.record.lifetimeEnd(.alive, under: self.policy) == self.at(86_400_500))
    }

    @Test func aNodeIsAliveWhileItsHeartbeatIsYoungAndItHasNotStopped() {
        var node = NodeRecord(node: QueueFixture.node, schemas: 1...1, lastSeen: self.at(1_000))
        #expect(node.liveness(at: self.at(60_999), lifetime: .seconds(60)) == .alive)
        #expect(node.liveness(at: self.at(61_000), lifetime: .seconds(60)) == .dead(since: self.at(1_000)))
        node.hasStopped = true
        #expect(node.liveness(at: self.at(1_000), lifetime: .seconds(60)) == .dead(since: self.at(1_000)))
    }

    @Test func emptyQueuesGiveWayFirstAndTheLongestDetachedOfThem() {
        func rank(_ name: String, detached: UInt64?, isEmpty: Bool, liveness: HolderLiveness = .alive) -> EvictionRank? {
            var record = QueueRecord(creating: Named.client(name), epoch: QueueFixture.epoch, keep: .seconds(1), now: self.at(1))
            record.lastAttachment = LastAttachment(
                instance: QueueFixture.first,
                attempt: .first,
                node: QueueFixture.node,
                attached: self.at(2),
                detached: detached.map { self.at($0) }
            )
            return record.evictionRank(liveness, isEmpty: isEmpty)
        }
        let ranks = [
            rank("a/full-old", detached: 10, isEmpty: false),
            rank("a/empty-new", detached: 30, isEmpty: true),
            rank("a/attached", detached: nil, isEmpty: true),
            rank("a/empty-old", detached: 20, isEmpty: true),
            rank("a/dead", detached: nil, isEmpty: false, liveness: .dead(since: self.at(5))),
            rank("a/empty-old-too", detached: 20, isEmpty: true),
        ]
        #expect(
            ranks.compactMap { $0 }.sorted().map(\.client.description)
                == ["a/empty-old", "a/empty-old-too", "a/empty-new", "a/dead", "a/full-old"]
        )
    }
}
