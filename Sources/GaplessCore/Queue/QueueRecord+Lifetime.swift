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
