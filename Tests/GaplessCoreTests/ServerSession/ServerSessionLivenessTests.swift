import GaplessCore
import Testing

@Suite("Heartbeat")
struct HeartbeatTests {
    private let start = Instant(nanoseconds: 0)

    private func heartbeat() -> Heartbeat {
        Heartbeat(interval: .seconds(20), silence: .seconds(30), now: self.start)
    }

    private func at(_ seconds: Int) -> Instant { self.start + .seconds(seconds) }

    @Test("who has sent nothing for the interval pings, counting up [R8-1]")
    func pings() {
        var heartbeat = self.heartbeat()
        #expect(heartbeat.nextDeadline == self.at(20))
        #expect(heartbeat.timerFired(now: self.at(19)) == nil)
        #expect(heartbeat.timerFired(now: self.at(20)) == .ping(1))
        heartbeat.sent(now: self.at(20))
        heartbeat.heard(now: self.at(21))
        #expect(heartbeat.timerFired(now: self.at(40)) == .ping(2))
    }

    @Test("a frame of one's own starts the interval anew [R8-1]")
    func sent() {
        var heartbeat = self.heartbeat()
        heartbeat.sent(now: self.at(5))
        #expect(heartbeat.timerFired(now: self.at(24)) == nil)
        #expect(heartbeat.timerFired(now: self.at(25)) == .ping(1))
    }

    @Test("asking again and again buys a dead connection no time [R8-4]")
    func probesAgain() {
        var heartbeat = self.heartbeat()
        for second in [0, 3, 4] { _ = heartbeat.probe(now: self.at(second)) }
        #expect(heartbeat.nextDeadline == self.at(5))
        #expect(heartbeat.timerFired(now: self.at(5)) == .silent)
    }

    @Test("nothing heard for the silence is the end [R8-3]")
    func silent() {
        var heartbeat = self.heartbeat()
        heartbeat.sent(now: self.at(29))
        #expect(heartbeat.nextDeadline == self.at(30))
        #expect(heartbeat.timerFired(now: self.at(30)) == .silent)
    }

    @Test("any sign of life starts the silence anew [R8-2]")
    func heard() {
        var heartbeat = self.heartbeat()
        heartbeat.heard(now: self.at(29))
        heartbeat.sent(now: self.at(50))
        #expect(heartbeat.timerFired(now: self.at(58)) == nil)
        #expect(heartbeat.timerFired(now: self.at(59)) == .silent)
    }

    @Test("a deadline that fires more than 2 s late probes, and waits 5 s for anything [R8-5]")
    func lateness() {
        var onTime = self.heartbeat()
        #expect(onTime.timerFired(now: self.at(32)) == .silent)
        var late = self.heartbeat()
        #expect(late.timerFired(now: self.at(33)) == .ping(1))
        late.sent(now: self.at(33))
        #expect(late.nextDeadline == self.at(38))
        #expect(late.timerFired(now: self.at(37)) == nil)
        #expect(late.timerFired(now: self.at(38)) == .silent)
    }

    @Test("a probe that is answered ends the doubt; one that stalls too is not repeated [R8-5]")
    func probe() {
        var answered = self.heartbeat()
        _ = answered.timerFired(now: self.at(90))
        answered.heard(now: self.at(91))
        answered.sent(now: self.at(91))
        #expect(answered.nextDeadline == self.at(111))
        var stalled = self.heartbeat()
        _ = stalled.timerFired(now: self.at(90))
        #expect(stalled.timerFired(now: self.at(200)) == .silent)
    }

    @Test("the number of a ping never leaves its bounds")
    func adopts() {
        var heartbeat = self.heartbeat()
        _ = heartbeat.nextPing()
        heartbeat.adopt(interval: .seconds(1), silence: .seconds(2), now: self.at(10))
        #expect(heartbeat.nextDeadline == self.at(11))
        #expect(heartbeat.nextPing() == 2)
    }
}

@Suite("Server session: liveness")
struct ServerSessionLivenessTests {
    private static let open: [ServerRig.Phase] = [.admitting, .authenticating, .attached, .leaving]

    @Test("a server that has sent nothing for the heartbeat pings [R8-1]")
    func pings() {
        let rig = ServerRig.at(.attached)
        #expect(rig.nextDeadline() == .seconds(20))
        #expect(rig.wait(.seconds(20)) == .says(.ping(1)))
    }

    @Test("nothing for the silence is 4105, in every open state [R8-3]", arguments: open)
    func silent(phase: ServerRig.Phase) {
        let rig = ServerRig.at(phase)
        let first = phase == .authenticating ? Duration.seconds(15) : .seconds(20)
        _ = rig.wait(first)
        rig.bytesTaken()
        let output = rig.wait(.seconds(30) - first)
        // An authenticator that takes too long ends it before the silence does.
        #expect(output.closeCode == (phase == .authenticating ? .overloaded : .silent))
    }

    @Test("before HELLO, too, when its deadline is longer [R8-1, R8-3]")
    func silentBeforeHello() {
        let rig = ServerRig { $0.helloDeadline = .seconds(100) }
        #expect(rig.wait(.seconds(20)) == .says(.ping(1)))
        rig.bytesTaken()
        #expect(rig.wait(.seconds(10)).closeCode == .silent)
    }

    @Test(
        "until WELCOME the default intervals hold, whatever the settings are [R8-1, R8-3]",
        arguments: [ServerRig.Phase.admitting, .attached]
    )
    func intervalsBeforeWelcome(phase: ServerRig.Phase) {
        let rig = ServerRig.at(phase) { ($0.heartbeat, $0.silence) = (.seconds(1), .seconds(2)) }
        #expect(rig.nextDeadline() == (phase == .attached ? .seconds(1) : .seconds(20)))
        #expect(rig.wait(.seconds(2)).closeCode == (phase == .attached ? .silent : nil))
    }

    @Test("any frame and any other sign of life keeps a connection [R8-2]")
    func signs() {
        let rig = ServerRig.at(.attached)
        for _ in 0..<5 {
            _ = rig.wait(.seconds(14))
            rig.bytesTaken()
            _ = rig.receive(.pong(0))
            _ = rig.wait(.seconds(14))
            rig.bytesTaken()
            rig.signOfLife()
        }
        #expect(rig.wait(.seconds(29)).close == nil)
    }

    @Test("a silence that fires late probes first [R8-5]")
    func late() {
        let rig = ServerRig.at(.attached)
        #expect(rig.wait(.seconds(90)) == .says(.ping(1)))
        rig.bytesTaken()
        #expect(rig.nextDeadline() == .seconds(5))
        #expect(rig.wait(.seconds(5)).closeCode == .silent)
    }

    @Test("pings that wait for room are answered by one pong, the newest [R4.6-1]")
    func onePong() {
        let rig = ServerRig.at(.attached)
        #expect(rig.receive(.ping(1), .ping(2), .ping(3)) == .says(.pong(3)))
        _ = rig.writable(false)
        #expect(rig.receive(.ping(4), .ping(5)) == .nothing)
        #expect(rig.receive(.ping(6)) == .nothing)
        #expect(rig.writable(true) == .says(.pong(6)))
        #expect(rig.writable(true) == .nothing)
    }

    // MARK: Slow consumers

    @Test("a socket that takes no byte for 30 s while something is to be sent is 4104 [R8-6]")
    func slowConsumer() {
        let rig = ServerRig.attached(sent: 0)
        _ = rig.notice(.committed(CommittedMessage(message: .test(1), fence: ServerRig.fence)))
        rig.signOfLife()
        _ = rig.wait(.seconds(15))
        rig.signOfLife()
        #expect(rig.wait(.milliseconds(14_999)).close == nil)
        #expect(rig.wait(.milliseconds(1)).closeCode == .slowConsumer)
    }

    @Test("each byte taken starts the time anew; with nothing left to send there is none [R8-6]")
    func bytesTaken() {
        let rig = ServerRig.at(.attached)
        _ = rig.receive(.ping(1))
        for _ in 0..<4 {
            _ = rig.wait(.seconds(25))
            rig.signOfLife()
            rig.bytesTaken(pending: 10)
        }
        rig.bytesTaken(pending: 0)
        rig.signOfLife()
        #expect(rig.nextDeadline().map { $0 <= .seconds(20) } == true)
        _ = rig.wait(.seconds(20))
        rig.bytesTaken(pending: 0)
        rig.signOfLife()
        #expect(rig.wait(.seconds(20)).close == nil)
    }

    @Test("a socket that takes a byte now and then is not slow; the time runs from the last one [R8-6]")
    func slowButSteady() {
        let rig = ServerRig.at(.attached)
        _ = rig.receive(.ping(1))
        for second in 1...145 {
            #expect(rig.wait(.seconds(1)).close == nil, "after \(second) s")
            rig.signOfLife()
            if second % 29 == 0, second <= 116 { rig.bytesTaken(pending: 10) }
        }
        #expect(rig.wait(.seconds(1)).closeCode == .slowConsumer)
    }

    @Test("more frames do not prolong the patience with a socket that takes nothing [R8-6]")
    func notProlonged() {
        let rig = ServerRig.at(.attached)
        _ = rig.receive(.ping(1))
        _ = rig.wait(.seconds(20))
        _ = rig.receive(.ping(2))
        #expect(rig.wait(.seconds(10)).closeCode == .slowConsumer)
    }

    @Test("a process that stood still does not take its peers for slow [R8-5, R8-6]")
    func stalledProcess() {
        let rig = ServerRig.at(.attached)
        _ = rig.receive(.ping(1))
        rig.signOfLife()
        #expect(rig.wait(.seconds(33)).close == nil)
        rig.signOfLife()
        rig.bytesTaken()
        #expect(rig.wait(.seconds(5)).close == nil)
    }
}
