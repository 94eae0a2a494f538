import GaplessCore

/// How often what happened: a situation that never occurs in many runs is one that nothing is known about.
package struct Counters: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case cut, closeLost = "close lost", unwritable = "socket full", halfOpen = "half-open", oneWay = "one way", clogged
        case nodeCrash = "node crash", nodeDrain = "node drain", nodeStall = "node stall", cordon
        case clientCrash = "client crash", clientStateWentBack = "client state went back", twin
        case clientStall = "client stall", leave, end, removal
        case commitFailed = "commit failed", storeFull = "store full", storeStall = "store stall"
        case doubtCommitted = "in doubt, committed", doubtNotCommitted = "in doubt, not committed"
        case rolledBack = "store went back", clockMoved = "clock moved", signalLost = "signal lost"
        case gapOverflow = "gap overflow", gapExpired = "gap expired", gapAcknowledged = "gap acknowledged"
        case resumeNew = "new", resumed, partial, resetUnknown = "reset unknown", resetRollback = "reset rollback", resetEpoch =
            "reset epoch"
        case superseded = "4500", takenOver = "4501", fenceChanged = "4107", slowConsumer = "4104", silent = "4105", draining = "4000"
        case handledAgain = "handled again", gaveUp = "handler gave up", mayRepeat = "uplink may repeat", stopped
        case sendRetried = "send repeated", sendRefused = "send refused", renewed = "authenticated again"
    }

    private var counts = [Int](repeating: 0, count: Kind.allCases.count)

    init() {}

    package subscript(kind: Kind) -> Int { self.counts[Kind.allCases.firstIndex(of: kind) ?? 0] }

    mutating func count(_ kind: Kind) {
        if let index = Kind.allCases.firstIndex(of: kind) { self.counts[index] += 1 }
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
        switch code {
        case .superseded: self.count(.superseded)
        case .takenOver: self.count(.takenOver)
        case .fenceChanged: self.count(.fenceChanged)
        case .slowConsumer: self.count(.slowConsumer)
        case .silent: self.count(.silent)
        case .draining: self.count(.draining)
        default: break
        }
    }

    package mutating func add(_ other: Counters) {
        for index in self.counts.indices { self.counts[index] += other.counts[index] }
    }
}
