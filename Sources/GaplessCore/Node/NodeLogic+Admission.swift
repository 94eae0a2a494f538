// Whom a node takes, and what it tells balancers.
extension NodeLogic {
    /// Whether a handshake is answered with a WebSocket; if not, 503 tells a balancer to try another node.
    ///
    /// A draining or cordoned node says so, and one that has too much to do, beside which there are others. Every other refusal comes inside the
    /// WebSocket, where browsers can see why.
    package func takesHandshakes(now: Instant) -> Bool {
        !(self.drain?.refuses(now: now) ?? false) && !self.isSparedByCordon && !self.load.sheds(now: now)
    }

    /// Whether a `HELLO` is heard, before the store is touched. [R5.1-3, R5.1-4, R5.1-6, R5.1-9]
    ///
    /// - Parameter authentications: how many proofs are being checked, also of connections that are gone; at most one a connection begins
    ///   after this, so that their number stays bounded even when whoever checks them never answers and ignores being cancelled.
    package func admit(authentications: Int, now: Instant) -> Admission {
        let (retryAfter, jitter) = (self.configuration.retryAfter, self.configuration.retryJitter)
        if let drain = self.drain, drain.refuses(now: now) {
            return .refused(SessionEnding(.overloaded, "This node is draining.", retryAfter: retryAfter, jitter: jitter))
        }
        if !self.health.isStarted || self.health.isCutOff(now: now) || self.health.isSchemaUnknown {
            return .refused(SessionEnding(.storeUnavailable, "The store cannot be reached.", retryAfter: retryAfter, jitter: jitter))
        }
        if self.isSparedByCordon {
            return .refused(SessionEnding(.overloaded, "This node is cordoned.", retryAfter: retryAfter, jitter: jitter))
        }
        if self.load.sheds(now: now) {
            let message = "This node has too much to do."
            return .refused(SessionEnding(.overloaded, message, retryAfter: retryAfter, jitter: jitter))
        }
        if self.connectionCount > self.configuration.maxConnections {
            return .refused(SessionEnding(.overloaded, "This node is full.", retryAfter: retryAfter, jitter: jitter))
        }
        if authentications >= self.configuration.maxConnections {
            return .refused(SessionEnding(.overloaded, "This node checks too many proofs.", retryAfter: retryAfter, jitter: jitter))
        }
        return .accepted
    }

    /// Whether a balancer should send clients here.
    package func readiness(now: Instant) -> Readiness {
        var reasons: [Readiness.Reason] = []
        if !self.isSeen { reasons.append(.starting) }
        if self.drain != nil { reasons.append(.draining) }
        if self.isSparedByCordon { reasons.append(.cordoned) }
        if self.health.isCutOff(now: now) { reasons.append(.storeCutOff) }
        if self.health.isSchemaUnknown { reasons.append(.schemaUnknown) }
        if self.connectionCount >= self.configuration.maxConnections { reasons.append(.full) }
        var warnings: [Readiness.Warning] = []
        if self.load.sheds(now: now) {
            reasons += self.load.over.map(Readiness.Reason.init)
        } else if self.load.isOver {
            warnings.append(.overloaded)
        }
        if self.health.isFull(now: now) { warnings.append(.storeFull) }
        return Readiness(reasons: reasons, warnings: warnings)
    }

    /// Whether it refuses clients because it is cordoned: only while others take them. [R5.1-6]
    private var isSparedByCordon: Bool {
        #if MUTANTS
        if Mutant.cordonAbsolute.isPlanted { return self.isCordoned }
        #endif
        return self.isCordoned && self.fleet.hasTaker
    }
}
