import GaplessCore
import Testing

@Suite("ClientSession liveness")
struct ClientSessionLivenessTests {
    private func attached(heartbeat: Duration = .seconds(20), silence: Duration = .seconds(30)) -> ClientRig {
        var welcome = Welcome.test()
        welcome.heartbeat = heartbeat
        welcome.silence = silence
        return ClientRig.attached(welcome)
    }

    @Test("[R8-1] [R4.2-3] a PING after the heartbeat of the WELCOME without a frame of one's own, counting up")
    func heartbeat() {
        let rig = self.attached(heartbeat: .seconds(7), silence: .seconds(11))
        var sent: [ClientFrame] = []
        for _ in 0..<3 {
            #expect(rig.untilDeadline == .seconds(7))
            sent += rig.nextTimer().sent
            rig.receive(.pong(1))
        }
        #expect(sent == [.ping(1), .ping(2), .ping(3)])
    }

    @Test("[R8-1] any frame sent puts the PING off")
    func sendingPutsItOff() {
        let rig = self.attached(heartbeat: .seconds(7), silence: .seconds(100))
        rig.pass(.seconds(5))
        rig.send("a")
        #expect(rig.untilDeadline == .seconds(7))
        rig.pass(.seconds(5))
        rig.receive(.ping(1))
        #expect(rig.untilDeadline == .seconds(7))
    }

    @Test("[R4.6-1] a PING is answered at once, with its number")
    func pong() {
        let rig = self.attached()
        #expect(rig.receive(.ping(0)) == [.send(ConnectionID(1), .pong(0))])
        #expect(rig.receive(.ping(Limits.maxInteger)) == [.send(ConnectionID(1), .pong(Limits.maxInteger))])
    }

    @Test("[R4.6-2] a PONG that nobody asked for is a sign of life and nothing else")
    func strayPong() {
        let rig = self.attached()
        #expect(rig.receive(.pong(77)) == [])
    }

    @Test("[R8-4] nothing for the silence: closed with 4105 without waiting for the other side, back with backoff")
    func silence() {
        let rig = self.attached()
        #expect(rig.nextTimer().sent == [.ping(1)])
        #expect(rig.untilDeadline == .seconds(10))
        let actions = rig.nextTimer()
        #expect(actions.closes == ["1 4105"])
        guard case .offline(.silent, let wait)? = actions.states.last else { return #expect(Bool(false)) }
        #expect(wait <= .milliseconds(500))
        #expect(rig.closed(1, .silent) == [])
        #expect(rig.connect() == 2)
    }

    @Test("[R8-2] [R4.11-4] anything that comes starts the silence anew, also what is ignored")
    func signsOfLife() {
        let rig = self.attached(heartbeat: .seconds(200), silence: .seconds(30))
        let signs: [(ClientRig) -> [ClientAction]] = [
            { $0.receive(.pong(0)) }, { $0.receive(.message(.test(1))) }, { $0.receive(.message(.test(1))) },
            { $0.receive(.gap(.test(2, 3))) },
            { $0.receive(.acknowledge(through: .first)).isEmpty ? [] : [] }, { rig in rig.drive { $0.signOfLife(ConnectionID(1), &$1) } },
            { $0.receive(.authenticated) }, { $0.receive(.ping(1)) },
        ]
        rig.send("a")
        for sign in signs {
            #expect(rig.run(for: .seconds(29)).closes == [])
            #expect(sign(rig).closes == [])
        }
        #expect(rig.run(for: .seconds(30)).closes == ["1 4105"])
    }

    @Test("[R8-5] a silence that is noticed more than 2 s late is probed before it is believed")
    func lateSilence() {
        let rig = self.attached()
        rig.pass(.milliseconds(32_001))
        let actions = rig.fire()
        #expect(actions.closes == [])
        #expect(actions.sent == [.ping(1)])
        #expect(rig.untilDeadline == .seconds(5))
        rig.pass(.seconds(4))
        rig.receive(.pong(1))
        #expect(rig.run(for: .seconds(6)).closes == [])
    }

    @Test("[R8-5] a probe that nothing answers within 5 s ends the connection")
    func unansweredProbe() {
        let rig = self.attached()
        rig.pass(.seconds(600))
        rig.fire()
        rig.pass(.milliseconds(4_999))
        #expect(rig.fire().closes == [])
        rig.pass(.milliseconds(1))
        #expect(rig.fire().closes == ["1 4105"])
    }

    @Test("[R8-5] up to 2 s late is no stall", arguments: [0, 1, 2_000])
    func slightlyLate(milliseconds: Int) {
        let rig = self.attached()
        rig.pass(.seconds(30) + .milliseconds(milliseconds))
        #expect(rig.fire().closes == ["1 4105"])
    }

    @Test("a new network: every connection is asked at once, and has 5 s")
    func probe() {
        let rig = self.attached()
        #expect(rig.drive { $0.probe(&$1) }.sent == [.ping(1)])
        #expect(rig.untilDeadline == .seconds(5))
        #expect(rig.nextTimer().closes == ["1 4105"])
    }

    @Test("a connection that is still being opened has 5 s too")
    func probeWhileConnecting() {
        let rig = ClientRig()
        rig.start()
        #expect(rig.drive { $0.probe(&$1) } == [])
        #expect(rig.untilDeadline == .seconds(5))
        #expect(rig.nextTimer().closes == ["1 1000"])
    }

    @Test("a probe without a connection leaves the backoff alone")
    func probeWhileWaiting() {
        let rig = self.attached()
        rig.closed(1)
        let deadline = rig.session.nextDeadline
        #expect(rig.drive { $0.probe(&$1) } == [])
        #expect(rig.session.nextDeadline == deadline)
    }

    @Test("before WELCOME 20 s and 30 s hold")
    func defaults() {
        let rig = ClientRig { $0.connectDeadline = .seconds(90) }
        rig.connect()
        rig.opened(1)
        #expect(rig.untilDeadline == .seconds(20))
        #expect(rig.nextTimer().sent == [.ping(1)])
        #expect(rig.nextTimer().closes == ["1 4105"])
    }

    @Test("a timer that fires early, or for nothing, does nothing")
    func earlyTimer() {
        let rig = self.attached()
        for _ in 0..<10 {
            rig.pass(.seconds(1))
            #expect(rig.fire() == [])
        }
    }

    @Test("whatever deadline is announced, firing at it does something or moves it: no shell ever spins")
    func noSpinning() {
        for seed in 0..<200 as Range<UInt64> {
            let rig = ClientRig.attached(seed: seed)
            var luck = SeededLuck(seed)
            rig.send(["a", "b"])
            rig.receive(.drain(Drain(within: .seconds(Int.random(in: 0...20, using: &luck)))))
            rig.receive(.message(.test(1)))
            rig.handleAll()
            var last: Instant?
            for _ in 0..<60 {
                guard let deadline = rig.session.nextDeadline else { break }
                #expect(last.map { $0 < deadline } ?? true || deadline < rig.turn.now, "seed \(seed)")
                last = deadline
                for case .connect(let id, _) in rig.nextTimer() where Bool.random(using: &luck) { rig.failed(id.rawValue) }
                let next = rig.session.nextDeadline
                #expect(next != deadline || rig.turn.now < deadline, "seed \(seed)")
            }
        }
    }
}
