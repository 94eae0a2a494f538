import GaplessWebSocket
import NIOCore
import NIOEmbedded
import Testing

private struct Broken: Error {}

@Suite struct ClosingTests {
    private func close(_ code: UInt16, _ reason: String = "") -> WebSocketEvent { .close(WebSocketCloseCode(code), reason: reason) }

    // MARK: The peer begins

    @Test func thePeersCloseIsEchoedOnceAndTheServerEndsTCP() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawText("last"), rawClose(1000, "bye"))
        #expect(try connection.sentFrames() == [self.close(1000)])
        #expect(connection.delegate.essentials == [.opened, .text("last"), .closed(1000, "bye", isClean: true)])
        #expect(connection.socket.endings == [.all])
    }

    @Test func theClientEchoesAndWaitsForTheServerToEndTCP() throws {
        let connection = try EmbeddedConnection(role: .client)
        try connection.receive(rawClose(4000, "draining", mask: nil))
        #expect(try connection.sentFrames() == [self.close(4000)])
        #expect(connection.delegate.essentials == [.opened, .closed(4000, "draining", isClean: true)])
        #expect(connection.socket.endings.isEmpty)
        connection.receiveEnd()
        #expect(connection.socket.endings == [.all])
        #expect(connection.delegate.essentials.count == 2)
    }

    @Test func aServerThatDoesNotEndTCPIsLeftAfterTheDeadline() throws {
        let connection = try EmbeddedConnection(role: .client)
        try connection.receive(rawClose(1000, mask: nil))
        connection.advance(.milliseconds(4_999))
        #expect(connection.isActive)
        connection.advance(.milliseconds(1))
        #expect(!connection.isActive)
    }

    @Test func aCloseWithoutCodeIsEchoedWithoutCode() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawFrame(0x8))
        #expect(try connection.sentFrames() == [.close(nil, reason: "")])
        #expect(connection.delegate.essentials == [.opened, .closed(nil, "", isClean: true)])
    }

    @Test func whatWasBatchedLeavesBeforeTheEcho() throws {
        let connection = try EmbeddedConnection(prepare: {
            $0.onMessage = { connection, message in connection.send(.text, ByteBuffer(string: message)) }
        })
        try connection.receive(rawText("echo"), rawClose(1000))
        #expect(try connection.sentFrames() == [.message(.text, ByteBuffer(string: "echo")), self.close(1000)])
    }

    @Test func nothingIsReadOrSentAfterThePeersClose() throws {
        let connection = try EmbeddedConnection(role: .client)
        let handler = connection.handler
        try connection.receive(rawClose(1000, mask: nil), rawText("late", mask: nil), rawFrame(0x9, mask: nil))
        try connection.receive(rawText("later", mask: nil), [0xFF, 0xFF])
        handler.send(.text, ByteBuffer(string: "no"))
        handler.flush()
        handler.close(.normal)
        #expect(try connection.sentFrames() == [self.close(1000)])
        #expect(connection.delegate.essentials == [.opened, .closed(1000, "", isClean: true)])
    }

    @Test func theServerWaitsUntilItsEchoHasLeftBeforeItEndsTCP() throws {
        let connection = try EmbeddedConnection()
        connection.socket.isStuck = true
        try connection.receive(rawClose(1000))
        #expect(connection.socket.endings.isEmpty)
        connection.unstick()
        #expect(try connection.sentFrames() == [self.close(1000)])
        #expect(connection.socket.endings == [.all])
    }

    // MARK: We begin

    @Test func ourCloseComesAfterTheBatchAndBeforeNothing() throws {
        let connection = try EmbeddedConnection()
        connection.handler.send(.text, ByteBuffer(string: "ERROR"))
        connection.handler.close(WebSocketCloseCode(4500), reason: "superseded")
        connection.handler.send(.text, ByteBuffer(string: "no"))
        connection.handler.flush()
        connection.handler.close(.normal)
        #expect(try connection.sentFrames() == [.message(.text, ByteBuffer(string: "ERROR")), self.close(4500, "superseded")])
        #expect(connection.socket.endings.isEmpty)
        #expect(!connection.handler.isOpen)
    }

    // [R3.7-3]
    @Test func untilThePeersCloseEverythingIsReadAndDiscarded() throws {
        let connection = try EmbeddedConnection()
        connection.handler.close(.goingAway)
        _ = try connection.sent()
        try connection.receive(rawText("late"), rawFrame(0x9), rawFrame(0x2, Array(repeating: 1, count: 5_000)))
        try connection.receive(rawText("torn", isFinal: false), Array(rawText("").prefix(0)))
        #expect(connection.delegate.essentials == [.opened])
        #expect(try connection.sent().isEmpty)
        try connection.receive(rawFrame(0x0, [0xFF]), rawClose(1001, "echo"))
        #expect(connection.delegate.essentials == [.opened, .closed(1001, "echo", isClean: true)])
        #expect(connection.socket.endings == [.all])
        #expect(try connection.sent().isEmpty)
    }

    @Test func theClientWaitsForTheServersCloseAndForItsEndOfTCP() throws {
        let connection = try EmbeddedConnection(role: .client)
        connection.handler.close(.normal, reason: "leaving")
        #expect(try connection.sentFrames() == [self.close(1000, "leaving")])
        try connection.receive(rawClose(1000, mask: nil))
        #expect(connection.delegate.essentials == [.opened, .closed(1000, "", isClean: true)])
        #expect(connection.socket.endings.isEmpty)
        connection.receiveEnd()
        #expect(connection.socket.endings == [.all])
    }

    // [R3.7-3]
    @Test func aPeerThatDoesNotAnswerIsLeftAfterTheDeadline() throws {
        let connection = try EmbeddedConnection()
        connection.handler.close(.goingAway)
        connection.advance(.milliseconds(4_999))
        #expect(connection.isActive)
        connection.advance(.milliseconds(1))
        #expect(!connection.isActive)
        #expect(connection.delegate.essentials == [.opened, .closed(nil, "", isClean: false)])
    }

    @Test func aPeerThatTakesNothingIsLeftAfterTheDeadline() throws {
        let connection = try EmbeddedConnection()
        connection.socket.isStuck = true
        connection.handler.close(.goingAway)
        connection.receiveEnd()
        #expect(connection.isActive)
        connection.advance(.seconds(5))
        #expect(!connection.isActive)
    }

    @Test func thePeersEndOfTCPAnswersOurClose() throws {
        let connection = try EmbeddedConnection()
        connection.handler.close(.goingAway)
        connection.receiveEnd()
        #expect(connection.socket.endings == [.all])
        #expect(connection.delegate.essentials == [.opened, .closed(nil, "", isClean: false)])
    }

    @Test func aPausedConnectionReadsAgainToSeeThePeersClose() throws {
        let connection = try EmbeddedConnection()
        connection.handler.pauseReading()
        connection.channel.read()
        let before = connection.socket.reads
        connection.handler.close(.goingAway)
        #expect(connection.socket.reads == before + 1)
        connection.handler.pauseReading()
        connection.channel.read()
        #expect(connection.socket.reads == before + 2)
    }

    @Test func closingInTheMidstOfABatchEndsTheBatch() throws {
        let connection = try EmbeddedConnection(prepare: { $0.onMessage = { connection, _ in connection.close(.normal) } })
        try connection.receive(rawText("a"), rawText("b"), rawText("c"))
        #expect(connection.delegate.calls == [.opened, .inbound, .text("a")])
        #expect(try connection.sentFrames() == [self.close(1000)])
    }

    // MARK: TCP ends

    @Test func aLostConnectionIsToldWithoutCode() throws {
        let connection = try EmbeddedConnection()
        connection.channel.pipeline.fireErrorCaught(Broken())
        connection.run()
        #expect(connection.delegate.essentials == [.opened, .closed(nil, "", isClean: false)])
        #expect(connection.delegate.closure?.error is Broken)
        #expect(!connection.isActive)
    }

    @Test func aPeerThatEndsItsHalfWithoutCloseIsLost() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawText("last"))
        connection.receiveEnd()
        #expect(connection.delegate.essentials == [.opened, .text("last"), .closed(nil, "", isClean: false)])
        #expect(connection.socket.endings == [.all])
    }

    @Test func messagesThatCameBeforeTheEndAreHandedOver() throws {
        let connection = try EmbeddedConnection()
        connection.channel.pipeline.fireChannelRead(ByteBuffer(bytes: rawText("last") + rawClose(1000)))
        connection.receiveEnd()
        #expect(connection.delegate.essentials == [.opened, .text("last"), .closed(1000, "", isClean: true)])
        #expect(try connection.sentFrames() == [self.close(1000)])
    }

    @Test func aTornMessageIsNeverHandedOver() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawText("half", isFinal: false), Array(rawFrame(0x0, [1, 2, 3]).dropLast()))
        connection.receiveEnd()
        #expect(connection.delegate.essentials == [.opened, .closed(nil, "", isClean: false)])
    }

    @Test func abortEndsTCPWithoutAClose() throws {
        let connection = try EmbeddedConnection()
        connection.handler.send(.text, ByteBuffer(string: "never"))
        connection.handler.abort()
        connection.run()
        #expect(try connection.sent().isEmpty)
        #expect(connection.socket.endings == [.all])
        #expect(connection.delegate.essentials == [.opened, .closed(nil, "", isClean: false)])
        connection.handler.abort()
        connection.handler.flush()
    }

    @Test func theDelegateIsLetGoAtTheEnd() throws {
        let connection = try EmbeddedConnection()
        weak var delegate: RecordingDelegate?
        weak var handler: WebSocketConnectionHandler<RecordingDelegate>?
        do {
            let other = try EmbeddedConnection()
            (delegate, handler) = (other.delegate, other.handler)
            #expect(other.delegate.connection != nil)
            try other.receive(rawClose(1000))
            other.run()
        }
        #expect(delegate == nil)
        #expect(handler == nil)
        _ = connection
    }

    @Test func noCallComesFromInsideACallOfTheDelegate() throws {
        let connection = try EmbeddedConnection(prepare: { $0.onMessage = { connection, _ in connection.abort() } })
        try connection.receive(rawText("a"), rawText("b"))
        #expect(connection.delegate.essentials == [.opened, .text("a")])
        connection.run()
        #expect(connection.delegate.essentials == [.opened, .text("a"), .closed(nil, "", isClean: false)])
        #expect(connection.delegate.deepest == 1)
    }

    // MARK: Violations

    @Test(
        arguments: [
            (rawFrame(0x3), WebSocketViolation.Kind.protocolError, 1002),
            (rawText("a", mask: nil), .protocolError, 1002),
            (rawFrame(0x2, Array(repeating: 0, count: 101)), .tooLarge, 1009),
            (rawFrame(0x1, [0xFF]), .invalidUTF8, 1007),
            (rawClose(1005), .protocolError, 1002),
        ] as [([UInt8], WebSocketViolation.Kind, UInt16)]
    )
    func aViolationIsToldAndAnsweredWithItsCode(_ bytes: [UInt8], _ kind: WebSocketViolation.Kind, _ code: UInt16) throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawText("fine"), bytes, rawText("never"))
        #expect(connection.delegate.essentials == [.opened, .text("fine"), .violation(kind)])
        #expect(try connection.sentFrames() == [self.close(code, "refused")])
        // Our half only: the rest is read and discarded, so that the peer sees our Close and no reset.
        #expect(connection.socket.endings == [.output])
        try connection.receive(rawText("ignored"), [0xFF, 0xFF, 0xFF])
        #expect(connection.delegate.essentials.count == 3)
        connection.receiveEnd()
        #expect(connection.socket.endings == [.output, .all])
        #expect(connection.delegate.essentials.last == .closed(nil, "", isClean: false))
    }

    @Test func theDelegateMaySendALastMessageAndChooseTheCode() throws {
        let connection = try EmbeddedConnection(prepare: { delegate in
            delegate.onViolation = { connection, _ in
                connection.send(.text, ByteBuffer(string: "ERROR too-large"))
                return (WebSocketCloseCode(4404), "too-large")
            }
        })
        try connection.receive(rawFrame(0x2, Array(repeating: 0, count: 101)))
        #expect(try connection.sentFrames() == [.message(.text, ByteBuffer(string: "ERROR too-large")), self.close(4404, "too-large")])
    }

    @Test func theDelegateMayCloseByItself() throws {
        let connection = try EmbeddedConnection(prepare: { delegate in
            delegate.onViolation = { connection, _ in
                connection.close(WebSocketCloseCode(4400), reason: "own")
                return nil
            }
        })
        try connection.receive(rawFrame(0x3))
        #expect(try connection.sentFrames() == [self.close(4400, "own")])
        #expect(connection.socket.endings == [.output])
    }

    // [R3.7-3]
    @Test func aPeerThatGoesOnSendingAfterAViolationIsLeftAfterTheDeadline() throws {
        let connection = try EmbeddedConnection()
        try connection.receive(rawFrame(0x3))
        for _ in 0..<4 {
            connection.advance(.seconds(1))
            try connection.receive(Array(repeating: 0, count: 1_000))
            #expect(connection.isActive)
        }
        connection.advance(.seconds(1))
        #expect(!connection.isActive)
    }

    @Test func aViolationAfterOurCloseIsNotTold() throws {
        let connection = try EmbeddedConnection()
        connection.handler.close(.goingAway)
        try connection.receive([0xFF, 0xFF])
        connection.receiveEnd()
        #expect(connection.delegate.essentials == [.opened, .closed(nil, "", isClean: false)])
        #expect(try connection.sentFrames() == [self.close(1001)])
    }
}
