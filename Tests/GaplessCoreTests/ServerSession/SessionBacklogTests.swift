import GaplessCore
import Testing

@Suite struct SessionBacklogTests {
    @Test func whatIsSentAndWhatWaitsCountUntilItIsAcknowledged() {
        let rig = ServerRig.attached(sent: 3, head: 5)
        #expect(rig.session.backlog == SessionBacklog(unacknowledged: 3, waiting: 5))
        _ = rig.receive(.acknowledge(through: SequenceNumber(2)))
        #expect(rig.session.backlog == SessionBacklog(unacknowledged: 1, waiting: 3))
        // Above the head that is known: nothing waits, and nothing goes below zero.
        _ = rig.receive(.acknowledge(through: SequenceNumber(5)))
        #expect(rig.session.backlog == SessionBacklog())
    }

    @Test func whoIsNotAttachedHasNone() {
        let rig = ServerRig.attached(sent: 3, head: 5)
        _ = rig.receive(.bye)
        #expect(rig.session.backlog == SessionBacklog())
        for phase in ServerRig.Phase.allCases where phase != .attached {
            let rig = ServerRig.at(phase)
            #expect(rig.session.backlog == SessionBacklog(), "\(phase)")
        }
    }

    @Test func backlogsAddUp() {
        var sum = SessionBacklog(unacknowledged: 1, waiting: 2)
        sum += SessionBacklog(unacknowledged: 10, waiting: 20)
        #expect(sum == SessionBacklog(unacknowledged: 11, waiting: 22))
    }
}
