import GaplessCore
import Testing

@Suite("ClientSession authentication")
struct ClientSessionAuthenticationTests {
    private func attached(token: String? = "t1") -> ClientRig {
        ClientRig.attached { configuration in
            configuration.token = token
            configuration.tokenSource = .application
        }
    }

    private func obtain(_ rig: ClientRig, _ token: String) -> [ClientAction] {
        rig.drive { $0.tokenObtained(token, &$1) }
    }

    private func fail(_ rig: ClientRig) -> [ClientAction] { rig.drive { $0.tokenUnavailable(&$1) } }

    // MARK: In band

    @Test("[R9.3-2] AUTH is answered with a new token of the application; messages flow meanwhile")
    func renewal() {
        let rig = self.attached()
        #expect(rig.receive(.authenticate(within: .seconds(25))) == [.obtainToken(.renewal(within: .seconds(25)))])
        #expect(rig.messages(1...1).delivered == [1])
        #expect(self.obtain(rig, "t2") == [.send(ConnectionID(1), .authenticate(token: "t2"))])
        #expect(rig.receive(.authenticated) == [])
        rig.closed(1)
        #expect(rig.hello()?.token == "t2")
    }

    @Test("[R9.3-6] no other AUTH is sent before the answer to the one before")
    func oneAtATime() {
        let rig = self.attached()
        rig.receive(.authenticate(within: .seconds(25)))
        #expect(rig.receive(.authenticate(within: .seconds(25))) == [], "the application was asked already")
        #expect(self.obtain(rig, "t2").sent == [.authenticate(token: "t2")])
        #expect(rig.receive(.authenticate(within: .seconds(25))) == [], "what is under way answers this too")
        #expect(self.obtain(rig, "t3").sent == [])
        rig.receive(.authenticated)
        #expect(rig.receive(.authenticate(within: .seconds(25))) == [.obtainToken(.renewal(within: .seconds(25)))])
        #expect(self.obtain(rig, "t4").sent == [.authenticate(token: "t4")])
    }

    @Test("[R9.3-2] a client that cannot get a token does nothing and lets the server close")
    func noToken() {
        let rig = self.attached()
        rig.receive(.authenticate(within: .seconds(25)))
        #expect(self.fail(rig) == [])
        #expect(rig.messages(1...1).delivered == [1])
        let without = ClientRig.attached()
        #expect(without.receive(.authenticate(within: .seconds(25))) == [])
    }

    @Test("a token that is too long for AUTH waits for the next HELLO")
    func longToken() {
        let rig = self.attached()
        rig.receive(.authenticate(within: .seconds(25)))
        let token = String(repeating: "x", count: 4_085)
        #expect(self.obtain(rig, token) == [])
        rig.closed(1)
        #expect(rig.hello()?.token == token)
        let other = self.attached()
        other.receive(.authenticate(within: .seconds(25)))
        #expect(self.obtain(other, String(repeating: "x", count: 4_084)).sent.count == 1)
    }

    @Test("a token that no HELLO can carry is none", arguments: [0, 4_097])
    func impossibleToken(length: Int) {
        let rig = self.attached()
        rig.refuse(1, .tokenExpired)
        #expect(
            self.obtain(rig, String(repeating: "x", count: length)).states.last == .stopped(StopReason(code: .tokenExpired, message: "No."))
        )
    }

    @Test("the escapes of a token count: a client never says a frame that is too long")
    func escapedToken() {
        for (character, count, isRenewal) in [("\"", 2_042, true), ("\"", 2_043, false), ("\u{1}", 680, true), ("\u{1}", 681, false)] {
            let token = String(repeating: character, count: count)
            let rig = self.attached()
            rig.receive(.authenticate(within: .seconds(25)))
            let sent = self.obtain(rig, token).sent
            #expect(sent == (isRenewal ? [.authenticate(token: token)] : []))
            for frame in sent { #expect(FrameEncoder.encodedSize(of: frame) <= 5 + Limits.maxJSONBytes) }
        }
        for (character, count) in [("\\", 2_048), ("\u{1}", 682), ("\u{e9}", 2_048)] {
            #expect(ClientSession.canSay(token: String(repeating: character, count: count)))
            #expect(!ClientSession.canSay(token: String(repeating: character, count: count + 1)))
        }
    }

    @Test("a token that comes when its connection is gone is said in the next HELLO")
    func lateToken() {
        let rig = self.attached()
        rig.receive(.authenticate(within: .seconds(25)))
        rig.closed(1)
        #expect(self.obtain(rig, "t2").sent == [])
        #expect(rig.hello()?.token == "t2")
    }

    // MARK: Refused

    @Test("[R11.2-1] 4300-4399, known or not: a new token first, then back", arguments: [4300, 4301, 4302, 4350, 4399] as [UInt16])
    func renewed(code: UInt16) {
        let rig = self.attached()
        rig.live(for: .seconds(30))
        let actions = rig.refuse(1, CloseCode(rawValue: code))
        #expect(actions.contains(.obtainToken(.hello)))
        #expect(rig.run(for: .seconds(60)).connects == [], "not without a token")
        #expect(self.obtain(rig, "t2").connects == ["2 \(String.a)"])
        let hello = rig.opened(2).hello
        #expect(hello?.token == "t2")
        #expect(hello?.position != nil)
    }

    @Test("4300-4399 after less than 30 s: with backoff")
    func renewedWithBackoff() {
        let waits = (0..<50 as Range<UInt64>).compactMap { seed -> Duration? in
            let rig = ClientRig(seed: seed) { configuration in
                configuration.token = "t1"
                configuration.tokenSource = .application
            }
            rig.connect()
            rig.opened(1)
            rig.refuse(1, .tokenExpired)
            _ = self.obtain(rig, "t2")
            return rig.untilDeadline
        }
        #expect(waits.count == 50)
        #expect(waits.allSatisfy { $0 <= .milliseconds(500) })
        #expect((waits.max() ?? .zero) > .milliseconds(400))
    }

    @Test("4300-4399 and no way to another token: stop")
    func cannotRenew() {
        let rig = ClientRig.attached { $0.token = "t1" }
        #expect(rig.refuse(1, .tokenExpired).states == [.stopped(StopReason(code: .tokenExpired, message: "No."))])
        let other = self.attached()
        other.refuse(1, .tokenRefused)
        #expect(self.fail(other).states == [.stopped(StopReason(code: .tokenRefused, message: "No."))])
        #expect(other.session.nextDeadline == nil)
    }

    @Test("a client without any token asks for one before its first connection")
    func firstToken() {
        let rig = ClientRig { $0.tokenSource = .application }
        let actions = rig.start()
        #expect(actions == [.obtainToken(.hello), .deliver(.state(.offline(.awaitingToken, retryAfter: .zero)))])
        #expect(rig.session.nextDeadline == nil)
        #expect(self.obtain(rig, "t1").connects.count == 1)
        #expect(rig.opened(1).hello?.token == "t1")
    }

    @Test("and stops when the application has none")
    func noFirstToken() {
        let rig = ClientRig { $0.tokenSource = .application }
        rig.start()
        guard case .stopped(let reason)? = self.fail(rig).states.last else { return #expect(Bool(false)) }
        #expect(reason.code == .tokenRefused)
    }

    @Test("a token that nobody asked for is said in the next HELLO")
    func unasked() {
        let rig = self.attached()
        #expect(self.obtain(rig, "t9") == [])
        rig.closed(1)
        #expect(rig.hello()?.token == "t9")
    }

    @Test("[R9.2-2] a token of a WELCOME replaces the application's")
    func replaced() {
        let rig = ClientRig(client: nil) { $0.token = "t1" }
        #expect(rig.hello()?.token == "t1")
        rig.receive(.welcome(.test(token: "named")))
        rig.closed(1)
        #expect(rig.hello()?.token == "named")
    }

    @Test("a second connection that is refused for its token is tried again with a new one; the first goes on")
    func refusedSecond() {
        let rig = self.attached()
        rig.receive(.drain(Drain(within: .seconds(30))))
        rig.opened(2)
        #expect(rig.refuse(2, .tokenExpired).contains(.obtainToken(.hello)))
        let early = rig.nextTimer()
        #expect(early.connects == [])
        #expect(self.obtain(rig, "t2") == [])
        while rig.nextTimer().connects.isEmpty {}
        #expect(rig.opened(3).hello?.token == "t2")
    }
}
