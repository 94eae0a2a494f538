import GaplessCore
import Testing

@Suite("The client's state table of Protocol.md §12.2, row by row")
struct DocumentClientStateTests {
    @Test("each row has its check, in the order of the document, and each check its row")
    func complete() {
        #expect(Self.rows.map(\.testDescription) == DocumentStateRow.documented("12.2"))
    }

    @Test("the session does what the row says", arguments: rows)
    func row(_ row: DocumentStateRow) {
        row.check()
    }

    private static let rows: [DocumentStateRow] = Self.untilAttached + Self.whileAttached + Self.whileMoving + Self.always

    private static let untilAttached: [DocumentStateRow] = [
        DocumentStateRow("idle", "the application starts it") {
            let rig = ClientRig { $0.persistence = .durable }
            let started = rig.start()
            #expect(Self.attempt(started) == .first && started.connects == [])
            #expect(rig.settle(started).connects == ["1 \(String.a)"])
        },
        DocumentStateRow("waiting", "the time is over") {
            let rig = ClientRig.durablyAttached()
            #expect(rig.closed(1).connects == [])
            let due = rig.nextTimer()
            #expect(Self.attempt(due) == Attempt(2) && due.connects == [])
            #expect(rig.settle(due).connects == ["2 \(String.a)"])
        },
        DocumentStateRow("connecting", "open, `gapless.v1` selected") {
            let rig = ClientRig()
            rig.start()
            let opened = rig.opened(1)
            #expect(opened.hello?.attempt == .first && opened.sent.count == 1 && opened.closes == [])
        },
        DocumentStateRow("connecting", "failed") {
            let rig = ClientRig { $0.endpoints = [.a, .b] }
            let first = rig.start().connects.map { $0.dropFirst(2) }
            var longest = Duration.zero
            for id in 1...40 as ClosedRange<UInt64> {
                rig.failed(id)
                let bound = min(Duration.seconds(30), .milliseconds(500 << min(id - 1, 6)))
                longest = max(longest, rig.untilDeadline ?? .seconds(99))
                #expect(rig.untilDeadline ?? .seconds(99) <= bound, "n is \(id - 1)")
                let next = rig.nextTimer().connects.map { $0.drop { $0 != "w" } }
                #expect((next == first) == (id % 2 == 0), "the next endpoint")
            }
            #expect(longest > .seconds(8), "n grows")
        },
        DocumentStateRow("greeting", "`WELCOME`") {
            let rig = ClientRig.attached()
            rig.send(["a", "b", "c"])
            rig.closed(1)
            rig.send("d")
            let welcomed = rig.attach(.test(generation: 2, mark: 1))
            #expect(welcomed.confirmed == [1] && welcomed.uplink == ["2 b", "3 c", "4 d"])
            #expect(rig.messages(1...1, on: 2).delivered == [1])
        },
        DocumentStateRow("greeting", "`ERROR` or close") {
            #expect(Self.isStopped(Self.greeting().refuse(1, .forbidden)))
            for code in [CloseCode.overloaded, .draining, .internalError] {
                let rig = Self.greeting()
                #expect(!Self.isStopped(rig.refuse(1, code)) && rig.connect() == 2, "\(code)")
            }
            let rig = ClientRig.attached()
            rig.closed(1)
            for id in 2...4 as ClosedRange<UInt64> {
                #expect(rig.hello()?.position != nil)
                rig.refuse(id, .internalError)
            }
            #expect(rig.hello()?.position == nil, "three failed resumes")
        },
        DocumentStateRow("greeting", "nothing for `silence`") {
            let rig = ClientRig { $0.connectDeadline = .seconds(100) }
            rig.start()
            rig.opened(1)
            #expect(rig.run(for: .milliseconds(29_999)).closes == [])
            #expect(rig.run(for: .milliseconds(1)).closes == ["1 4105"])
            #expect(rig.connect() == 2)
        },
    ]

    private static let whileAttached: [DocumentStateRow] = [
        DocumentStateRow("attached", "`MSG` = taken + 1") {
            #expect(ClientRig.attached().messages(1...3).delivered == [1, 2, 3])
        },
        DocumentStateRow("attached", "`MSG` <= taken") {
            let rig = ClientRig.attached(.test(after: 4))
            rig.messages(5...6)
            #expect(rig.messages(3...6) == [])
        },
        DocumentStateRow("attached", "`MSG` > taken + 1") {
            let rig = ClientRig.attached()
            #expect(rig.messages(2...2).closes == ["1 4400"])
            #expect(rig.connect() == 2)
        },
        DocumentStateRow("attached", "`GAP`") {
            let rig = ClientRig.attached()
            rig.messages(1...3)
            #expect(rig.receive(.gap(.test(2, 3))) == [])
            #expect(rig.receive(.gap(.test(2, 6))).gaps == [.test(4, 6)])
            #expect(rig.messages(7...7).delivered == [7])
            #expect(rig.receive(.gap(.test(9, 9))).closes == ["1 4400"])
            #expect(rig.connect() == 2)
        },
        DocumentStateRow("attached", "the application handled the next") {
            let rig = ClientRig.attached()
            rig.messages(1...3)
            #expect(rig.handle(0).sent == [])
            #expect(rig.session.record.progress.position == .test(handled: 1, last: 1))
            #expect(rig.untilDeadline == .milliseconds(250))
            rig.pass(.milliseconds(100))
            rig.handle(1)
            #expect(rig.untilDeadline == .milliseconds(150), "the timer runs already")
            rig.handle(2)
            #expect(rig.session.record.progress.position == .test(handled: 3, last: 3))
        },
        DocumentStateRow("attached", "an eighth of the window handled, or the ack timer") {
            let rig = ClientRig.durablyAttached(.test(down: Window(messages: 16, bytes: 1_048_576)))
            rig.messages(1...3)
            #expect(rig.handle(0) == [])
            let eighth = rig.handle(1)
            #expect(eighth.acknowledged == [] && eighth.saves.count == 1, "the position is saved first")
            #expect(rig.settle(eighth).acknowledged == [2])
            #expect(rig.handle(2) == [])
            #expect(rig.settle(rig.run(for: .milliseconds(250))).acknowledged == [3])
        },
        DocumentStateRow("attached", "`ACK`") {
            let rig = ClientRig.attached()
            rig.send(["a", "b", "c"])
            #expect(rig.receive(.acknowledge(through: SequenceNumber(2))).confirmed == [1, 2])
            #expect(rig.session.record.outbox.messages == [Payload(text: "c")])
        },
        DocumentStateRow("any", "the application sends") {
            let idle = ClientRig()
            #expect(idle.send("a").sent == [] && idle.session.unconfirmedMessages == 1)
            let greeting = Self.greeting()
            #expect(greeting.send("a").sent == [] && greeting.session.unconfirmedMessages == 1)
            let full = ClientRig.attached(.test(up: Window(messages: 1, bytes: 100)))
            #expect(full.send("a").uplink == ["1 a"] && full.send("b").uplink == [])
            #expect(full.receive(.acknowledge(through: .first)).uplink == ["2 b"])
            let durable = ClientRig.durablyAttached()
            let sent = durable.send("a")
            #expect(sent.sent == [] && sent.changes.last == .assigned(through: .first), "the number is saved first")
            #expect(durable.settle(sent).uplink == ["1 a"])
        },
        DocumentStateRow("attached", "`AUTH` with `within`") {
            let rig = ClientRig.attached { configuration in
                configuration.token = "t1"
                configuration.tokenSource = .application
            }
            #expect(rig.receive(.authenticate(within: .seconds(25))) == [.obtainToken(.renewal(within: .seconds(25)))])
            #expect(rig.drive { $0.tokenObtained("t2", &$1) }.sent(on: 1) == [.authenticate(token: "t2")])
        },
        DocumentStateRow("attached", "`DRAIN`") {
            let rig = ClientRig.attached()
            rig.send("a")
            #expect(Self.drain(rig).connects == [])
            #expect(rig.send("b").sent == [])
            let settled = rig.receive(.acknowledge(through: .first))
            #expect(settled.connects == ["2 \(String.a)"] && settled.sent == [] && settled.closes == [])
        },
    ]

    private static let whileMoving: [DocumentStateRow] = [
        DocumentStateRow("moving", "`WELCOME` on the second") {
            let rig = Self.moving()
            rig.send("a")
            rig.opened(2)
            let welcomed = rig.receive(.welcome(.test(generation: 2)), on: 2)
            #expect(welcomed.uplink(on: 2) == ["1 a"] && welcomed.sent(on: 1) == [])
            #expect((rig.receive(.ping(1)) + rig.messages(1...40) + rig.handleAll()).sent(on: 1) == [])
        },
        DocumentStateRow("moving", "the second failed") {
            let rig = Self.moving()
            #expect(rig.failed(2).states == [])
            #expect(rig.untilDeadline ?? .seconds(99) <= .milliseconds(500))
            #expect(rig.nextTimer().connects == ["3 \(String.a)"])
            #expect(rig.messages(1...1).delivered == [1], "the first goes on")
        },
        DocumentStateRow("moving", "the first ends while the second is opening") {
            let rig = Self.moving()
            let ended = rig.closed(1, .draining)
            #expect(ended.connects == [] && ended.closes == [])
            #expect(rig.opened(2).hello != nil)
            let stopped = Self.moving()
            #expect(Self.isStopped(stopped.refuse(1, .wrongUser)))
        },
        DocumentStateRow("moving", "`within` is over, or the first ends while none is opening") {
            let rig = Self.moving()
            rig.failed(2)
            rig.closed(1, .draining)
            #expect(rig.connect() == 3)
            let late = Self.moving()
            let end = late.turn.now + .seconds(35)
            var actions = late.failed(2)
            while actions.closes.isEmpty, late.turn.now < end {
                late.receive(.pong(0))
                actions = late.nextTimer()
                for case .connect(let id, _) in actions { late.failed(id.rawValue) }
            }
            #expect(actions.closes == ["1 1000"] && late.turn.now == end)
            #expect(late.connect() != nil)
        },
        DocumentStateRow("attached, moving", "`ERROR` or close of the newest welcomed") {
            for make in [{ ClientRig.attached() }, { Self.moving() }] {
                #expect(Self.isStopped(make().refuse(1, .removedByOperator)))
            }
            let rig = ClientRig.attached()
            #expect(!Self.isStopped(rig.refuse(1, .overloaded)) && rig.connect() == 2)
        },
        DocumentStateRow("attached, moving", "`ERROR` or close of an older one") {
            for code in [CloseCode.superseded, .takenOver, .removedByOperator, .queueRemoved] {
                let rig = Self.moved()
                #expect(rig.refuse(1, code, forget: true) == [], "\(code)")
                #expect(rig.messages(1...1, on: 2).delivered == [1])
            }
            #expect(Self.moved().closed(1) == [])
        },
    ]

    private static let always: [DocumentStateRow] = [
        DocumentStateRow("any with a connection", "nothing received for `silence`") {
            let rig = ClientRig.attached()
            #expect(rig.run(for: .milliseconds(29_999)).closes == [])
            #expect(rig.run(for: .milliseconds(1)).closes == ["1 4105"])
            #expect(rig.connect() == 2)
        },
        DocumentStateRow("any with a connection", "nothing sent for `heartbeat`") {
            let rig = ClientRig.attached()
            #expect(rig.run(for: .milliseconds(19_999)).sent == [])
            #expect(rig.run(for: .milliseconds(1)).sent == [.ping(1)])
            let greeting = ClientRig { $0.connectDeadline = .seconds(100) }
            greeting.start()
            greeting.opened(1)
            #expect(greeting.run(for: .seconds(20)).sent == [.ping(1)])
        },
        DocumentStateRow("any", "the application leaves") {
            for rig in [Self.greeting(), ClientRig.attached(), Self.moving(), Self.moved()] {
                let left = rig.leave()
                #expect(!left.closes.isEmpty && left.closes.allSatisfy { $0.hasSuffix(" 1000") })
                #expect(left.states == [.idle] && !left.sent.contains(.bye))
                #expect(rig.session.nextDeadline == nil)
            }
        },
        DocumentStateRow("attached", "the application ends the session") {
            let rig = ClientRig.attached()
            #expect(rig.drive { $0.end(.afterUplink, &$1) }.sent == [.bye])
            #expect(Self.isStopped(rig.refuse(1, .ended)))
            #expect(rig.session.record.progress.position == nil && rig.connect() != nil)
        },
    ]

    // MARK: States

    /// `HELLO` was said on 1.
    private static func greeting() -> ClientRig {
        let rig = ClientRig()
        rig.start()
        rig.opened(1)
        return rig
    }

    /// Attached on 1, with 2 opening because of `DRAIN`.
    private static func moving() -> ClientRig {
        let rig = ClientRig.attached()
        _ = Self.drain(rig)
        return rig
    }

    /// Attached on 2, with 1 left open behind it.
    private static func moved() -> ClientRig {
        let rig = Self.moving()
        rig.opened(2)
        rig.receive(.welcome(.test(generation: 2)), on: 2)
        return rig
    }

    private static func drain(_ rig: ClientRig) -> [ClientAction] {
        rig.receive(.drain(Drain(within: .seconds(30))))
    }

    private static func isStopped(_ actions: [ClientAction]) -> Bool {
        if case .stopped? = actions.states.last { true } else { false }
    }

    /// The attempt that was handed out to be saved.
    private static func attempt(_ actions: [ClientAction]) -> Attempt? {
        for case .identity(let identity) in actions.changes { return identity.attempt }
        return nil
    }
}
