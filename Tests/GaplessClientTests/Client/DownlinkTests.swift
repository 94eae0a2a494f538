import GaplessClient
import GaplessCore
import NIOCore
import Testing

/// Messages on their way to the application, over connections that break.
@Suite struct DownlinkTests {
    @Test("[R6.1-5] [R6.3-5] [R6.3-6] messages come in order and are acknowledged")
    func messagesComeInOrder() async throws {
        let server = try await FakeServer.start()
        let error = try await withClient(.test(server)) { client in
            let (connection, hello) = try await server.greeted()
            #expect(hello.client?.description == "alice/phone")
            #expect(hello.position == nil)
            #expect(hello.attempt == .first)
            connection.send(try .welcome(resume: .new, head: 3), .message(1), .message(2), .message(3))
            for number in 1...3 { #expect(try await client.text() == "message \(number)") }
            try await connection.acknowledged(through: 3)
        }
        #expect(error == nil)
        try await server.stop()
    }

    @Test("[R4.1-6] [R5.2-17] [R6.1-3] a cut costs nothing: the client says how far it got and drops what it has")
    func resumeAfterCut() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, hello) = try await server.greeted()
            first.send(try .welcome(generation: 7, resume: .new, head: 2), .message(1), .message(2))
            #expect(try await client.text() == "message 1")
            #expect(try await client.text() == "message 2")
            try await first.acknowledged(through: 2)
            first.cut()

            let (second, resume) = try await server.greeted()
            #expect(resume.instance == hello.instance)
            #expect(resume.attempt == Attempt(2))
            #expect(resume.position?.epoch.description == "e1")
            #expect(resume.position?.handled == SequenceNumber(2))
            #expect(resume.position?.last?.sequence == SequenceNumber(2))
            #expect(resume.held == Generation(7))
            // A server that sends again what was handled, as after a lost acknowledgement.
            second.send(try .welcome(generation: 8, after: 0, head: 3), .message(1), .message(2), .message(3))
            #expect(try await client.text() == "message 3")
            try await second.acknowledged(through: 3)
        }
        try await server.stop()
    }

    @Test("[R4.1-5] what is taken and not handled is not told as handled, and is not handed over twice")
    func takenIsNotHandled() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.acknowledgement = .explicit
        try await withClient(configuration) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(resume: .new, head: 3), .message(1), .message(2), .message(3))
            var messages: [GaplessClient.Message] = []
            for _ in 1...3 {
                if case .message(let message) = try await client.next() { messages.append(message) }
            }
            messages[0].acknowledge()
            try await first.acknowledged(through: 1)
            first.cut()

            let (second, hello) = try await server.greeted()
            #expect(hello.position?.handled == SequenceNumber(1))
            second.send(try .welcome(generation: 2, after: 1, head: 4), .message(2), .message(3), .message(4))
            let fourth = try await client.message()
            #expect(fourth.sequence == SequenceNumber(4))
            // The longest run without a hole: 3 alone moves nothing.
            messages[2].acknowledge()
            messages[1].acknowledge()
            try await second.acknowledged(through: 3)
            // What is in hand would be waited for at the end.
            fourth.acknowledge()
        }
        try await server.stop()
    }

    @Test("[R6.2-9] [R6.2-10] a gap is told and acknowledged, also when nothing follows")
    func gapIsTold() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 900), .gap(1, 900, .overflow))
            let gap = try await client.gap()
            #expect(gap.range.first == SequenceNumber(1))
            #expect(gap.range.last == SequenceNumber(900))
            #expect(gap.reason == .overflow)
            try await connection.acknowledged(through: 900)
        }
        try await server.stop()
    }

    @Test("[R6.2-7] of a gap that overlaps what was taken only the rest is told")
    func restOfGapIsTold() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 9), .message(1), .message(2), .gap(1, 5, .expired), .message(6))
            #expect(try await client.text() == "message 1")
            #expect(try await client.text() == "message 2")
            let gap = try await client.gap()
            #expect(gap.range.first == SequenceNumber(3))
            #expect(gap.range.last == SequenceNumber(5))
            #expect(try await client.text() == "message 6")
        }
        try await server.stop()
    }

    @Test("[R5.4-4] [R5.4-6] [R6.3-7] a reset is told behind the old messages, which are not acknowledged")
    func resetIsTold() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(epoch: "e1", resume: .new, head: 5), .message(1), .message(2))
            #expect(try await client.text() == "message 1")
            #expect(try await client.text() == "message 2")
            try await first.acknowledged(through: 2)
            first.cut()

            let (second, _) = try await server.greeted()
            second.send(try .welcome(epoch: "e2", generation: 2, resume: .reset(.rollback), after: 10, head: 11), .message(11))
            let reason = try await client.reset()
            #expect(reason == .rollback)
            #expect(try await client.text() == "message 11")
            try await second.acknowledged(through: 11)
        }
        try await server.stop()
    }

    @Test("[R6.1-4] [R11.3-1] a hole in the numbers is the server's fault: close with 4400, resume")
    func holeIsFault() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(head: 6), .message(1), .message(3))
            #expect(try await client.text() == "message 1")
            #expect(try await first.ended().code == 4400)
            let (second, hello) = try await server.greeted()
            // Whether the application was done with the first message by then is up to it; the message never comes twice.
            let handled = try #require(hello.position?.handled)
            #expect(handled <= SequenceNumber(1))
            second.send(try .welcome(generation: 2, after: handled.rawValue, head: 2))
            if handled == .zero { second.send(.message(1)) }
            second.send(.message(2))
            #expect(try await client.text() == "message 2")
        }
        try await server.stop()
    }

    @Test(
        "[R3.3-3] [R11.3-2] what does not fit the grammar is the server's fault",
        arguments: ["MSG 1 hello", "msg 1 2 hello", "GAP 5 4 expired", "WELCOME {}", "", "ACK 0", "AUTH {\"ok\":false}"]
    )
    func malformedIsFault(raw: String) async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome())
            first.send(raw: raw)
            #expect(try await first.ended().code == 4400)
            let (second, _) = try await server.greeted()
            second.send(try .welcome(generation: 2, head: 1), .message(1))
            #expect(try await client.text() == "message 1")
        }
        try await server.stop()
    }

    @Test(
        "[R11.3-2] what may not come before WELCOME, or twice, is the server's fault",
        arguments: ["MSG 1 1 early", "ACK 1", "GAP 1 2 expired", "AUTH {\"ok\":true}", "DRAIN {\"within\":1}", "WELCOME twice"]
    )
    func orderOfFrames(raw: String) async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            if raw == "WELCOME twice" { first.send(try .welcome(), try .welcome()) } else { first.send(raw: raw) }
            #expect(try await first.ended().code == 4400)
            let (second, _) = try await server.greeted()
            second.send(.ping(5), try .welcome(generation: 2, head: 1), .message(1))
            #expect(try await client.text() == "message 1")
        }
        try await server.stop()
    }

    @Test("[R4.11-4] [R4.5-1] frames and reasons of later versions do no harm")
    func laterVersionsDoNoHarm() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 4))
            connection.send(raw: "TYPING {\"who\":\"bob\"}")
            connection.send(raw: "GAP 1 3 quota")
            connection.send(.message(4))
            let gap = try await client.gap()
            #expect(gap.reason.description == "quota")
            #expect(try await client.text() == "message 4")
        }
        try await server.stop()
    }

    @Test("[R3.2-7] [R4.3-4] payloads come byte for byte, empty, binary and large ones too")
    func payloadsAreUnchanged() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            let payloads = [
                Payload(text: ""), Payload(text: " two\r\nlines "), Payload(binary: ByteBuffer(bytes: [0, 0xff, 0x20, 0x0a])),
                Payload(text: String(repeating: "ä", count: 500_000)), Payload(binary: ByteBuffer(repeating: 7, count: 1_048_576)),
            ]
            connection.send(try .welcome(head: 5))
            connection.sendAll(
                payloads.enumerated().map { index, payload in
                    .message(StoredMessage(sequence: SequenceNumber(UInt64(index) + 1), time: Timestamp(milliseconds: 0), payload: payload))
                }
            )
            for payload in payloads {
                let message = try await client.message()
                #expect(message.payload == payload)
                #expect(message.time == Timestamp(milliseconds: 0))
            }
        }
        try await server.stop()
    }

    @Test("[R6.3-1] an event that the consumer still works on is not acknowledged")
    func theConsumersWorkIsWaitedFor() async throws {
        let server = try await FakeServer.start()
        // The window of one makes each handled message due at once, so a wrong acknowledgement would come before the right one.
        let window = Window(messages: 1, bytes: 1_000)
        try await withClient(.test(server), consuming: false) { client in
            var events = client.client.events.makeAsyncIterator()
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 3, window: window), .message(1), .message(2))
            while let event = try await events.next() {
                if case .message(let message) = event, message.sequence == SequenceNumber(2) { break }
            }
            // 1 is handled since 2 was asked for; 2 is in hand.
            #expect(try await connection.next() == .acknowledge(1))
            connection.send(.message(3))
            if case .message(let third) = try #require(try await events.next()) { #expect(third.sequence == SequenceNumber(3)) }
            #expect(try await connection.next() == .acknowledge(2))
        }
        try await server.stop()
    }

    @Test("A batch holds all that there is, and is handled when the next is asked for")
    func batchesHoldAllThatThereIs() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server), consuming: false) { client in
            let (connection, _) = try await server.greeted()
            connection.sendAll([try .welcome(head: 100)] + (1...100).map { .message($0) })
            var numbers: [UInt64] = []
            var batches = client.client.batches(maxEvents: 30).makeAsyncIterator()
            while numbers.count < 100, let batch = try await batches.next() {
                #expect((1...30).contains(batch.count))
                for case .message(let message) in batch { numbers.append(message.sequence.rawValue) }
            }
            #expect(numbers == Array(1...100))
            connection.send(.message(101))
            _ = try await batches.next()
            try await connection.acknowledged(through: 100)
        }
        try await server.stop()
    }

    @Test("The wished window and the wished time are told [R4.2-3]")
    func wishesAreTold() async throws {
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.window = Window(messages: 16, bytes: 4_096)
        configuration.keep = .seconds(3_600)
        configuration.agent = "test/1.0"
        try await withClient(configuration) { _ in
            let (connection, hello) = try await server.greeted()
            #expect(hello.window == Window(messages: 16, bytes: 4_096))
            #expect(hello.keep == .seconds(3_600))
            #expect(hello.agent == "test/1.0")
            #expect(hello.force == false)
            #expect(hello.outbox != nil)
            connection.send(try .welcome(head: 2, window: Window(messages: 8, bytes: 4_096)), .message(1), .message(2))
            // An eighth of eight messages is one.
            try await connection.acknowledged(through: 2)
        }
        try await server.stop()
    }
}
