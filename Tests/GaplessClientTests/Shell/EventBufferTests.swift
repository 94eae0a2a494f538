import NIOCore
import NIOPosix
import Testing

@testable import GaplessClient
@testable import GaplessCore

/// The way of events to the one consumer.
@Suite struct EventBufferTests {
    private let mailbox = ClientMailbox(eventLoop: MultiThreadedEventLoopGroup.singleton.next())

    private func buffer(_ acknowledgement: ClientConfiguration.Acknowledgement = .automatic) -> EventBuffer {
        EventBuffer(mailbox: self.mailbox, acknowledgement: acknowledgement)
    }

    private func message(_ number: UInt64, bytes: Int = 1) throws -> GaplessClient.Event {
        let (sequence, time) = (SequenceNumber(number), Timestamp(milliseconds: 0))
        let epoch = try #require(EpochToken("e"))
        var downlink = ClientDownlink(ClientProgress(position: Position(epoch: epoch, handled: sequence.previous)))
        let small = StoredMessage(sequence: sequence, time: time, payload: Payload(text: ""))
        guard case .message(let reference, _) = downlink.take(small, epoch: epoch) else { throw CancellationError() }
        let payload = Payload(binary: ByteBuffer(repeating: 0, count: bytes))
        let message = StoredMessage(sequence: sequence, time: time, payload: payload)
        return GaplessClient.Event(.message(reference, message), mailbox: self.mailbox)
    }

    private func numbers(_ events: [GaplessClient.Event]) -> [UInt64] {
        events.compactMap { if case .message(let message) = $0 { message.sequence.rawValue } else { nil } }
    }

    @Test("Events come in order, no more at once than asked for")
    func eventsComeInOrder() async throws {
        let buffer = self.buffer()
        buffer.append([try self.message(1), try self.message(2)])
        buffer.append([try self.message(3)])
        #expect(self.numbers(try await buffer.next(max: 2)) == [1, 2])
        #expect(self.numbers(try await buffer.next(max: 2)) == [3])
    }

    @Test("Who waits is woken by the next event")
    func waitingIsWoken() async throws {
        let buffer = self.buffer()
        async let next = buffer.next(max: 1)
        buffer.append([try self.message(1)])
        #expect(self.numbers(try await next) == [1])
    }

    @Test("Of states in a row only the newest is told; a state between messages stays in its place")
    func statesAreJoined() async throws {
        let buffer = self.buffer()
        buffer.append([.state(.idle), .state(.connecting(endpoint: "a"))])
        buffer.append([.state(.connecting(endpoint: "b")), try self.message(1), .state(.idle)])
        let events = try await buffer.next(max: 9)
        #expect(events.count == 3)
        guard case .state(.connecting("b")) = events[0], case .message = events[1], case .state(.idle) = events[2] else {
            Issue.record("\(events)")
            return
        }
    }

    @Test("At the end what waits is handed over, then the end is told, again and again")
    func theEndComesLast() async throws {
        let buffer = self.buffer()
        buffer.append([try self.message(1)])
        buffer.end(.failure(ClientError(.refused, "no")), discarding: false)
        buffer.append([try self.message(2)])
        #expect(self.numbers(try await buffer.next(max: 9)) == [1])
        await #expect(throws: ClientError.self) { try await buffer.next(max: 9) }
        await #expect(throws: ClientError.self) { try await buffer.next(max: 9) }
    }

    @Test("Leaving discards what waits and wakes who waits")
    func leavingDiscards() async throws {
        let buffer = self.buffer()
        buffer.append([try self.message(1)])
        buffer.end(.success(()), discarding: true)
        #expect(try await buffer.next(max: 9).isEmpty)
        let waiting = self.buffer()
        async let next = waiting.next(max: 1)
        waiting.end(.success(()), discarding: true)
        #expect(try await next.isEmpty)
    }

    @Test("A cancelled consumer is woken, and loses nothing")
    func cancellation() async throws {
        let buffer = self.buffer()
        let task = Task { try await buffer.next(max: 1) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        buffer.append([try self.message(1)])
        #expect(self.numbers(try await buffer.next(max: 1)) == [1])
    }

    @Test("With automatic acknowledgement an event is in hand until the next is asked for or the consumer goes")
    func automaticInHand() async throws {
        let buffer = self.buffer()
        buffer.claim()
        buffer.append([try self.message(1), .state(.idle), try self.message(2)])
        #expect(buffer.inHand == nil)
        _ = try await buffer.next(max: 1)
        #expect(buffer.inHand?.through == SequenceNumber(1))
        _ = try await buffer.next(max: 1)
        #expect(buffer.inHand == nil, "a state is not in hand")
        _ = try await buffer.next(max: 1)
        #expect(buffer.inHand?.through == SequenceNumber(2))
        buffer.release()
        #expect(buffer.inHand == nil)
    }

    @Test("With explicit acknowledgement the newest event that was given is in hand")
    func explicitInHand() async throws {
        let buffer = self.buffer(.explicit)
        buffer.append([try self.message(1), try self.message(2)])
        _ = try await buffer.next(max: 2)
        #expect(buffer.inHand?.through == SequenceNumber(2))
    }

    @Test("The buffer is full above its bound of bytes or events, and no longer when the consumer has caught up")
    func bound() async throws {
        let buffer = self.buffer()
        let large = try self.message(1, bytes: 1 << 26)
        buffer.append(Array(repeating: large, count: 4))
        #expect(!buffer.isFull)
        buffer.append([try self.message(1)])
        #expect(buffer.isFull)
        _ = try await buffer.next(max: 1)
        #expect(!buffer.isFull)
        let many = self.buffer()
        many.append(Array(repeating: try self.message(1), count: 1 << 19))
        #expect(!many.isFull)
        many.append([try self.message(1)])
        #expect(many.isFull)
    }
}
