extension GaplessClient {
    /// The events of a client, one by one, for one consumer.
    ///
    /// With automatic acknowledgement an event is handled when the next one is asked for. The sequence ends when the client leaves or the
    /// session was ended, and throws the ``ClientError`` that the client stopped with.
    public struct Events: AsyncSequence, Sendable {
        /// One event.
        public typealias Element = Event

        let buffer: EventBuffer

        /// Begins to consume.
        ///
        /// - Precondition: there is no other consumer of this client.
        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(consumer: EventConsumer(self.buffer))
        }

        /// Consumes one event after the other.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let consumer: EventConsumer

            /// The next event; nil at the end.
            public mutating func next() async throws -> Event? {
                try await self.consumer.buffer.next(max: 1).first
            }
        }
    }

    /// The events of a client, as many at once as there are, for one consumer who can make use of that: write them together, say.
    ///
    /// With automatic acknowledgement all events of a batch are handled when the next batch is asked for.
    public struct Batches: AsyncSequence, Sendable {
        /// At least one event.
        public typealias Element = [Event]

        let buffer: EventBuffer
        let maxEvents: Int

        /// Begins to consume.
        ///
        /// - Precondition: there is no other consumer of this client.
        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(consumer: EventConsumer(self.buffer), maxEvents: self.maxEvents)
        }

        /// Consumes one batch after the other.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let consumer: EventConsumer
            let maxEvents: Int

            /// The next batch; nil at the end.
            public mutating func next() async throws -> [Event]? {
                let events = try await self.consumer.buffer.next(max: self.maxEvents)
                return events.isEmpty ? nil : events
            }
        }
    }
}

/// The claim of an iterator on the events, given back when the iterator goes.
final class EventConsumer: Sendable {
    let buffer: EventBuffer

    init(_ buffer: EventBuffer) {
        buffer.claim()
        self.buffer = buffer
    }

    deinit {
        self.buffer.release()
    }
}
