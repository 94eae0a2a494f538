import GaplessWebSocket
import NIOCore
import NIOEmbedded
import Testing

@Suite struct BackpressureTests {
    @Test func theDelegateIsToldWhenTheSocketIsFullAndWhenItIsNot() throws {
        let connection = try EmbeddedConnection()
        connection.setWritable(false)
        connection.setWritable(false)
        #expect(!connection.handler.isWritable)
        connection.setWritable(true)
        #expect(connection.delegate.calls == [.opened, .writable(false), .writable(true)])
    }

    @Test func aBatchAboveTheMarkIsNotWritableUntilItIsFlushed() throws {
        let connection = try EmbeddedConnection(configure: { ($0.highWaterBytes, $0.lowWaterBytes) = (10, 5) })
        connection.handler.send(.text, ByteBuffer(string: "12345678"))
        #expect(connection.handler.isWritable)
        connection.handler.send(.text, ByteBuffer(string: "1"))
        #expect(!connection.handler.isWritable)
        connection.handler.flush()
        #expect(connection.handler.isWritable)
        // Told in a later turn: the flush was the delegate's own call.
        #expect(connection.delegate.calls == [.opened])
        connection.run()
        #expect(connection.delegate.calls == [.opened, .writable(true)])
    }

    @Test func whoAlwaysHasMoreGivesOthersTheirTurn() throws {
        var batches = 5
        let connection = try EmbeddedConnection(
            prepare: { delegate in
                delegate.onWritable = { connection, isWritable in
                    guard isWritable, batches > 0 else { return }
                    batches -= 1
                    for _ in 0..<3 { connection.send(.text, ByteBuffer(string: "12345678")) }
                }
            },
            configure: { ($0.highWaterBytes, $0.lowWaterBytes) = (10, 5) }
        )
        connection.setWritable(false)
        connection.setWritable(true)
        #expect(try connection.sent().count == 1)
        // Though the socket takes everything at once, each further batch has a turn of the loop to itself.
        connection.run()
        #expect(try connection.sent().count == 4)
        #expect(connection.delegate.deepest == 1)
    }

    @Test func readingStopsAndGoesOnAsTheDelegateSays() throws {
        let connection = try EmbeddedConnection()
        let before = connection.socket.reads
        connection.handler.pauseReading()
        connection.channel.read()
        connection.channel.read()
        #expect(connection.socket.reads == before)
        connection.handler.resumeReading()
        #expect(connection.socket.reads == before + 1)
        connection.handler.resumeReading()
        #expect(connection.socket.reads == before + 1)
    }

    @Test func whoDoesNotReadAnswersIsNotRead() throws {
        let connection = try EmbeddedConnection(
            prepare: { $0.onMessage = { connection, message in connection.send(.text, ByteBuffer(string: message)) } },
            configure: { $0.maxOutstandingBytes = 50 }
        )
        connection.socket.isStuck = true
        connection.setWritable(false)
        let before = connection.socket.reads
        try connection.receive(rawText("0123456789"), rawText("0123456789"))
        connection.channel.read()
        #expect(connection.socket.reads == before + 1)  // Below the bound: acknowledgements may come in.
        try connection.receive(rawText("0123456789"), rawText("0123456789"), rawText("0123456789"))
        #expect(connection.handler.bytesOutstanding == 60)
        connection.channel.read()
        #expect(connection.socket.reads == before + 1)
        connection.unstick()
        connection.setWritable(true)
        #expect(connection.socket.reads == before + 2)
    }

    @Test func aDelegateThatPausedStaysPausedWhenTheSocketIsFreeAgain() throws {
        let connection = try EmbeddedConnection()
        connection.setWritable(false)
        connection.handler.pauseReading()
        connection.channel.read()
        let before = connection.socket.reads
        connection.setWritable(true)
        #expect(connection.socket.reads == before)
    }

    // MARK: Slow consumers

    private func stalled() throws -> EmbeddedConnection {
        let connection = try EmbeddedConnection(configure: { $0.writeStallTimeout = .seconds(30) })
        connection.socket.isStuck = true
        connection.handler.send(.text, ByteBuffer(string: "stuck"))
        connection.handler.flush()
        return connection
    }

    @Test func aSocketThatTakesNoByteForTheTimeoutIsTold() throws {
        let connection = try self.stalled()
        #expect(connection.handler.bytesOutstanding == 7)
        connection.advance(.milliseconds(29_999))
        #expect(connection.delegate.essentials == [.opened])
        connection.advance(.milliseconds(1))
        #expect(connection.delegate.essentials == [.opened, .stalled(.seconds(30))])
        #expect(connection.handler.lastWriteProgress == .uptimeNanoseconds(0))
    }

    @Test func moreToSendIsNoProgress() throws {
        let connection = try self.stalled()
        for _ in 0..<5 {
            connection.advance(.seconds(5))
            connection.handler.send(.text, ByteBuffer(string: "more"))
            connection.handler.flush()
        }
        connection.advance(.seconds(5))
        #expect(connection.delegate.essentials == [.opened, .stalled(.seconds(30))])
    }

    @Test func aSocketThatTakesBytesIsLeftInPeace() throws {
        let connection = try self.stalled()
        for _ in 0..<20 {
            connection.advance(.seconds(20))
            connection.unstick()
            connection.socket.isStuck = true
            connection.handler.send(.text, ByteBuffer(string: "next"))
            connection.handler.flush()
        }
        #expect(connection.delegate.essentials == [.opened])
    }

    @Test func anIdleConnectionIsNotStalled() throws {
        let connection = try EmbeddedConnection()
        connection.handler.send(.text, ByteBuffer(string: "gone"))
        connection.handler.flush()
        connection.advance(.minutes(10))
        #expect(connection.delegate.essentials == [.opened])
        #expect(connection.handler.lastWriteProgress == .uptimeNanoseconds(600_000_000_000))
    }

    @Test func withoutATimeoutNobodyLooks() throws {
        let connection = try EmbeddedConnection(configure: { $0.writeStallTimeout = nil })
        connection.socket.isStuck = true
        connection.handler.send(.text, ByteBuffer(string: "stuck"))
        connection.handler.flush()
        connection.advance(.minutes(10))
        #expect(connection.delegate.essentials == [.opened])
    }
}
