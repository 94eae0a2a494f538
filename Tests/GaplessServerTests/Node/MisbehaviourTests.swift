import GaplessServer
import GaplessTesting
import Testing

/// Frames that do not belong: each has its code, and none harms the queue.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MisbehaviourTests {
    enum Frame: Sendable, CustomTestStringConvertible {
        case text(String)
        case binary([UInt8])

        var testDescription: String {
            switch self {
            case .text(let text): String(text.prefix(40))
            case .binary(let bytes): "\(bytes.count) bytes"
            }
        }
    }

    @Test(arguments: [
        (Frame.text("MSG 1 x"), UInt16(4401)),  // [R4.0-3]
        (.text("BYE"), 4401),
        (.text("hello"), 4400),  // [R3.3-2]
        (.text("NOOP"), 4400),  // [R4.11-5]
        (.text("WELCOME {}"), 4400),
        (.text(#"HELLO {"client":"alice/phone","instance":"i1"}"#), 4400),  // [R4.1-4]
        (.text(#"HELLO {"client":"alice/phone/2","instance":"i1","attempt":1}"#), 4400),  // [R3.6-1]
        (.text(#"HELLO {"client":"alice","instance":"i1","attempt":1,"attempt":2}"#), 4400),  // [R3.5-3]
        (.binary(Array(#"HELLO {"client":"alice","instance":"i1","attempt":1}"#.utf8)), 4400),  // [R3.2-3]
        (.text(#"HELLO {"client":"alice","instance":"i1","attempt":1,"x":"\#(String(repeating: "x", count: 9_000))"}"#), 4404),  // [R3.5-8]
        (.text(String(repeating: "x", count: 2_000_000)), 4404),  // [R3.2-5]
    ])
    func beforeTheWelcome(_ frame: Frame, _ code: UInt16) async throws {
        try await TestServer.run { server in
            let client = try await RawClient.connect(server.url)
            self.send(frame, on: client)
            try await client.expectEnd(code)
        }
    }

    @Test(arguments: [
        (Frame.text(#"HELLO {"client":"alice/phone","instance":"i1","attempt":2}"#), UInt16(4401)),  // [R4.0-3]
        (.text("ACK 1"), 4403),  // [R6.3-11]
        (.text("ACK 0"), 4400),
        (.text("MSG 01 x"), 4400),
        (.text("AUTH {}"), 4400),
        (.text("GAP 1 2 expired"), 4400),
        (.binary([0x00]), 4400),
        (.binary(Array("ACK 1".utf8)), 4400),
        (.text("MSG 1 \(String(repeating: "x", count: 65_537))"), 4404),  // [R4.3-2]
        (.text("AUTH {\"token\":\"\(String(repeating: "x", count: 4_097))\"}"), 4404),
    ])
    func afterTheWelcome(_ frame: Frame, _ code: UInt16) async throws {
        try await TestServer.run(prepare: { $0.onMessage { _, _ in } }) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            self.send(frame, on: client)
            try await client.expectEnd(code)
            let queue = try await server.server.queue(of: #require(ClientID("alice/phone")))
            #expect(queue?.head == SequenceNumber.zero)  // [R3.7-7]
        }
    }

    @Test func aPayloadOfTheLimitIsTaken() async throws {
        try await TestServer.run(prepare: { $0.onMessage { _, _ in } }) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            client.send("MSG 1 \(String(repeating: "x", count: 65_536))")
            try await client.expect("ACK 1")
        }
    }

    @Test func whoSaysNothingIsSentAway() async throws {
        // [R5.1-1]
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.helloDeadline = .seconds(1)
        try await TestServer.run(time: time, configuration: configuration) { server in
            let client = try await RawClient.connect(server.url)
            await time.advance(by: .seconds(1))
            try await client.expectEnd(4106)
        }
    }

    @Test func whoFallsSilentIsSentAway() async throws {
        // [R8-1], [R8-3]
        let time = ManualTime()
        var configuration = TestServer.configuration
        configuration.heartbeat = .seconds(1)
        configuration.silence = .seconds(3)
        try await TestServer.run(time: time, configuration: configuration) { server in
            let (client, _) = try await RawClient.attach(server.url)
            await time.advance(by: .seconds(1))
            #expect(try await client.next() == .text("PING 1"))
            await time.advance(by: .seconds(2))
            #expect(try await client.next() == .text("PING 2"))
            try await client.expectEnd(4105)
        }
    }

    @Test func whoAnswersStays() async throws {
        // [R8-2]
        let time = ManualTime()
        let handled = Mailbox<UInt64>()
        var configuration = TestServer.configuration
        configuration.heartbeat = .seconds(1)
        configuration.silence = .seconds(3)
        try await TestServer.run(
            time: time,
            configuration: configuration,
            prepare: { $0.onMessage { message, _ in handled.put(message.sequence.rawValue) } }
        ) { server in
            let (client, _) = try await RawClient.attach(server.url, Greeting(outbox: "o1"))
            for number in UInt64(1)...5 {
                await time.advance(by: .seconds(2))
                client.send("MSG \(number) x")
                #expect(try await handled.next() == number)
            }
            while try await client.expect("ACK ") != "ACK 5" {}
        }
    }

    @Test func aFloodOfPingsIsAnsweredAndBounded() async throws {
        // [R4.6-1]
        try await TestServer.run { server in
            let (client, _) = try await RawClient.attach(server.url)
            for number in 1...10_000 { client.send("PING \(number)") }
            while try await client.expect("PONG ") != "PONG 10000" {}
        }
    }

    @Test func whoDoesNotReadCostsItsWindow() async throws {
        // [R6.4-3]
        try await TestServer.run { server in
            let (client, _) = try await RawClient.attach(server.url)
            client.pauseReading()
            let large = String(repeating: "x", count: 60_000)
            for _ in 1...60 { try await server.server.send(large, to: "alice/phone") }
            client.resumeReading()
            for number in 1...17 { try await client.expectMessage(number, large) }
            client.send("ACK 17")
            for number in 18...34 { try await client.expectMessage(number, large) }
        }
    }

    private func send(_ frame: Frame, on client: RawClient) {
        switch frame {
        case .text(let text): client.send(text)
        case .binary(let bytes): client.send(bytes)
        }
    }
}
