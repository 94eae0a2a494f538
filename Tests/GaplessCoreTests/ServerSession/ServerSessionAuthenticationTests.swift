import GaplessCore
import Testing

@Suite("Server session: who may attach")
struct ServerSessionAuthenticationTests {
    private static let now = Timestamp(milliseconds: 1_767_225_600_000)

    private static func identity(_ user: String, _ device: Identity.Device = .any, expires: Timestamp? = nil) -> AuthenticationOutcome {
        .proved(Identity(user: Named.client(user).user, device: device, expires: expires))
    }

    @Test(
        "the user of the client is the authenticated one, the device an allowed one, the proof not over [R9.1-1, R9.1-2, R9.1-3, R9.1-4]",
        arguments: [
            (identity("alice"), nil),
            (identity("alice", .exactly(Named.client("x/phone").device)), nil),
            (identity("alice", expires: now + .seconds(1)), nil),
            (identity("bob"), .wrongUser),
            (identity("Alice"), .wrongUser),
            (identity("bob", .exactly(Named.client("x/phone").device)), .wrongUser),
            (identity("alice", .exactly(Named.client("x/desk").device)), .forbidden),
            (identity("alice", .exactly(nil)), .forbidden),
            (identity("alice", expires: now), .tokenExpired),
            (.unneeded, nil),
            (.refused(SessionEnding(.tokenRefused, "The token cannot be verified.")), .tokenRefused),
            (.refused(SessionEnding(.tokenExpired, "The token has expired.")), .tokenExpired),
            (.refused(SessionEnding(.forbidden, "No.")), .forbidden),
        ] as [(AuthenticationOutcome, CloseCode?)]
    )
    func mayAttach(outcome: AuthenticationOutcome, code: CloseCode?) {
        let rig = ServerRig.at(.authenticating)
        let output = rig.authenticated(outcome)
        #expect(output.closeCode == code)
        #expect(output.effects.isEmpty == (code != nil))
    }

    @Test("a HELLO without client is 4400 where the server does not name clients [R9.1-5]")
    func noClient() {
        #expect(ServerRig().receive(.hello(.test(nil))).closeCode == .malformed)
    }

    // MARK: Clients that the server names

    private func naming(_ hello: Hello) -> ServerRig {
        let rig = ServerRig { $0.namesClients = true }
        _ = rig.receive(.hello(hello))
        _ = rig.admitted()
        return rig
    }

    @Test("the WELCOME that names a client brings name and token [R9.2-1]")
    func named() throws {
        let rig = self.naming(.test(nil))
        let output = rig.authenticated(.named(Named.client("n4Xw8bQzLt"), token: "1.k2.x"))
        guard case .attach(let attach) = try #require(output.effects.first) else { return #expect(Bool(false)) }
        #expect(attach.client == Named.client("n4Xw8bQzLt"))
        let attached = rig.notice(.attached(.attached(.test(.new))))
        guard case .welcome(let welcome) = try #require(attached.frames.first) else { return #expect(Bool(false)) }
        #expect(welcome.client == Named.client("n4Xw8bQzLt"))
        #expect(welcome.token == "1.k2.x")
    }

    @Test("a client that was named comes back with its token and gets a new one [R9.2-1]")
    func namedAgain() {
        let rig = self.naming(.test("n4", token: "1.k2.x"))
        #expect(rig.authenticated(.named(Named.client("n4"), token: "1.k2.y")).close == nil)
    }

    @Test("a client without its token, or with one that cannot be verified for it, starts anew: 4200 and forget [R9.2-3]")
    func unknownClient() {
        let rig = ServerRig { $0.namesClients = true }
        let missing = rig.receive(.hello(.test("n4")))
        #expect(missing.closeCode == .unknownClient)
        #expect(missing.error?.forget == true)
        let refused = self.naming(.test("n4", token: "x")).authenticated(.refused(SessionEnding(.unknownClient, "No.", forget: true)))
        #expect(refused.closeCode == .unknownClient && refused.error?.forget == true)
        let other = self.naming(.test("n4", token: "x")).authenticated(.named(Named.client("n5"), token: "y"))
        #expect(other.closeCode == .unknownClient && other.error?.forget == true)
    }

    @Test("an authenticator that proves a user does not name a client")
    func provedWithoutClient() {
        #expect(self.naming(.test(nil)).authenticated(Self.identity("alice")).closeCode == .malformed)
        #expect(self.naming(.test(nil)).authenticated(.unneeded).closeCode == .malformed)
    }

    // MARK: Authenticating again

    private func expiring(after seconds: Int) -> ServerRig {
        .attached(outcome: Self.identity("alice", expires: Self.now + .seconds(seconds)))
    }

    @Test("when the proof ends the client is asked, and gets the grace time; messages flow meanwhile [R9.3-1]")
    func asked() {
        let rig = self.expiring(after: 12)
        #expect(rig.nextDeadline() == .seconds(12))
        #expect(rig.wait(.seconds(12)) == .says(.authenticate(within: .seconds(25))))
        rig.bytesTaken()
        let committed = SessionNotice.committed(CommittedMessage(message: .test(1), fence: ServerRig.fence))
        #expect(rig.notice(committed) == .says(.msg(1)))
        rig.bytesTaken()
        #expect(rig.receive(.ack(1)) == .does(.acknowledgeTest(1)))
        _ = rig.wait(.seconds(24))
        rig.bytesTaken()
        let output = rig.wait(.seconds(1))
        #expect(output.closeCode == .authenticateAgain)  // [R9.3-4]
        #expect(output.effects == [.detachTest])
    }

    @Test("an accepted token is answered with ok, and its own end counts [R9.3-3]")
    func accepted() {
        let rig = self.expiring(after: 10)
        _ = rig.wait(.seconds(10))
        rig.bytesTaken()
        #expect(rig.receive(.authenticate(token: "new")) == .does(.authenticateAgain(client: .phone, token: "new")))
        rig.wallClock = Self.now + .seconds(10)
        #expect(rig.authenticated(Self.identity("alice", expires: Self.now + .seconds(25))) == .says(.authenticated))
        rig.bytesTaken()
        #expect(rig.wait(.seconds(15)) == .says(.authenticate(within: .seconds(25))))
    }

    @Test(
        "a new token has the same rules as the first [R9.3-4, R9.3-5, R9.1-3]",
        arguments: [
            (identity("bob"), .wrongUser),
            (identity("alice", .exactly(nil)), .forbidden),
            (identity("alice", expires: now), .tokenExpired),
            (.refused(SessionEnding(.tokenExpired, "The token has expired.")), .tokenExpired),
            (.refused(SessionEnding(.tokenRefused, "The token cannot be verified.")), .tokenRefused),
            (.named(Named.client("n5"), token: "x"), .unknownClient),
        ] as [(AuthenticationOutcome, CloseCode)]
    )
    func refusedAgain(outcome: AuthenticationOutcome, code: CloseCode) {
        let rig = ServerRig.attached()
        _ = rig.receive(.authenticate(token: "new"))
        let output = rig.authenticated(outcome)
        #expect(output.closeCode == code)
        #expect(output.effects == [.detachTest])
    }

    @Test("AUTH may come unasked; where no proof is needed it is ok [R9.3-3]")
    func unasked() {
        let rig = ServerRig.attached()
        _ = rig.receive(.authenticate(token: "new"))
        #expect(rig.authenticated(.unneeded) == .says(.authenticated))
        _ = rig.receive(.authenticate(token: "newer"))
        #expect(rig.authenticated(.named(.phone, token: "t")) == .says(.authenticated))
    }

    @Test("an AUTH before the answer to the one before is 4401 [R9.3-6]")
    func twice() {
        let rig = ServerRig.attached()
        #expect(rig.receive(.authenticate(token: "a"), .authenticate(token: "b")).closeCode == .outOfOrder)
    }

    @Test("a token that crosses the question is verified, not asked for again")
    func crossing() {
        let rig = self.expiring(after: 10)
        _ = rig.receive(.authenticate(token: "new"))
        #expect(rig.wait(.seconds(12)) == .nothing)
        #expect(rig.authenticated(.unneeded) == .says(.authenticated))
    }

    @Test("a token that cannot be checked in time is 4103, not the client's fault")
    func notChecked() {
        let rig = ServerRig.attached()
        _ = rig.receive(.authenticate(token: "new"))
        _ = rig.wait(.seconds(19))
        #expect(rig.wait(.seconds(1)).closeCode == .internalError)
        #expect(rig.authenticated(.unneeded) == .nothing)
    }

    @Test("a proof that ends in centuries does not end")
    func farAway() {
        let rig = ServerRig.attached(outcome: Self.identity("alice", expires: Timestamp(milliseconds: Limits.maxInteger)))
        #expect(rig.nextDeadline() == .seconds(20))
    }
}
