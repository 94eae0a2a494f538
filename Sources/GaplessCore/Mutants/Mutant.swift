#if MUTANTS
/// A bug planted on purpose, to find out whether the simulation would find it.
///
/// Only a build with the condition `MUTANTS` holds them, and in a process of that build at most one is in force. Each breaks the rule of
/// Protocol.md that its comment names.
package enum Mutant: String, CaseIterable, Sendable {
    // MARK: The way down, server

    /// The server moves its cursor over what is gone and says nothing. [R6.2-1]
    case noGap = "no-gap"
    /// A stream goes on at the newest message, wherever the client is. [R5.2-13]
    case resumeAtHead = "resume-at-head"
    /// A `reset` goes on at the newest message. [R5.2-15]
    case resetAtHead = "reset-at-head"
    /// What was sent counts as acknowledged and is removed. [R6.3-1]
    case trimWhenSent = "trim-when-sent"
    /// A gap covers the message that follows it. [R6.2-2]
    case gapOverMessage = "gap-over-message"
    /// A gap is told only when a message follows it. [R6.2-1]
    case tailGapUntold = "tail-gap-untold"
    /// What overflowed is called expired. [R6.2-4]
    case overflowCalledExpired = "overflow-called-expired"
    /// A read gives messages that expired and were not swept yet. [R6.2-3]
    case expiredDelivered = "expired-delivered"
    /// The window's count of messages is ignored. [R6.4-1]
    case windowIgnored = "window-ignored"
    /// The window's bytes are ignored. [R6.4-2]
    case windowBytesIgnored = "window-bytes-ignored"
    /// What is in flight is counted by numbers, those of gaps included. [R6.2-5]
    case windowByNumber = "window-by-number"
    /// A gap waits until the window is open. [R6.2-5]
    case gapUsesWindow = "gap-uses-window"
    /// An `ACK` above what this very connection sent is answered with 4403. [R6.3-9]
    case ackBoundToConnection = "4403-bound-to-connection"
    /// Without a signal nobody looks whether there is news. [R6.2-6]
    case lostWakeUp = "lost-wake-up"
    /// A read that failed is not done again. [R6.2-1]
    case readNotRepeated = "read-not-repeated"
    /// An acknowledgement that the store did not take is not told it again. [R6.3-8]
    case ackNotRepeated = "ack-not-repeated"

    // MARK: Fences

    /// A displaced connection goes on reading its queue. [R5.3-8]
    case deliverOnOldConnection = "deliver-on-old-connection"
    /// A fresh message is handed to whoever is attached on the node that commits it, displaced or not. [R5.3-8]
    case handedToDisplaced = "handed-to-displaced"
    /// A fence is current whatever its generation. [R5.3-6]
    case fenceWithoutGeneration = "fence-without-generation"
    /// A fence is current whatever its epoch. [R5.3-6]
    case fenceWithoutEpoch = "fence-without-epoch"
    /// Acknowledgements of one client are joined whatever connection they came by. [R5.3-6]
    case acksAcrossFences = "acks-coalesced-across-fences"
    /// The end of a displaced connection detaches the queue. [R5.3-6]
    case detachUnfenced = "detach-unfenced"
    /// A `BYE` on a displaced connection removes the queue. [R5.3-6]
    case byeUnfenced = "bye-unfenced"
    /// A hello that was overtaken attaches. [R5.3-2]
    case attemptIgnored = "attempt-ignored"
    /// A connection of the same instance attaches under the generation of the one before. [R5.3-1]
    case generationStays = "generation-stays"

    /// Who was sent away attaches all the same. [R5.1-7]
    case sentAwayForgotten = "sent-away-forgotten"

    // MARK: The store

    /// Of the position's epoch only the incarnation is compared. [R5.2-10]
    case forgetEpoch = "forget-epoch"
    /// A store that went back in time and used numbers again is not found out. [R5.2-9]
    case rollbackUnnoticed = "rollback-unnoticed"
    /// What a client took and did not handle is not compared with what is stored. [R5.2-18]
    case takenUncompared = "taken-uncompared"
    /// A queue that is created again has the epoch of the one that was removed. [R5.3-9]
    case epochReused = "epoch-reused"
    /// The next number is that of the newest message that is kept, plus 1. [R6.1-1]
    case numberFromRows = "number-from-rows"
    /// The key of a send is forgotten at once. [no rule of the protocol: a repetition under a key stores nothing]
    case keyForgotten = "key-forgotten"
    /// Messages expire a minute before their time. [R6.2-2]
    case youngExpired = "young-expired"
    /// The bounds of retention are not kept. [R6.4-3]
    case retentionIgnored = "retention-ignored"
    /// A sweep removes queues whose client has been attached for long. [R3.7-7]
    case sweepRemovesAttached = "sweep-removes-attached"

    // MARK: The way up, server

    /// The handler's message is acknowledged when its mark is submitted. [R7.2-3]
    case ackBeforeCommit = "ack-before-commit"
    /// The handler's message is acknowledged without a mark. [R7.2-3]
    case skipMark = "skip-mark"
    /// The mark is committed, and then the handler runs. [R7.2-3]
    case markBeforeHandler = "mark-before-handler"
    /// The highest mark of a client counts for all of its outboxes. [R7.2-6]
    case marksByName = "marks-by-name"
    /// Replies are stored whether or not the mark moves. [R7.2-3]
    case replyWithoutMark = "reply-without-mark"
    /// A mark that is submitted again has lost the replies. [R7.2-3]
    case retryLosesReplies = "retry-loses-replies"
    /// A message that is being handled is handled once more for the next connection. [R7.2-2]
    case handledForEachConnection = "handled-for-each-connection"

    // MARK: The client

    /// `HELLO` tells what was taken, not what was handled. [R4.1-5]
    case positionTaken = "position-taken"
    /// `HELLO` does not tell what was taken and not handled. [R4.1-9]
    case takenUntold = "taken-untold"
    /// What is handled is acknowledged before it is saved. [R6.3-2]
    case ackBeforeSave = "ack-before-save"
    /// A position of the old numbering is acknowledged in the new one. [R5.4-1]
    case ackAcrossEpochs = "ack-across-epochs"
    /// What is handled of the old numbering counts as handled in the new one. [R5.4-6]
    case handledAcrossEpochs = "handled-across-epochs"
    /// A move to another connection forgets what was taken and not handled. [R10.1-6]
    case duplicateAfterDrain = "duplicate-after-drain"
    /// A gap is handed over with the part that was taken before. [R6.2-7]
    case gapNotCut = "gap-not-cut"
    /// 4500 stops the client, whatever it has besides. [R5.3-10]
    case supersededObeyed = "4500-obeyed"
    /// 4501 is answered with `force` each time. [R5.3-12]
    case forceWithoutLimit = "force-without-limit"
    /// An uplink message has its number from the moment at which it is queued. [R7.1-1]
    case numberedBeforeWelcome = "numbered-before-welcome"
    /// An uplink message is sent before its number is saved. [R7.1-2]
    case reuseNumber = "reuse-number-after-crash"
    /// What the record of the outbox kept is not sent any more. [R7.1-3]
    case outboxForgotten = "outbox-forgotten"
    /// After a new `WELCOME` nothing is sent again. [R7.1-3]
    case nothingResent = "nothing-resent"
    /// The uplink window is ignored. [R7.3-1]
    case uplinkWindowIgnored = "uplink-window-ignored"
    /// A mark below what was acknowledged is taken as it is. [R7.4-1]
    case oldMarkBelieved = "old-mark-believed"

    // MARK: Fleets

    /// A node that stood still catches up with its `DRAIN`s. [R10.1-10]
    case drainInBurst = "drain-in-burst"
    /// A draining node refuses clients before its balancer can notice. [R10.1-11]
    case drainAtOnce = "drain-at-once"
    /// A draining node goes on taking clients. [R5.1-3]
    case drainingTakes = "draining-takes"
    /// A cordoned node refuses clients though no other takes them. [R5.1-6]
    case cordonAbsolute = "cordon-absolute"
    /// A node that has too much to do refuses clients though no other could take them. [R5.1-9]
    case lastReadyUnready = "last-ready-unready"
    /// A node that has given no sign for long counts as one that takes clients. [R5.1-6]
    case deadCountsAsFresh = "dead-counts-as-fresh"
    /// Clients are moved by load while nodes are cordoned and drain. [R10.2-2]
    case rebalanceInDeploy = "rebalance-in-deploy"
    /// Who attached last is moved first by load, however young. [R10.2-2]
    case rebalanceTheYoung = "rebalance-the-young"
    /// All that a node holds above its share is moved in one round. [no rule of the protocol: half of it cannot be too much]
    case rebalanceAllExcess = "rebalance-all-excess"
    /// Who attaches while its node sends its clients away is asked to move at once. [R10.1-10]
    case lateDrainsUnpaced = "late-drains-unpaced"
    /// Clients are asked to move after the moment at which all are closed. [R10.1-9]
    case drainUnfitted = "drain-unfitted"
    /// A drain that is ordered twice leaves out its wait. [R10.1-11]
    case drainTwiceHurries = "drain-twice-hurries"
    /// A node goes on moving clients that come straight back. [no rule of the protocol: whoever moves for nothing is disturbed for nothing]
    case restDropped = "rest-dropped"

    /// Whether it is the simulation of fleets that has to find it.
    package var isFleetMutant: Bool {
        switch self {
        case .drainInBurst, .drainAtOnce, .drainingTakes, .cordonAbsolute, .deadCountsAsFresh, .rebalanceInDeploy, .rebalanceTheYoung,
            .rebalanceAllExcess, .lateDrainsUnpaced, .drainUnfitted, .drainTwiceHurries, .restDropped, .lastReadyUnready:
            true
        default: false
        }
    }

    /// The one that is in force in this process.
    ///
    /// Written once, before the process begins a second thread, and read from then on.
    nonisolated(unsafe) private static var planted: Mutant?

    /// Plants one, for as long as the process lives; to be called before anything else runs.
    package static func plant(_ mutant: Mutant) {
        precondition(self.planted == nil, "one mutant a process")
        self.planted = mutant
    }

    /// Whether it is in force.
    package var isPlanted: Bool { Mutant.planted == self }
}
#endif
