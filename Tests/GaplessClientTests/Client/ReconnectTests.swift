import GaplessClient
import GaplessCore
import GaplessTesting
import GaplessWebSocket
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

/// Where the client goes, when, and how it notices that a connection is dead.
@Suite struct ReconnectTests {
    @Test("Another endpoint is tried after a failure, and a good one is kept")
    func endpointsTakeTurns() async throws {
        let dead = try await FakeServer.start()
        try await dead.stop()
        let server = try await FakeServer.start()
        try await withClient(.test(dead, server)) { client in
            for generation in UInt64(1)...3 {
                let (connection, _) = try await server.greeted()
                connection.send(try .welcome(generation: generation))
                try await client.online()
                connection.cut()
            }
            _ = try await server.greeted()
        }
        try await server.stop()
    }

    @Test("An endpoint that takes the connection and says nothing is given up, and the next one is tried")
    func silentConnectIsGivenUp() async throws {
        let mute = try await MuteServer.start()
        let server = try await FakeServer.start()
        let time = ManualTime()
        var configuration = ClientConfiguration.test(server)
        configuration.endpoints = ["ws://127.0.0.1:\(mute.port)/gapless"]
        configuration.clock = time.clock
        configuration.backoffBase = .milliseconds(1)
        try await withClient(configuration) { client in
            defer { time.release() }
            try await mute.accepted()
            await time.advance(by: configuration.connectTimeout)
            let absence = try await client.offline()
            #expect(absence.cause == .timedOut)
            await time.advance(by: absence.retryAfter)
            try await mute.accepted()
        }
        try await mute.stop()
        try await server.stop()
    }

    @Test("A server that upgrades and never says WELCOME is given up")
    func unansweredHelloIsGivenUp() async throws {
        let server = try await FakeServer.start()
        let time = ManualTime()
        var configuration = ClientConfiguration.test(server)
        configuration.connectTimeout = .seconds(25)  // Shorter than the silence that a client begins with.
        configuration.clock = time.clock
        try await withClient(configuration) { client in
            defer { time.release() }
            let (first, _) = try await server.greeted()
            await time.advance(by: configuration.connectTimeout)
            #expect(try await first.ended().code == 1000)
            let absence = try await client.offline()
            #expect(absence.cause == .timedOut)
            await time.advance(by: absence.retryAfter)
            _ = try await server.greeted()
        }
        try await server.stop()
    }

    @Test("[R8-1] [R8-4] a connection that says nothing for `silence` is ended with 4105 and resumed, by the times of WELCOME")
    func silenceEndsTheConnection() async throws {
        let server = try await FakeServer.start()
        let time = ManualTime()
        var configuration = ClientConfiguration.test(server)
        configuration.clock = time.clock
        try await withClient(configuration) { client in
            defer { time.release() }
            let (first, _) = try await server.greeted()
            let window = Window(messages: 8, bytes: 1_000_000)  // So that each message is acknowledged at once.
            first.send(try .welcome(head: 1, window: window, heartbeat: .seconds(2), silence: .seconds(5)), .message(1))
            #expect(try await client.text() == "message 1")
            try await first.acknowledged(through: 1)
            // Nothing was sent for `heartbeat`: the client asks, and the fake server does not answer.
            await time.advance(by: .seconds(2))
            #expect(try await first.nextOfAny() == .ping(1))
            await time.advance(by: .seconds(2))
            #expect(try await first.nextOfAny() == .ping(2))
            await time.advance(by: .seconds(1))
            #expect(try await first.ended().code == 4105)
            let absence = try await client.offline()
            await time.advance(by: absence.retryAfter)
            let (second, hello) = try await server.greeted()
            #expect(hello.position?.handled == SequenceNumber(1))
            second.send(try .welcome(generation: 2, after: 1))
        }
        try await server.stop()
    }

    @Test("[R4.6-1] [R8-2] any frame is a sign of life, and PING is answered")
    func pingIsAnswered() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { _ in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            connection.send(.ping(17))
            #expect(try await connection.nextOfAny() == .pong(17))
        }
        try await server.stop()
    }

    @Test("A probe asks for a sign of life at once")
    func probeAsks() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            try await client.online()
            client.client.probe()
            #expect(try await connection.nextOfAny() == .ping(1))
            connection.send(.pong(1))
        }
        try await server.stop()
    }

    @Test(
        "[R11.2-2] a handshake refused with an HTTP status is a lost connection, and the sentence says why; a redirect is not followed",
        arguments: [200, 301, 302, 307, 400, 401, 403, 404, 426, 429, 500, 502, 503]
    )
    func refusedHandshakeIsLost(status: Int) async throws {
        let elsewhere = try await FakeServer.start()
        let answer = HTTPAnswer(HTTPResponseStatus(statusCode: status), headers: ["Location": elsewhere.url], text: "no")
        let server = try await FakeServer.start(refusal: answer)
        try await withClient(.test(server)) { client in
            let absence = try await client.offline()
            #expect(absence.cause == .lost)
            #expect(absence.message.contains("\(status)"))
            _ = try await server.request()
            _ = try await server.request()
        }
        #expect(!elsewhere.hasUnexpectedRequest)
        try await server.stop()
        try await elsewhere.stop()
    }

    @Test("[R11.2-5] an endpoint that asked for patience is left alone; another one is not")
    func retryAfterIsHeeded() async throws {
        let busy = try await FakeServer.start()
        let server = try await FakeServer.start()
        var configuration = ClientConfiguration.test(busy)
        configuration.serverEndpoints = .follow
        try await withClient(configuration) { client in
            let (first, _) = try await busy.greeted()
            first.send(try .welcome(endpoints: [server.url]))
            try await client.online()
            first.refuse(.overloaded, retryAfter: .seconds(600))
            for generation in UInt64(2)...5 {
                let (connection, _) = try await server.greeted()
                connection.send(try .welcome(generation: generation))
                connection.cut()
            }
            #expect(!busy.hasUnexpectedConnection)
        }
        try await busy.stop()
        try await server.stop()
    }

    @Test(
        "A Retry-After of a refused handshake is heeded like `retryAfter`, as seconds and as a date",
        arguments: [
            HTTPAnswer(.serviceUnavailable, headers: ["Retry-After": "600"], text: "full"),
            // The server's clock says what its date means, wherever ours stands.
            HTTPAnswer(
                .tooManyRequests,
                headers: ["Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT", "Date": "Sun, 06 Nov 1994 08:39:37 GMT"],
                text: "slow down"
            ),
            HTTPAnswer(.serviceUnavailable, headers: ["Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"], text: "full"),
        ]
    )
    func retryAfterOfAHandshakeIsHeeded(refusal: HTTPAnswer) async throws {
        let busy = try await FakeServer.start(refusal: refusal)
        let server = try await FakeServer.start()
        try await withClient(.test(busy, server)) { client in
            for generation in UInt64(1)...5 {
                let (connection, _) = try await server.greeted()
                connection.send(try .welcome(generation: generation))
                try await client.online()
                connection.cut()
            }
            _ = try await server.greeted()
        }
        // Its turn came once, at the latest after the first cut.
        _ = try await busy.request()
        #expect(!busy.hasUnexpectedRequest)
        try await busy.stop()
        try await server.stop()
    }

    @Test("Endpoints told by a server are left alone if the application wants that")
    func toldEndpointsCanBeIgnored() async throws {
        let server = try await FakeServer.start()
        let other = try await FakeServer.start()
        var configuration = ClientConfiguration.test(server)
        configuration.serverEndpoints = .ignore
        try await withClient(configuration) { _ in
            for generation in UInt64(1)...6 {
                let (connection, _) = try await server.greeted()
                connection.send(try .welcome(generation: generation, endpoints: [other.url]))
                connection.cut()
            }
            #expect(!other.hasUnexpectedConnection)
        }
        try await server.stop()
        try await other.stop()
    }

    @Test("[R5.6-1] [R5.6-2] after three failed resumes in a row the position is not told; the client keeps it")
    func failedResumes() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(resume: .new, head: 1), .message(1))
            #expect(try await client.text() == "message 1")
            try await first.acknowledged(through: 1)
            first.cut()
            for _ in 1...3 {
                let (connection, hello) = try await server.greeted()
                #expect(hello.position != nil)
                connection.refuse(.internalError)
            }
            let (last, hello) = try await server.greeted()
            #expect(hello.position == nil)
            #expect(hello.held == nil)
            last.send(try .welcome(generation: 2, after: 0, head: 2), .message(1), .message(2))
            #expect(try await client.text() == "message 2")
        }
        try await server.stop()
    }

    @Test("[R11.2-4] a queue that was removed: HELLO without a position, and the application is told")
    func removedQueueStartsOver() async throws {
        let server = try await FakeServer.start()
        try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(resume: .new, head: 1), .message(1))
            #expect(try await client.text() == "message 1")
            first.refuse(.queueRemoved)
            let reason = try await client.reset()
            #expect(reason == .unknown)
            let (second, hello) = try await server.greeted()
            #expect(hello.position == nil)
            second.send(try .welcome(epoch: "e2", resume: .new, head: 1), .message(1))
            #expect(try await client.text() == "message 1")
        }
        try await server.stop()
    }

    @Test("[R3.7-5] the code of ERROR counts, whatever ends the connection")
    func theErrorCounts() async throws {
        let server = try await FakeServer.start()
        let error = try await withClient(.test(server)) { client in
            let (first, _) = try await server.greeted()
            first.send(try .welcome(), .error(ErrorFrame(code: .removedByOperator, message: "gone")))
            first.cut()
            try await client.stopped()
        }
        #expect((error as? ClientError)?.closeCode == .removedByOperator)
        try await server.stop()
    }
}
