import GaplessWebSocket
import NIOCore
import NIOEmbedded
import Testing

private func text(_ text: String) -> WebSocketEvent { .message(.text, ByteBuffer(string: text)) }

@Suite struct MessagingTests {
    @Test func theDelegateIsToldInOrder() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawText("a"), rawFrame(0x2, [1, 2]), rawText("b", isFinal: false))
        try connection.receive(rawFrame(0x0, [0x63]))
        #expect(
            connection.delegate.calls == [.opened, .inbound, .text("a"), .binary([1, 2]), .batchEnded, .inbound, .text("bc"), .batchEnded]
        )
    }

    @Test func whatIsSentInOneReadIsOneWrite() throws {
        let connection = try EmbeddedConnection(prepare: { delegate in
            delegate.onMessage = { connection, message in
                connection.send(.text, ByteBuffer(string: message))
                connection.send(.binary, expectedBytes: 2) { $0.writeBytes([1, 2]) }
            }
        })
        try connection.receive(rawText("a"), rawText("b"))
        let binary = rawFrame(0x2, [1, 2], mask: nil)
        #expect(try connection.sent() == [rawText("a", mask: nil) + binary + rawText("b", mask: nil) + binary])
        #expect(connection.socket.flushes == 1)
    }

    @Test func outsideOfAReadTheBatchWaitsForTheFlush() throws {
        let connection = try EmbeddedConnection()
        connection.handler.send(.text, ByteBuffer(string: "1"))
        connection.handler.send(.text, ByteBuffer(string: "2"))
        #expect(try connection.sent().isEmpty)
        #expect(connection.handler.bytesOutstanding == 6)
        connection.handler.flush()
        #expect(try connection.sent() == [rawText("1", mask: nil) + rawText("2", mask: nil)])
        #expect(connection.handler.bytesOutstanding == 0)
        connection.handler.flush()
        #expect(try connection.sent().isEmpty)
        #expect(connection.socket.flushes == 1)
    }

    @Test func whatIsSentAtTheOpeningLeavesAtOnce() throws {
        let connection = try EmbeddedConnection(prepare: { $0.onOpen = { $0.send(.text, ByteBuffer(string: "welcome")) } })
        #expect(try connection.sentFrames() == [text("welcome")])
    }

    @Test func theClientMasks() throws {
        let connection = try EmbeddedConnection(role: .client)
        connection.handler.send(.text, ByteBuffer(string: "secret"))
        connection.handler.flush()
        let bytes = try connection.sent().flatMap { $0 }
        #expect(bytes[1] == 0x86)
        #expect(Array(bytes.dropFirst(6)) == Array("secret".utf8).enumerated().map { $0.element ^ bytes[2 + $0.offset % 4] })
    }

    @Test func theBoundOfMessagesMayChange() throws {
        let connection = try EmbeddedConnection(prepare: { delegate in
            delegate.onOpen = { $0.maxMessageBytes = 5 }
            delegate.onMessage = { connection, _ in connection.maxMessageBytes = 10 }
        })
        try connection.receive(rawText("hello"), rawText("0123456789"))
        #expect(connection.delegate.essentials == [.opened, .text("hello"), .text("0123456789")])
        try connection.receive(rawText("0123456789a"))
        #expect(connection.delegate.calls.contains(.violation(.tooLarge)))
    }

    // MARK: Ping and Pong

    @Test func aPingIsAnsweredWithItsPayload() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawFrame(0x9, [1, 2, 3]))
        #expect(try connection.sentFrames() == [.pong(ByteBuffer(bytes: [1, 2, 3]))])
        #expect(connection.delegate.calls == [.opened, .inbound, .batchEnded])
    }

    @Test func pingsAreAnsweredInOrderWithMessages() throws {
        let connection = try EmbeddedConnection(prepare: { delegate in
            delegate.onMessage = { connection, message in connection.send(.text, ByteBuffer(string: message)) }
        })
        try connection.receive(rawFrame(0x9, [1]), rawFrame(0x9, [2]), rawText("a"), rawFrame(0x9, [3]))
        #expect(
            try connection.sentFrames()
                == [.pong(ByteBuffer(bytes: [1])), .pong(ByteBuffer(bytes: [2])), text("a"), .pong(ByteBuffer(bytes: [3]))]
        )
        #expect(connection.socket.flushes == 1)
    }

    @Test func ofAFloodTheLastPingIsAnswered() throws {
        let connection = try EmbeddedConnection()
        for _ in 0..<2 {
            try connection.receive((0..<100).flatMap { rawFrame(0x9, [$0]) })
            #expect(try connection.sentFrames() == ((0..<16) + [99]).map { .pong(ByteBuffer(bytes: [$0])) })
        }
    }

    @Test func aPingBetweenFragmentsIsAnsweredBeforeTheMessageEnds() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawText("a", isFinal: false), rawFrame(0x9))
        #expect(try connection.sentFrames() == [.pong(ByteBuffer())])
        try connection.receive(rawFrame(0x0, [0x62]))
        #expect(connection.delegate.essentials == [.opened, .text("ab")])
    }

    @Test func aPeerThatDoesNotReadCausesOnePongAtMost() throws {
        let connection = try EmbeddedConnection()
        connection.setWritable(false)
        for number in 0..<100 { try connection.receive(rawFrame(0x9, [UInt8(number)])) }
        #expect(try connection.sent().isEmpty)
        connection.setWritable(true)
        connection.run()
        #expect(try connection.sentFrames() == [.pong(ByteBuffer(bytes: [99]))])
    }

    @Test func aPongThatNobodyAskedForIsOnlyASignOfLife() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawFrame(0xA, [1]))
        #expect(connection.delegate.calls == [.opened, .inbound, .batchEnded])
        #expect(try connection.sent().isEmpty)
    }

    // MARK: Bytes that come by themselves

    @Test func tornFramesAreASignOfLifeAndNoMessage() throws {
        let connection = try EmbeddedConnection()
        let frame = rawText("torn")
        for byte in frame.dropLast() { try connection.receive([byte]) }
        #expect(connection.delegate.essentials == [.opened])
        #expect(connection.delegate.calls.filter { $0 == .inbound }.count == frame.count - 1)
        try connection.receive([frame[frame.count - 1]])
        #expect(connection.delegate.essentials == [.opened, .text("torn")])
    }

    @Test func severalReadsMayComeBeforeTheEndOfTheBatch() throws {
        let connection = try EmbeddedConnection(prepare: { delegate in
            delegate.onMessage = { connection, message in connection.send(.text, ByteBuffer(string: message)) }
        })
        let bytes = rawText("a") + rawText("b") + rawText("c")
        for piece in [bytes[..<4], bytes[4..<12], bytes[12...]] {
            connection.channel.pipeline.fireChannelRead(ByteBuffer(bytes: piece))
        }
        #expect(try connection.sent().isEmpty)
        connection.channel.pipeline.fireChannelReadComplete()
        #expect(try connection.sentFrames() == [text("a"), text("b"), text("c")])
        #expect(connection.socket.flushes == 1)
    }

    @Test func theListenersShutdownIsTold() throws {
        let connection = try EmbeddedConnection()
        connection.channel.pipeline.fireUserInboundEventTriggered(WebSocketShutdownEvent())
        #expect(connection.delegate.essentials == [.opened, .shutdown])
    }
}
