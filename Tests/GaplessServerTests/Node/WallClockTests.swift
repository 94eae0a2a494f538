import GaplessCore
import GaplessServer
import GaplessTesting
import Testing

/// What a node's wrong wall clock does to the messages of its clients: nothing, unless it stays.
@Suite(.serialized, .timeLimit(.minutes(10))) struct WallClockTests {
    @Test func aClockThatIsAheadForAWhileExpiresNothing() async throws {
        let time = ManualTime()
        try await TestServer.run(time: time) { server in
            let start = time.wallClock
            let hour = start.milliseconds + 3_600_000
            try await server.server.send("1", to: "alice/phone")
            time.jumpWallClock(by: .seconds(7_200))
            let (during, welcome) = try await RawClient.attach(server.url)
            #expect(try await during.expectMessage(1, "1") < hour)
            try await server.server.send("2", to: "alice/phone")
            #expect(try await during.expectMessage(2, "2") < hour)
            #expect(try await server.server.queue(of: .test("alice/phone"))?.depth == 2)
            during.cut()
            time.jumpWallClock(by: .seconds(-7_200))
            try await server.server.send("3", to: "alice/phone")
            let again = Greeting(attempt: 2, epoch: welcome.epoch, handled: 0, held: 1)
            let (after, answer) = try await RawClient.attach(server.url, again)
            #expect(answer.resume == "resumed")
            for number in 1...3 { #expect(try await after.expectMessage(number, "\(number)") < hour) }
        }
    }

    @Test func aClockThatIsSetBackForAWhileKeepsNothingLonger() async throws {
        let time = ManualTime()
        try await TestServer.run(time: time) { server in
            try await server.server.send("short", to: "alice/phone", timeToLive: .seconds(5))
            try await server.server.send("long", to: "alice/phone")
            time.jumpWallClock(by: .seconds(-7_200))
            await time.advance(by: .seconds(6))
            try await server.commitsBehindItsHeartbeat()
            let (client, _) = try await RawClient.attach(server.url)
            try await client.expect("GAP 1 1 expired")
            try await client.expectMessage(2, "long")
        }
    }

    @Test func aClockThatStaysAheadIsBelievedInTheEnd() async throws {
        let time = ManualTime()
        let log = CapturedLog()
        try await TestServer.run(time: time, logger: log.logger) { server in
            try await server.server.send("1", to: "alice/phone")
            time.jumpWallClock(by: .seconds(7_200))
            while try await server.server.queue(of: .test("alice/phone"))?.depth == 1 {
                await time.advance(by: .seconds(5))
                try await server.commitsBehindItsHeartbeat()
            }
            try await server.server.send("2", to: "alice/phone")
            let (client, _) = try await RawClient.attach(server.url)
            try await client.expect("GAP 1 1 expired")
            try await client.expectMessage(2, "2")
        }
        #expect(log.text.contains("Wall clock jumped; expiry waits"))
    }
}
