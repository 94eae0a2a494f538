import GaplessCore
import GaplessWebSocket
import NIOCore
import Testing

@testable import GaplessClient

/// The decisions of the session as they arrive at sockets and timers, on a loop and a clock that only the test moves.
@Suite struct ClientShellTests {
    // MARK: Silence

    /// What the client sends when the first of its timers fires.
    private func nextFrames(of connection: RigConnection, _ rig: ShellRig) throws -> [ClientFrame] {
        for _ in 1...300 {
            rig.advance(.milliseconds(100))
            let frames = try connection.received()
            if !frames.isEmpty { return frames }
        }
        return []
    }

    @Test("[R8-4] a silence that ends in time ends the connection with 4105, and no probe is sent")
    func silence() throws {
        let rig = try ShellRig()
        let connection = try rig.attach(.welcome(heartbeat: .seconds(20), silence: .seconds(30)))
        rig.advance(.seconds(29))
        #expect(try connection.received() == [.ping(1)])
        #expect(connection.closeCode == nil)
        rig.advance(.seconds(1))
        #expect(try connection.received() == [])
        #expect(connection.closeCode == 4_105)
    }

    @Test("[R8-5] a deadline that fires more than 2 s late probes, and ends the connection only when 5 s bring nothing")
    func lateDeadline() throws {
        let rig = try ShellRig()
        let connection = try rig.attach(.welcome(heartbeat: .seconds(20), silence: .seconds(30)))
        rig.stall(.seconds(3_600))
        #expect(try self.nextFrames(of: connection, rig) == [.ping(1)])
        #expect(connection.closeCode == nil)
        rig.advance(.milliseconds(4_999))
        #expect(try connection.received() == [])
        #expect(connection.closeCode == nil)
        rig.advance(.milliseconds(1))
        #expect(try connection.received() == [])
        #expect(connection.closeCode == 4_105)
        // A new connection is tried at once or after the backoff, in any case soon.
        _ = try rig.nextAttempt(within: .seconds(1))
    }

    @Test("[R8-5] a probe that is answered keeps the connection, and the next silence is judged anew")
    func answeredProbe() throws {
        let rig = try ShellRig()
        let connection = try rig.attach(.welcome(heartbeat: .seconds(20), silence: .seconds(30)))
        for round in UInt64(1)...3 {
            rig.stall(.seconds(3_600))
            #expect(try self.nextFrames(of: connection, rig) == [.ping(round)])
            try connection.send(.pong(round))
        }
        rig.advance(.seconds(29))
        _ = try connection.received()
        #expect(connection.closeCode == nil)
        rig.advance(.seconds(1))
        _ = try connection.received()
        #expect(connection.closeCode == 4_105)
    }

    @Test("[R8-5] a deadline that fires up to 2 s late is believed")
    func slightlyLateDeadline() throws {
        for (lateness, isProbed) in [(TimeAmount.seconds(2), false), (.milliseconds(2_001), true)] {
            let rig = try ShellRig()
            // No PING of its own falls into the time: the silence is the only deadline.
            let connection = try rig.attach(.welcome(heartbeat: .seconds(29), silence: .seconds(30)))
            rig.advance(.milliseconds(29_999))
            #expect(try connection.received() == [.ping(1)])
            rig.stall(lateness)
            rig.advance(.milliseconds(1))
            #expect(try connection.received() == (isProbed ? [.ping(2)] : []), "\(lateness)")
            #expect(connection.closeCode == (isProbed ? nil : 4_105), "\(lateness)")
        }
    }

    // MARK: Where to and when

    @Test("Endpoints take turns while they fail, and the one that welcomed is tried first after a long life")
    func endpoints() throws {
        let urls = ["ws://a.example.com/gapless", "ws://b.example.com/gapless", "ws://c.example.com/gapless"]
        let rig = try ShellRig(endpoints: urls)
        var tried: [String] = []
        for _ in 1...6 {
            let attempt = try rig.nextAttempt()
            tried.append(attempt.url)
            attempt.fail()
        }
        #expect(Set(tried.prefix(3)) == Set(urls))
        #expect(Array(tried.prefix(3)) == Array(tried.suffix(3)))
        let good = try rig.nextAttempt()
        let connection = try good.open()
        try connection.send(.welcome(heartbeat: .seconds(300), silence: .seconds(600)))
        rig.advance(.seconds(30))
        try connection.cut()
        #expect(try rig.nextAttempt().url == good.url)
    }

    @Test("[R11.4-1] [R11.4-2] the backoff grows to its cap and is not reset by a welcome alone, but by 30 s of life")
    func backoffReset() throws {
        let rig = try ShellRig()
        for _ in 1...10 { try rig.nextAttempt().fail() }
        var waits: [Duration] = []
        for _ in 1...12 {
            let connection = try rig.attach(.welcome(heartbeat: .seconds(300), silence: .seconds(600)))
            rig.advance(.milliseconds(29_999))
            try connection.cut()
            waits.append(try #require(rig.lastAbsence))
        }
        #expect(waits.allSatisfy { $0 <= .seconds(30) })
        // That twelve draws from 0 to 30 s are all below half a second happens once in 10^21.
        #expect(waits.contains { $0 > .milliseconds(500) })
        for _ in 1...20 {
            let connection = try rig.attach(.welcome(heartbeat: .seconds(300), silence: .seconds(600)))
            rig.advance(.seconds(30))
            try connection.cut()
            #expect(try #require(rig.lastAbsence) <= .milliseconds(500))
        }
    }

    @Test("[R11.2-5] what a refused handshake asked for is waited for")
    func retryAfter() async throws {
        let rig = try ShellRig()
        try rig.nextAttempt().fail(.refused(status: 503, retryAfterSeconds: 60))
        rig.advance(.milliseconds(59_999))
        #expect(rig.attempt() == nil)
        _ = try rig.nextAttempt(within: .seconds(31))
    }

    // MARK: Leaving

    @Test(
        "[R10.3-4] leaving acknowledges what was handled, closes with 1000, says no BYE and comes back no more",
        arguments: [ClientRun.Patience.patient, .impatient]
    )
    func leaving(_ patience: ClientRun.Patience) throws {
        let rig = try ShellRig()
        let connection = try rig.attach(.welcome(head: 2))
        try connection.send(.message(1), .message(2))
        try rig.handle(1)
        #expect(try connection.received() == [])
        rig.ask { $0.leave(patience) }
        #expect(try connection.received() == [.acknowledge(through: SequenceNumber(1))])
        #expect(connection.closeCode == 1_000)
        rig.advance(.minutes(10))
        #expect(rig.attempt() == nil)
        // The server never answered the Close.
        #expect(!connection.isActive)
    }

    @Test(
        "[R10.3-4] with a state file, leaving acknowledges and closes once what was handled is saved",
        arguments: [ClientRun.Patience.patient, .impatient]
    )
    func leavingDurably(_ patience: ClientRun.Patience) throws {
        let rig = try ShellRig { $0.persistence = .durable }
        rig.confirmSaves()
        let connection = try rig.nextAttempt().open()
        rig.confirmSaves()
        guard case .hello = try connection.received().first else {
            Issue.record("there is no HELLO")
            return
        }
        try connection.send(.welcome(head: 2), .message(1), .message(2))
        rig.confirmSaves()
        try rig.handle(1)
        rig.ask { $0.leave(patience) }
        #expect(try connection.received() == [])
        #expect(connection.closeCode == nil)
        rig.confirmSaves()
        #expect(try connection.received() == [.acknowledge(through: SequenceNumber(1))])
        #expect(connection.closeCode == 1_000)
        rig.advance(.minutes(10))
        #expect(rig.attempt() == nil)
    }

    @Test("Leaving gives up an attempt that is under way")
    func leavingEarly() throws {
        let rig = try ShellRig()
        let attempt = try rig.nextAttempt()
        rig.ask { $0.leave(.patient) }
        #expect(throws: RigError.cancelled) { try attempt.open() }
        rig.advance(.minutes(10))
        #expect(rig.attempt() == nil)
    }
}
