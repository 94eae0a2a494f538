import GaplessCore

/// How often what happened: a situation that never occurs in many runs is one that nothing is known about.
package struct Counters: Hashable, Sendable {
    /// What is counted; the raw value is its name for people.
    package enum Kind: String, CaseIterable, Sendable {
        // Faults.
        case cut, halfOpen = "half-open", oneWay = "one way", clogged, swizzled, closeLost = "close lost", unwritable = "socket full"
        case torn = "torn message", lateFrame = "frame of an old connection", lateClose = "close of an old connection"
        case nodeCrash = "node crash", nodeDrain = "node drain", deploy, nodeStall = "node stall", cordon, outdated = "node outdated"
        case clientCrash = "client crash", clientStateWentBack = "client state went back", twin
        case clientStall = "client stall", leave, end, beganAgain = "began again after BYE", removal
        case sentAway = "sent away", refusedAway = "HELLO of one sent away", letIn = "let in again"
        case commitFailed = "commit failed", storeFull = "store full", storeStall = "store stall", commitSurvived = "commit after crash"
        case doubtCommitted = "in doubt, committed", doubtNotCommitted = "in doubt, not committed"
        case doubtfulAppend = "append in doubt", doubtfulAttach = "attach in doubt", doubtfulAck = "ack in doubt"
        case doubtfulMark = "mark in doubt"
        case rolledBack = "store went back", numberUsedAgain = "number used again", lineForgotten = "other time line forgotten"
        case clockMoved = "clock moved", clockMovedBack = "clock moved back"
        case signalLost = "signal lost", signalLate = "signal late", signalRepeated = "signal repeated"

        // Answers.
        case resumeNew = "new", resumed, partial
        case resetUnknown = "reset unknown", resetRollback = "reset rollback", resetEpoch = "reset epoch"
        case lateHello = "late hello", tooManyClients = "too many clients", tooManyQueues = "too many queues"
        case tooManyNewQueues = "too many new queues", evicted = "queue evicted", queueExpired = "queue expired"
        case createdAgain = "queue created again", named = "client named", forgotten = "name forgotten", tokenRefused = "token refused"
        case renewed = "authenticated again", takeover
        case ackRefused = "ack under an old fence", markRefused = "mark under an old fence", readRefused = "read under an old fence"
        case superseded = "4500", takenOver = "4501", fenceChanged = "4107", slowConsumer = "4104", silent = "4105", draining = "4000"
        case silentServer = "silence found by the client"
        case aged = "4002", overloaded = "4100", storeUnavailable = "4102", gone = "4201", expiredToken = "4300", unanswered = "4301"
        case removed = "4452"

        // Downlink.
        case gapOverflow = "gap overflow", gapExpired = "gap expired", gapAcknowledged = "gap acknowledged"
        case replayed = "replay while publishing", windowFull = "window full"
        case handedAgain = "handed to a second process", handledAfterReset = "handled after a reset"
        case sendRetried = "send repeated", sendRefused = "send refused", settledByKey = "doubt settled by its key"
        case sentAgain = "sent again under a key", sequenceCut = "sequence cut short"

        // Uplink.
        case handledAgain = "handled again", handlerAgain = "handler given a message again", handlerOutlived = "handler outlived its client"
        case gaveUp = "handler gave up", skipped = "message skipped", retried = "message tried on"
        case replyRefused = "answer refused", mayRepeat = "uplink may repeat"
        case stopped
    }

    private var counts = [Int](repeating: 0, count: Kind.allCases.count)
    private static let indices = Dictionary(uniqueKeysWithValues: Kind.allCases.enumerated().map { ($0.element, $0.offset) })

    package init() {}

    package subscript(kind: Kind) -> Int { Self.indices[kind].map { self.counts[$0] } ?? 0 }

    mutating func count(_ kind: Kind) {
        if let index = Self.indices[kind] { self.counts[index] += 1 }
    }

    mutating func count(resume: Resume) {
        switch resume {
        case .new: self.count(.resumeNew)
        case .resumed: self.count(.resumed)
        case .partial: self.count(.partial)
        case .reset(.unknown): self.count(.resetUnknown)
        case .reset(.rollback): self.count(.resetRollback)
        case .reset: self.count(.resetEpoch)
        }
    }

    mutating func count(gap reason: GapReason) {
        switch reason {
        case .overflow: self.count(.gapOverflow)
        case .expired: self.count(.gapExpired)
        case .acknowledged: self.count(.gapAcknowledged)
        default: break
        }
    }

    mutating func count(ending code: CloseCode) {
        if let kind = Kind(rawValue: "\(code.rawValue)") { self.count(kind) }
    }

    /// Adds what was counted elsewhere.
    package mutating func add(_ other: Counters) {
        for index in self.counts.indices { self.counts[index] += other.counts[index] }
    }

    /// From so many seeds on, a kind that never happened is a failure: its situation is not simulated.
    package static let requiredFrom: UInt64 = 2_000

    /// What never happened.
    package var missing: [Kind] { Kind.allCases.filter { self[$0] == 0 } }
}
