extension AppendReceipt {
    /// Whether the message was stored for every recipient; what a sequence asks before it goes on.
    package var isStoredForAll: Bool {
        self.refusal == nil && self.deliveries.allSatisfy { $0.isStored }
    }

    /// Whether a bound refused the message, as a whole or for one recipient; what makes the handler that sent it fail (Protocol.md §7.2).
    ///
    /// A recipient that is not there is no refusal: `existingOnly` asked for just that.
    package var isRefused: Bool {
        self.refusal != nil || self.deliveries.contains { !$0.isStored && $0.outcome != .noSuchClient }
    }
}

extension Delivery {
    /// Whether the recipient's queue holds the message.
    package var isStored: Bool {
        if case .stored = self.outcome { true } else { false }
    }
}

extension StoreReceipt {
    /// Whether the store had room for messages: true when it took one, false when its own bounds refused one, nil when that was not asked.
    var hadRoom: Bool? {
        switch self {
        case .append(let receipt): receipt.hadRoom
        case .appendSequence(let receipt): receipt.refused?.hadRoom ?? receipt.stored.last?.hadRoom
        case .advanceMark(.advanced(sends: let sends)): sends.last?.hadRoom
        case .advanceMark(.sendRefused(index: _, receipt: let receipt)): receipt.hadRoom
        case .attach(.tooManyQueues): false
        case .acknowledge, .attach, .detach, .advanceMark, .end, .remove, .expire, .heartbeat, .order, .sendAway: nil
        }
    }
}

extension AppendReceipt {
    /// Whether the store had room for the message.
    fileprivate var hadRoom: Bool? {
        if self.isRepeat { return nil }
        if self.refusal == .storeFull || self.deliveries.contains(where: { $0.outcome == .tooManyQueues }) { return false }
        return self.deliveries.contains(where: \.isStored) ? true : nil
    }
}
