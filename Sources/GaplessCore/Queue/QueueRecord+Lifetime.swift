/// What is known of the node of a queue's holder, at some moment of the store's clock.
package enum HolderLiveness: Hashable, Sendable {
    /// The node is alive, and so is the attachment.
    case alive
    /// The node gave its last sign then; nil when nothing is known of it any more.
    case dead(since: Timestamp?)
}

/// A node as the store knows it.
package struct NodeRecord: Hashable, Sendable {
    package let node: NodeIdentity
    /// Which schemas of the store its program can work with.
    package var schemas: ClosedRange<UInt32>
    /// Its newest heartbeat, on the store's clock.
    package var lastSeen: Timestamp
    /// Whether that heartbeat was its last by its own word.
    package var hasStopped: Bool

    package init(node: NodeIdentity, schemas: ClosedRange<UInt32>, lastSeen: Timestamp, hasStopped: Bool = false) {
        self.node = node
        self.schemas = schemas
        self.lastSeen = lastSeen
        self.hasStopped = hasStopped
    }

    /// Whether its attachments count, and since when not.
    package func liveness(at now: Timestamp, lifetime: Duration) -> HolderLiveness {
        !self.hasStopped && now < self.lastSeen + lifetime ? .alive : .dead(since: self.lastSeen)
    }
}

extension QueueRecord {
    /// Since when nobody alive is attached; nil while somebody is.
    ///
    /// - Parameter liveness: of the holder's node; without a holder it does not matter.
    package func detachedSince(_ liveness: HolderLiveness) -> Timestamp? {
        guard let last = self.lastAttachment else { return self.created }
        if let detached = last.detached { return detached }
        switch liveness {
        case .alive:
            #if MUTANTS
            if Mutant.sweepRemovesAttached.isPlanted { return last.attached }
            #endif
            return nil
        case .dead(let since):
            return max(last.attached, since ?? last.attached)
        }
    }

    /// When the queue's lifetime ends; nil while somebody alive is attached. A queue that never had a message goes sooner.
    package func lifetimeEnd(_ liveness: HolderLiveness, under policy: StorePolicy) -> Timestamp? {
        self.detachedSince(liveness).map { since in
            since + (self.hasHadMessage ? self.keep : min(self.keep, policy.emptyKeep))
        }
    }

    /// The queue's place in the order in which queues of a user give way to a new one; nil while somebody alive is attached.
    ///
    /// - Parameter isEmpty: whether it holds no message that can still be delivered.
    package func evictionRank(_ liveness: HolderLiveness, isEmpty: Bool) -> EvictionRank? {
        self.detachedSince(liveness).map { EvictionRank(isEmpty: isEmpty, detachedSince: $0, client: self.client) }
    }
}

/// A place in the order in which queues of a user give way at the limit of clients per user, the first to go being the smallest:
/// empty ones first, the longest-detached first.
package struct EvictionRank: Hashable, Comparable, Sendable {
    package let isEmpty: Bool
    package let detachedSince: Timestamp
    package let client: ClientID

    package init(isEmpty: Bool, detachedSince: Timestamp, client: ClientID) {
        self.isEmpty = isEmpty
        self.detachedSince = detachedSince
        self.client = client
    }

    package static func < (left: EvictionRank, right: EvictionRank) -> Bool {
        if left.isEmpty != right.isEmpty { return left.isEmpty }
        if left.detachedSince != right.detachedSince { return left.detachedSince < right.detachedSince }
        return left.client < right.client
    }
}
