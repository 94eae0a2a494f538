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
