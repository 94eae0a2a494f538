import GaplessCore
import Testing

@Suite("ClientSession and the end of connections")
struct ClientSessionEndingTests {
    /// How long until the next attempt; nil when there is none.
    private func wait(_ actions: [ClientAction]) -> Duration? {
        if case .offline(_, let wait)? = actions.states.last { wait } else { nil }
    }

    /// The waits of a hundred sessions that were attached for some time when the code came.
    private func waits(
        _ code: CloseCode?,
        lived: Duration,
        retryAfter: Duration? = nil,
        jitter: Duration? = nil
    ) -> [Duration?] {
        (0..<100 as Range<UInt64>).map { seed in
            let rig = ClientRig.attached(seed: seed)
            rig.live(for: lived)
            guard let code else { return self.wait(rig.closed(1)) }
            return self.wait(rig.refuse(1, code, retryAfter: retryAfter, jitter: jitter))
        }
    }

    private func isSpread(_ waits: [Duration?], _ low: Duration, _ high: Duration) -> Bool {
        let known = waits.compactMap(\.self).sorted()
        guard known.count == waits.count, let first = known.first, let last = known.last else { return false }
        let width = high - low
        return low <= first && last <= high && first <= low + width / 10 && high - width / 10 <= last
    }

    // MARK: Ranges

    @Test("[R11.2-1] 4000-4099, known or not: at once within the jitter", arguments: [4000, 4001, 4002, 4050, 4099] as [UInt16])
    func resumeAtOnce(code: UInt16) {
        let code = CloseCode(rawValue: code)
        #expect(self.waits(code, lived: .seconds(30)).allSatisfy { $0 == .zero })
        #expect(self.isSpread(self.waits(code, lived: .seconds(30), jitter: .seconds(5)), .zero, .seconds(5)))
    }

    @Test("4000-4099 after less than 30 s: with backoff as well")
    func resumeAtOnceAfterShortLife() {
        #expect(self.isSpread(self.waits(.draining, lived: .milliseconds(29_999)), .zero, .milliseconds(500)))
    }

    @Test(
        "[R11.2-1] 4100-4199, known or not: after backoff",
        arguments: [4100, 4101, 4102, 4103, 4104, 4105, 4106, 4107, 4150, 4199] as [UInt16]
    )
    func resumeLater(code: UInt16) {
        #expect(self.isSpread(self.waits(CloseCode(rawValue: code), lived: .seconds(60)), .zero, .milliseconds(500)))
    }

    @Test(
        "[R11.2-1] 4100-4199, known or not: another endpoint, however long the connection lived",
        arguments: [4100, 4107, 4108, 4150, 4199] as [UInt16]
    )
    func resumeLaterElsewhere(code: UInt16) {
        let rig = ClientRig { $0.endpoints = [.a, .b] }
        let first = rig.start().connects.map { $0.dropFirst(2) }
        rig.opened(1)
        rig.receive(.welcome(.test()))
        rig.live(for: .seconds(60))
        rig.refuse(1, CloseCode(rawValue: code))
        #expect(rig.nextTimer().connects.map { $0.dropFirst(2) } != first)
    }

    @Test("[R11.2-5] 4100-4199 with retryAfter: after that, and a random part of the jitter")
    func retryAfter() {
        #expect(self.waits(.overloaded, lived: .seconds(60), retryAfter: .seconds(2)).allSatisfy { $0 == .seconds(2) })
        #expect(
            self.isSpread(self.waits(.overloaded, lived: .zero, retryAfter: .seconds(2), jitter: .seconds(3)), .seconds(2), .seconds(5))
        )
    }

    @Test("[R11.2-6] no retryAfter and no jitter keeps a client away for longer than 24 h")
    func patienceHasABound() {
        let longest = Duration.milliseconds(9_007_199_254_740_991)
        let day = Duration.seconds(86_400)
        #expect(self.waits(.overloaded, lived: .zero, retryAfter: longest).allSatisfy { $0 == day })
        #expect(self.isSpread(self.waits(.overloaded, lived: .zero, retryAfter: longest, jitter: longest), day, day * 2))
        #expect(self.isSpread(self.waits(.draining, lived: .seconds(60), jitter: longest), .zero, day))
    }

    @Test("[R11.2-5] retryAfter of one endpoint does not keep the client from another one, with backoff")
    func retryAfterElsewhere() {
        let rig = ClientRig { $0.endpoints = [.a, .b] }
        let first = rig.start().connects
        rig.opened(1)
        let actions = rig.refuse(1, .overloaded, retryAfter: .seconds(60))
        #expect((self.wait(actions) ?? .seconds(99)) <= .milliseconds(500))
        let second = rig.nextTimer().connects
        #expect(first.map { $0.dropFirst(2) } != second.map { $0.dropFirst(2) })
        rig.opened(2)
        let again = rig.refuse(2, .overloaded, retryAfter: .seconds(90))
        let left = self.wait(again) ?? .zero
        #expect(.seconds(59) <= left && left <= .seconds(60), "the first one may be called again sooner than the second")
        #expect(rig.nextTimer().connects.map { $0.dropFirst(2) } == first.map { $0.dropFirst(2) })
    }

    @Test("[R11.2-5] retryAfter counts with any code", arguments: [4000, 4201, 4500, 4990] as [UInt16])
    func retryAfterAnyCode(code: UInt16) {
        let rig = ClientRig.attached()
        rig.live(for: .seconds(60))
        #expect(self.wait(rig.refuse(1, CloseCode(rawValue: code), retryAfter: .seconds(40))) == .seconds(40))
    }

    @Test(
        "[R11.2-1] [R11.2-4] 4200-4299, known or not: HELLO without the position, told as a reset",
        arguments: [4200, 4201, 4242, 4299] as [UInt16]
    )
    func startOver(code: UInt16) {
        let rig = ClientRig.attached()
        rig.messages(1...5)
        rig.handleAll()
        rig.live(for: .seconds(30))
        let actions = rig.refuse(1, CloseCode(rawValue: code))
        #expect(actions.events == [.reset(.unknown)])
        #expect(self.wait(actions) == .zero)
        let hello = rig.hello()
        #expect(hello?.position == nil && hello?.held == nil)
        #expect(hello?.client == .phone)
        #expect(rig.receive(.welcome(.test(epoch: "e.9", .new)), on: 2).events == [])
        #expect(rig.messages(1...1, on: 2).delivered == [1])
    }

    @Test("4200-4299 after less than 30 s: with backoff")
    func startOverWithBackoff() {
        #expect(self.isSpread(self.waits(.queueRemoved, lived: .seconds(29)), .zero, .milliseconds(500)))
    }

    @Test("[R11.2-4] the old position is not in the record any more either")
    func startOverIsSaved() {
        let rig = ClientRig.durablyAttached()
        rig.messages(1...5)
        #expect(rig.refuse(1, .queueRemoved).changes == [.progress(ClientProgress())])
    }

    @Test(
        "[R11.2-1] [R11.2-3] 4400-4499 and 4502-4549, known or not: stop, keep position and outbox, tell",
        arguments: [4400, 4401, 4402, 4403, 4404, 4405, 4433, 4449, 4450, 4451, 4452, 4453, 4499, 4502, 4510, 4549] as [UInt16]
    )
    func stop(code: UInt16) {
        let rig = ClientRig.attached()
        rig.messages(1...2)
        rig.handleAll()
        rig.send("a")
        let record = rig.session.record
        let actions = rig.refuse(1, CloseCode(rawValue: code))
        #expect(actions.states == [.stopped(StopReason(code: CloseCode(rawValue: code), message: "No."))])
        #expect(rig.session.nextDeadline == nil)
        #expect(rig.session.record == record)
        #expect(rig.start().connects == ["2 \(String.a)"], "the application may start it again")
        #expect(rig.opened(2).hello?.position == .test(handled: 2, last: 2))
    }

    @Test("[R11.2-3] a refused HELLO stops as well")
    func stopAtHello() {
        let rig = ClientRig()
        rig.connect()
        rig.opened(1)
        #expect(rig.refuse(1, .wrongUser).states.last == .stopped(StopReason(code: .wrongUser, message: "No.")))
    }

    @Test(
        "[R11.2-1] [R11.2-2] everything else: with backoff",
        arguments: [nil, 1000, 1001, 1002, 1005, 1006, 1011, 3999, 4550, 4999] as [UInt16?]
    )
    func anythingElse(code: UInt16?) {
        let waits = (0..<100 as Range<UInt64>).map { seed in
            let rig = ClientRig.attached(seed: seed)
            rig.live(for: .seconds(60))
            return self.wait(rig.closed(1, code.map { CloseCode(rawValue: $0) }))
        }
        #expect(self.isSpread(waits, .zero, .milliseconds(500)))
    }

    // MARK: ERROR

    @Test("[R3.7-5] the code of ERROR counts, whatever Close follows", arguments: [nil, 1000, 1006, 4000, 4501] as [UInt16?])
    func errorCounts(code: UInt16?) {
        let rig = ClientRig.attached()
        rig.receive(.error(ErrorFrame(code: .forbidden, message: "No.")))
        #expect(rig.closed(1, code.map { CloseCode(rawValue: $0) }).states == [.stopped(StopReason(code: .forbidden, message: "No."))])
    }

    @Test("what a server says to people begins no line and is obeyed by no terminal")
    func errorTextIsHarmless() {
        let text = "No.\n2026 info: all is well\r\u{1B}[2J\u{9B}2J\u{7}\u{2028}\u{202E}."
        let clean = #"No.\n2026 info: all is well\r\u{1B}[2J\u{009B}2J\u{07}\u{2028}\u{202E}."#
        let stopping = ClientRig.attached()
        stopping.receive(.error(ErrorFrame(code: .forbidden, message: text)))
        guard case .stopped(let stop)? = stopping.closed(1, .forbidden).states.last else { return #expect(Bool(false)) }
        #expect(stop == StopReason(code: .forbidden, message: clean))
        let waiting = ClientRig.attached()
        waiting.receive(.error(ErrorFrame(code: .draining, message: text)))
        guard case .offline(let reason, _)? = waiting.closed(1, .draining).states.last else { return #expect(Bool(false)) }
        #expect(reason == .closed(.draining, message: clean))
        #expect("Grüße, 世界 \u{1F44B}".withoutControls == "Grüße, 世界 \u{1F44B}")
    }

    @Test("[R3.7-4] nothing that follows an ERROR counts")
    func nothingAfterError() {
        let rig = ClientRig.attached()
        rig.send("a")
        rig.receive(.error(ErrorFrame(code: .draining, message: "No.")))
        let frames: [ServerFrame] = [
            .message(.test(1)), .message(.test(9)), .gap(.test(1, 2)), .acknowledge(through: .first),
            .acknowledge(through: SequenceNumber(9)),
            .ping(1), .welcome(.test()), .drain(Drain(within: .seconds(1))), .authenticate(within: .seconds(1)),
            .error(ErrorFrame(code: .forbidden, message: "No.")),
        ]
        for frame in frames { #expect(rig.receive(frame) == []) }
        #expect(rig.drive { $0.misread(ConnectionID(1), &$1) } == [])
        #expect(rig.send("b") == [])
        guard case .offline(.closed(.draining, "No."), _)? = rig.closed(1, .draining).states.last else { return #expect(Bool(false)) }
    }

    @Test("[R3.7-6] an ERROR without a Close for 5 s: the connection is let go, and the code counts")
    func errorWithoutClose() {
        let rig = ClientRig.attached()
        rig.receive(.error(ErrorFrame(code: .forbidden, message: "No.")))
        #expect(rig.untilDeadline == .seconds(5))
        let actions = rig.nextTimer()
        #expect(actions.closes == ["1 1000"])
        #expect(actions.states == [.stopped(StopReason(code: .forbidden, message: "No."))])
        let opening = ClientRig()
        opening.connect()
        opening.opened(1)
        opening.receive(.error(ErrorFrame(code: .overloaded, message: "No.")))
        #expect(opening.nextTimer().closes == ["1 1000"])
    }

    // MARK: Backoff

    @Test("[R11.4-1] n counts failures in a row")
    func backoffGrows() {
        let rig = ClientRig(seed: 4)
        rig.start()
        var longest: [Duration] = []
        for id in 1...12 as ClosedRange<UInt64> {
            guard let wait = self.wait(rig.failed(id)) else { return #expect(Bool(false)) }
            longest.append(wait)
            rig.nextTimer()
        }
        for (index, wait) in longest.enumerated() { #expect(wait <= min(.seconds(30), .milliseconds(500 << min(index, 10)))) }
        #expect((longest.max() ?? .zero) > .seconds(8))
    }

    @Test("[R11.4-1] n counts the rounds in which all endpoints failed")
    func backoffByRounds() {
        let rig = ClientRig(seed: 4) { $0.endpoints = [.a, .b, .c] }
        rig.start()
        for id in 1...18 as ClosedRange<UInt64> {
            guard let wait = self.wait(rig.failed(id)) else { return #expect(Bool(false)) }
            let rounds = (id - 1) / 3
            #expect(wait <= .milliseconds(500 << rounds))
            rig.nextTimer()
        }
    }

    /// Connection 10 is attached; nine before it failed.
    private func attachedAfterFailures(_ seed: UInt64) -> ClientRig {
        let rig = ClientRig(seed: seed)
        rig.start()
        for id in 1...9 as ClosedRange<UInt64> {
            rig.failed(id)
            rig.nextTimer()
        }
        rig.opened(10)
        rig.receive(.welcome(.test()), on: 10)
        return rig
    }

    @Test("[R11.4-2] a connection that lived 30 s and was moved counts as well as one that was lost")
    func backoffResetByAMovedConnection() {
        let longest =
            (0..<60 as Range<UInt64>).map { seed in
                let rig = self.attachedAfterFailures(seed)
                rig.live(for: .seconds(30), on: 10)
                rig.receive(.drain(Drain(within: .seconds(20))), on: 10)
                rig.opened(11)
                rig.receive(.welcome(.test()), on: 11)
                return self.wait(rig.closed(11)) ?? .zero
            }.max() ?? .zero
        #expect(longest <= .milliseconds(500))
    }

    @Test("[R11.4-2] n goes to 0 only after a connection lived 30 s after its WELCOME")
    func backoffReset() {
        func longest(after lived: Duration) -> Duration {
            (0..<60 as Range<UInt64>).map { seed in
                let rig = self.attachedAfterFailures(seed)
                rig.live(for: lived, on: 10)
                return self.wait(rig.closed(10)) ?? .zero
            }.max() ?? .zero
        }
        #expect(longest(after: .milliseconds(29_999)) > .seconds(20))
        #expect(longest(after: .seconds(30)) <= .milliseconds(500))
    }

    @Test("a healthy connection that was lost is resumed where it was; a short one, or one sent away, at the next endpoint")
    func preferredEndpoint() {
        func next(lived: Duration, _ code: CloseCode?) -> Bool {
            let rig = ClientRig { $0.endpoints = [.a, .b, .c] }
            let first = rig.start().connects
            rig.opened(1)
            rig.receive(.welcome(.test()))
            rig.live(for: lived)
            rig.closed(1, code)
            return rig.nextTimer().connects.map { $0.dropFirst(2) } == first.map { $0.dropFirst(2) }
        }
        #expect(next(lived: .seconds(30), nil))
        #expect(!next(lived: .seconds(29), nil))
        #expect(!next(lived: .seconds(60), .draining))
        #expect(!next(lived: .seconds(60), .storeUnavailable))
    }

    @Test("times that no clock can hold stop nothing but the waiting")
    func absurdTimes() {
        let forever = Duration.milliseconds(Int64(Limits.maxInteger))
        let rig = ClientRig.attached { $0.endpoints = [.a, .b] }
        rig.receive(.drain(Drain(within: forever)))
        rig.opened(2)
        rig.refuse(2, .overloaded, retryAfter: forever, jitter: forever)
        rig.refuse(1, .draining, retryAfter: forever, jitter: forever)
        #expect(rig.session.nextDeadline != nil)
        rig.fire()
        var welcome = Welcome.test()
        welcome.heartbeat = forever
        welcome.silence = forever
        let quiet = ClientRig.attached(welcome)
        #expect(quiet.run(for: .seconds(86_400)) == [])
    }

    // MARK: Takeover

    @Test("[R5.3-12] [R5.3-13] a 4501 is answered once with force; the next within 60 s is believed")
    func takenOver() {
        let rig = ClientRig.attached()
        rig.refuse(1, .takenOver)
        #expect(rig.hello()?.force == true)
        rig.receive(.welcome(.test(generation: 3)), on: 2)
        rig.pass(.milliseconds(59_999))
        #expect(rig.refuse(2, .takenOver).states == [.stopped(StopReason(code: .takenOver, message: "No."))])
    }

    @Test("[R5.3-12] 60 s after the last force another 4501 is answered again")
    func takenOverLater() {
        let rig = ClientRig.attached()
        rig.refuse(1, .takenOver)
        #expect(rig.hello()?.force == true)
        rig.receive(.welcome(.test(generation: 3)), on: 2)
        rig.pass(.seconds(60))
        rig.refuse(2, .takenOver)
        #expect(rig.hello()?.force == true)
    }

    @Test("[R5.3-12] a HELLO that was refused with 4501 is said again with force")
    func takenOverAtHello() {
        let rig = ClientRig()
        #expect(rig.hello()?.force == false)
        rig.refuse(1, .takenOver)
        #expect(rig.hello()?.force == true)
        #expect(rig.refuse(2, .takenOver).states.last == .stopped(StopReason(code: .takenOver, message: "No.")))
    }

    @Test(
        "[R5.3-12] a HELLO with force that was lost, or refused for another reason, does not count: the next 4501 is answered with force",
        arguments: [nil, 1006, 4100] as [UInt16?]
    )
    func unansweredForce(code: UInt16?) {
        let rig = ClientRig.attached()
        rig.refuse(1, .takenOver)
        #expect(rig.hello()?.force == true)
        rig.closed(2, code.map { CloseCode(rawValue: $0) })
        #expect(rig.hello()?.force == false)
        rig.refuse(3, .takenOver)
        #expect(rig.hello()?.force == true)
        #expect(rig.refuse(4, .takenOver).states.last == .stopped(StopReason(code: .takenOver, message: "No.")))
    }

    @Test("[R5.3-15] whoever believed a 4501 believes the next one at once, also long after and in another process")
    func takenOverForGood() {
        let rig = ClientRig.attached()
        rig.refuse(1, .takenOver)
        #expect(rig.hello()?.force == true)
        rig.refuse(2, .takenOver)
        #expect(rig.session.record.identity.isTakenOver)
        rig.pass(.seconds(3600))
        let inAnotherProcess = ClientRig(record: rig.session.record, seed: 2)
        for (rig, connection) in [(rig, 3), (inAnotherProcess, 1)] as [(ClientRig, UInt64)] {
            #expect(rig.hello()?.force == false)
            #expect(rig.refuse(connection, .takenOver).states.last == .stopped(StopReason(code: .takenOver, message: "No.")))
        }
    }

    @Test("[R5.3-15] a WELCOME ends a takeover: the next 4501 is answered with force again")
    func attachedAfterTakeover() {
        var luck = SeededLuck(7)
        var record = ClientRecord(client: .phone, using: &luck)
        record.identity.isTakenOver = true
        let rig = ClientRig(record: record)
        rig.attach()
        #expect(!rig.session.record.identity.isTakenOver)
        rig.refuse(1, .takenOver)
        #expect(rig.hello()?.force == true)
    }

    @Test("[R5.3-15] the takeover is saved before the application is told")
    func takeoverIsSaved() {
        let rig = ClientRig.durablyAttached()
        rig.refuse(1, .takenOver)
        rig.settle(rig.nextTimer())
        rig.settle(rig.opened(2))
        let actions = rig.refuse(2, .takenOver)
        let saved = actions.firstIndex { if case .save(.identity(let identity), _, .now) = $0 { identity.isTakenOver } else { false } }
        let told = actions.firstIndex { if case .deliver(.state(.stopped)) = $0 { true } else { false } }
        #expect(saved.flatMap { saved in told.map { saved < $0 } } == true)
    }

    @Test("[R5.3-13] force is said in one HELLO and in no other")
    func forceOnce() {
        let rig = ClientRig.attached()
        rig.refuse(1, .takenOver)
        #expect(rig.hello()?.force == true)
        rig.closed(2)
        #expect(rig.hello()?.force == false)
        for id in 3...6 as ClosedRange<UInt64> {
            rig.refuse(id, .internalError)
            #expect(rig.hello()?.force == false)
        }
    }

    @Test("[R5.3-13] the application may ask for force")
    func takeOverNow() {
        let rig = ClientRig.attached()
        rig.refuse(1, .takenOver)
        rig.hello().map { _ in }
        rig.refuse(2, .takenOver)
        #expect(rig.session.state == .stopped(StopReason(code: .takenOver, message: "No.")))
        #expect(rig.drive { $0.takeOver(&$1) }.connects == ["3 \(String.a)"])
        #expect(rig.opened(3).hello?.force == true)
    }

    @Test("[R5.3-13] asking for force while attached means nothing, also later")
    func takeOverWhileAttached() {
        let rig = ClientRig.attached()
        #expect(rig.drive { $0.takeOver(&$1) } == [])
        rig.closed(1)
        #expect(rig.hello()?.force == false)
    }

    @Test("[R5.3-13] nor when the HELLO that was under way is welcomed")
    func takeOverWhileGreeting() {
        let rig = ClientRig()
        rig.connect()
        rig.opened(1)
        rig.drive { $0.takeOver(&$1) }
        rig.receive(.welcome(.test()))
        rig.closed(1)
        #expect(rig.hello()?.force == false)
    }

    @Test("[R5.3-10] a 4500 without a higher attempt on its way: back with backoff, the same instance")
    func superseded() {
        let rig = ClientRig.attached()
        let instance = rig.session.record.identity.instance
        #expect(self.wait(rig.refuse(1, .superseded)) != nil)
        let hello = rig.hello()
        #expect(hello?.instance == instance && hello?.attempt == Attempt(2))
    }

    @Test("[R5.3-11] a HELLO that is answered with 4500: a new instance, attempt 1, no held")
    func supersededAtHello() {
        let rig = ClientRig.attached(.test(generation: 8))
        rig.closed(1)
        let before = rig.hello()
        #expect(before?.held == Generation(8))
        rig.refuse(2, .superseded)
        let hello = rig.hello()
        #expect(hello?.instance != before?.instance)
        #expect(hello?.attempt == .first)
        #expect(hello?.held == nil)
        #expect(hello?.position == before?.position)
        #expect(hello?.outbox == before?.outbox)
    }
}

extension ClientRig {
    /// Lets the time pass while the server shows that it lives.
    func live(for time: Duration, on id: UInt64 = 1) {
        let end = self.turn.now + time
        while self.turn.now < end {
            self.turn.now = min(end, self.turn.now + .seconds(10))
            self.receive(.pong(0), on: id)
        }
    }
}
