import GaplessCore
import Testing

@Suite("The run of a client")
struct ClientRunTests {
    private static let epoch = EpochToken.test("e.1")
    private static let inHand = EventReference(epoch: Self.epoch, numbering: 1, through: SequenceNumber(5))

    private func position(_ handled: SequenceNumber, _ epoch: EpochToken = Self.epoch) -> Position {
        Position(epoch: epoch, handled: handled)
    }

    @Test("it is started once")
    func start() {
        var run = ClientRun()
        #expect(!run.isUnderWay)
        #expect(run.start() == .start)
        #expect(run.start() == .none)
        #expect(run.isUnderWay)
        run.finish()
        #expect(run.start() == .none)
        #expect(run.isFinished && !run.isUnderWay)
    }

    @Test("who leaves before the start is done", arguments: [ClientRun.Patience.patient, .impatient])
    func leavingBeforeTheStart(_ patience: ClientRun.Patience) {
        var run = ClientRun()
        #expect(run.leave(patience, inHand: nil, position: nil) == .finish)
    }

    @Test("with nothing in hand the reports that are under way are heard first")
    func nothingInHand() {
        for (inHand, position) in [
            (nil, self.position(SequenceNumber(0))), (Self.inHand, self.position(SequenceNumber(5))), (Self.inHand, nil),
        ] {
            var run = ClientRun()
            _ = run.start()
            #expect(run.leave(.patient, inHand: inHand, position: position) == .hearReports)
            #expect(run.sessionIdled() == .none)
            #expect(run.reportsHeard() == .leave)
            #expect(run.reportsHeard() == .none)
            #expect(run.sessionIdled() == .finish)
        }
    }

    @Test("what is in hand is waited for until the position reaches it or leaves its numbering")
    func waiting() {
        let other = EpochToken.test("e.2")
        for end in [self.position(SequenceNumber(5)), self.position(SequenceNumber(9)), self.position(SequenceNumber(0), other)] {
            var run = ClientRun()
            _ = run.start()
            #expect(run.leave(.patient, inHand: Self.inHand, position: self.position(SequenceNumber(3))) == .wait)
            #expect(run.leave(.patient, inHand: Self.inHand, position: self.position(SequenceNumber(3))) == .none)
            #expect(run.progressed(to: self.position(SequenceNumber(4))) == .none)
            #expect(run.isUnderWay)
            #expect(run.progressed(to: end) == .leave)
            #expect(run.progressed(to: end) == .none)
            #expect(run.sessionIdled() == .finish)
        }
    }

    @Test("the wait ends with patience, with the time that was given, and with the consumer")
    func ends() {
        func parting() -> ClientRun {
            var run = ClientRun()
            _ = run.start()
            _ = run.leave(.patient, inHand: Self.inHand, position: self.position(SequenceNumber(3)))
            return run
        }
        var impatient = parting()
        #expect(impatient.leave(.impatient, inHand: Self.inHand, position: self.position(SequenceNumber(3))) == .leave)
        #expect(impatient.leave(.impatient, inHand: nil, position: nil) == .none)
        var late = parting()
        #expect(late.patienceEnded() == .leave)
        #expect(late.patienceEnded() == .none)
        var alone = parting()
        #expect(alone.consumerLeft(inHand: Self.inHand) == .none)
        #expect(alone.consumerLeft(inHand: nil) == .leave)
    }

    @Test("who is not patient leaves at once, whatever is in hand")
    func impatience() {
        var run = ClientRun()
        _ = run.start()
        #expect(run.leave(.impatient, inHand: Self.inHand, position: self.position(SequenceNumber(3))) == .leave)
    }

    @Test("what comes while nobody leaves changes nothing")
    func quiet() {
        var run = ClientRun()
        #expect(run.reportsHeard() == .none)
        _ = run.start()
        #expect(run.progressed(to: self.position(SequenceNumber(9))) == .none)
        #expect(run.consumerLeft(inHand: nil) == .none)
        #expect(run.patienceEnded() == .none)
        #expect(run.sessionIdled() == .none)
        #expect(run.isUnderWay)
    }
}
