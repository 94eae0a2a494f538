import GaplessCore
import Testing

@Suite("ClientSession and WELCOME")
struct ClientSessionWelcomeTests {
    /// Attached in epoch e.1, with messages 1 to 5 taken and 1 to 3 handled, and cut off.
    private func interrupted() -> ClientRig {
        let rig = ClientRig.attached()
        rig.messages(1...5)
        for index in 0..<3 { rig.handle(index) }
        rig.closed(1)
        return rig
    }

    @Test("the application is told where it is attached")
    func online() {
        let rig = ClientRig()
        rig.connect()
        rig.opened(1)
        let attachment = ClientAttachment(
            client: .phone,
            node: "b",
            endpoint: .a,
            limits: WireLimits(message: 9),
            retention: RetentionPolicy()
        )
        #expect(rig.receive(.welcome(.test(node: "b", limit: 9))).states == [.online(attachment)])
    }

    @Test("[R5.4-7] a first WELCOME is no reset, unless it says so", arguments: [Resume.new, .resumed, .partial])
    func firstWelcome(resume: Resume) {
        let rig = ClientRig.attached(.test(resume, after: 17))
        #expect(rig.session.record.progress.position == .test(handled: 17, last: nil))
        #expect(rig.receive(.message(.test(18))).delivered == [18])
    }

    @Test("[R5.4-7] a first WELCOME that says reset is one")
    func firstWelcomeReset() {
        let rig = ClientRig()
        #expect(rig.attach(.test(.reset(.unknown))).events == [.reset(.unknown)])
    }

    @Test("[R5.4-2] in the same epoch the client goes on and drops what it has")
    func sameEpoch() {
        let rig = self.interrupted()
        let actions = rig.attach(.test(generation: 2, after: 3)) + rig.messages(4...7, on: 2)
        #expect(actions.events.count == 2)
        #expect(actions.delivered == [6, 7])
    }

    @Test("[R5.4-2] [R5.4-4] the same epoch is no reset, whatever resume says", arguments: [Resume.new, .partial, .reset(.epoch)])
    func sameEpochWhateverItSays(resume: Resume) {
        let rig = self.interrupted()
        #expect(rig.attach(.test(generation: 2, resume, after: 3)).events == [])
        #expect(rig.messages(4...6, on: 2).delivered == [6])
    }

    @Test("[R5.4-3] a place above what was taken is a gap, acknowledged by another copy")
    func skipped() {
        let rig = self.interrupted()
        #expect(rig.attach(.test(generation: 2, after: 9)).gaps == [.test(6, 9, .acknowledged)])
        #expect(rig.messages(9...10, on: 2).delivered == [10])
    }

    @Test("a place between what was handled and what was taken is neither gap nor fault")
    func betweenHandledAndTaken() {
        let rig = self.interrupted()
        #expect(rig.attach(.test(generation: 2, after: 4)).gaps == [])
        #expect(rig.messages(5...6, on: 2).delivered == [6])
    }

    @Test(
        "[R5.4-4] [R4.2-4] another epoch is a reset, whatever resume says, with the reason if there is one",
        arguments: [
            (.reset(.rollback), "rollback"), (.reset(.epoch), "epoch"), (.reset(ResetReason("later")), "later"), (.new, ""), (.resumed, ""),
        ] as [(Resume, String)]
    )
    func reset(resume: Resume, reason: String) {
        let rig = self.interrupted()
        #expect(rig.attach(.test(epoch: "e.2", generation: 2, resume, after: 2)).events == [.reset(ResetReason(reason))])
        #expect(rig.session.record.progress.position == .test("e.2", handled: 2, last: nil))
        #expect(rig.session.record.progress.held == Generation(2))
        #expect(rig.messages(3...4, on: 2).delivered == [3, 4])
    }

    @Test("[R5.4-6] what was taken before a reset is handed over before it, and not acknowledged after it")
    func takenBeforeReset() {
        let rig = ClientRig.attached()
        var actions = rig.messages(1...5)
        rig.closed(1)
        actions += rig.attach(.test(epoch: "e.2", generation: 2, .reset(.rollback), after: 7, head: 40))
        actions += rig.messages(8...8, on: 2)
        #expect(actions.delivered == [1, 2, 3, 4, 5, 8])
        let resetIndex = actions.events.firstIndex(of: .reset(.rollback))
        #expect(resetIndex == 5)
        let handled = (0..<5).flatMap { rig.handle($0) } + rig.run(for: .seconds(1))
        #expect(handled.acknowledged == [])
        #expect(rig.session.record.progress.position == .test("e.2", handled: 7, last: nil))
        #expect((rig.handle(5) + rig.run(for: .seconds(1))).acknowledged == [8])
    }

    @Test("[R5.4-1] [R3.6-2] an epoch is compared for equality and nothing else", arguments: ["E.1", "e.1.", "e.10", "e.0", "-", "~"])
    func opaque(epoch: String) {
        let rig = self.interrupted()
        #expect(rig.attach(.test(epoch: epoch, .reset(.epoch))).events == [.reset(.epoch)])
        rig.closed(2)
        #expect(rig.hello()?.position?.epoch == .test(epoch))
    }

    @Test("[R5.2-16] a gap may be the first frame after any WELCOME", arguments: [Resume.new, .resumed, .partial, .reset(.unknown)])
    func gapFirst(resume: Resume) {
        let rig = ClientRig.attached(.test(resume, after: 4))
        #expect(rig.receive(.gap(.test(5, 8))).gaps == [.test(5, 8)])
    }

    @Test("a lost WELCOME changes nothing: the next one tells the same")
    func lostWelcome() {
        let rig = self.interrupted()
        rig.connect()
        rig.opened(2)
        rig.closed(2)
        #expect(rig.hello()?.position == .test(handled: 3, last: 3))
    }

    // MARK: Failed resumes

    @Test("[R5.6-1] [R5.6-2] after three answers of 4103 HELLO goes without a position, and the client keeps its own")
    func failedResumes() {
        let rig = self.interrupted()
        for id in 2...4 as ClosedRange<UInt64> {
            #expect(rig.hello()?.position == .test(handled: 3, last: 3))
            rig.refuse(id, .internalError)
        }
        let hello = rig.hello()
        #expect(hello?.position == nil && hello?.held == nil)
        #expect(rig.receive(.welcome(.test(generation: 2, after: 0)), on: 5).events == [])
        #expect(rig.messages(1...6, on: 5).delivered == [6])
        rig.closed(5)
        #expect(rig.hello()?.position == .test(handled: 3, last: 3), "any WELCOME sets the count to zero")
    }

    @Test("[R5.6-1] the close code alone counts as well as ERROR does")
    func failedResumesByCloseCode() {
        let rig = self.interrupted()
        for id in 2...4 as ClosedRange<UInt64> {
            rig.connect()
            rig.opened(id)
            rig.closed(id, .internalError)
        }
        #expect(rig.hello()?.position == nil)
    }

    @Test("[R5.6-1] other refusals, lost connections and a 4103 after WELCOME do not count")
    func otherRefusals() {
        let rig = self.interrupted()
        for (id, code) in zip(2..., [.overloaded, .storeUnavailable, .rateLimited, nil, .helloTimeout] as [CloseCode?]) {
            rig.connect()
            #expect(rig.opened(UInt64(id)).hello?.position == .test(handled: 3, last: 3), "\(id)")
            rig.closed(UInt64(id), code)
        }
        for id in 7...10 as ClosedRange<UInt64> {
            rig.attach(.test(generation: id, after: 3))
            rig.refuse(id, .internalError)
        }
        for id in 11...14 as ClosedRange<UInt64> {
            rig.connect()
            rig.closed(id, .internalError)
        }
        #expect(rig.hello()?.position == .test(handled: 3, last: 3))
    }

    // MARK: Clients that the server names

    @Test("[R9.2-2] a client that was named says its name and its newest token from then on")
    func named() {
        let rig = ClientRig(client: nil)
        let first = rig.hello()
        #expect(first?.client == nil && first?.token == nil)
        rig.receive(.welcome(.test(token: "t1")))
        rig.closed(1)
        let second = rig.hello()
        #expect(second?.client == .phone && second?.token == "t1")
        rig.receive(.welcome(.test(token: "t2")), on: 2)
        rig.closed(2)
        #expect(rig.hello()?.token == "t2")
        #expect(rig.session.record.identity.token == "t2")
    }

    @Test("[R9.2-2] name and token are saved")
    func namedAndSaved() {
        let rig = ClientRig(client: nil) { $0.persistence = .durable }
        if let version = rig.start().saves.last { rig.saved(version) }
        rig.opened(1)
        let changes = rig.receive(.welcome(.test(token: "t1"))).changes
        #expect(
            changes.contains { if case .identity(let identity) = $0 { identity.client == .phone && identity.token == "t1" } else { false } }
        )
    }

    @Test("[R9.2-4] on forget the client is nobody again, under a new outbox, and the application is told")
    func forget() {
        let rig = ClientRig(client: nil)
        rig.attach(.test(token: "t1"))
        rig.messages(1...2)
        rig.handleAll()
        rig.send(["one", "two"])
        rig.closed(1)
        let outbox = rig.hello()?.outbox
        let actions = rig.refuse(2, .unknownClient, forget: true)
        #expect(actions.events == [.uplinkMayRepeat([UplinkTicket(1), UplinkTicket(2)]), .reset(.unknown)])
        let hello = rig.hello()
        #expect(hello?.client == nil && hello?.token == nil && hello?.position == nil && hello?.held == nil)
        #expect(hello?.outbox != outbox)
        let welcomed = rig.receive(.welcome(.test(epoch: "e.9", .new)), on: 3)
        #expect(welcomed.uplink == ["1 one", "2 two"])
        #expect(welcomed.events == [])
    }

    @Test("[R4.2-5] a WELCOME for another client than the HELLO asked for is a fault")
    func otherClient() {
        let rig = ClientRig()
        rig.connect()
        rig.opened(1)
        #expect(rig.receive(.welcome(.test(client: ClientID(user: .alice)))).closes == ["1 4400"])
    }

    @Test("a WELCOME whose head is below its place is a fault")
    func headBelowAfter() {
        let rig = ClientRig()
        rig.connect()
        rig.opened(1)
        #expect(rig.receive(.welcome(.test(after: 5, head: 4))).closes == ["1 4400"])
    }

    // MARK: Endpoints

    @Test("endpoints of a WELCOME are tried after the known ones failed")
    func endpoints() {
        let rig = ClientRig.attached(.test(endpoints: [.b, "ws://plain.example.com/gapless"]))
        rig.closed(1)
        let urls = (0..<4).flatMap { _ in
            let actions = rig.nextTimer()
            for case .connect(let id, _) in actions { rig.failed(id.rawValue) }
            return actions.connects.map { String($0.dropFirst(2)) }
        }
        #expect(Set(urls) == [.a, .b])
    }
}
