/// What must hold after every event.
package enum Invariant: String, Sendable {
    /// Numbers handed to the application are consecutive.
    case order = "I1 order"
    /// Every number through the position was delivered or lies in a reported gap.
    case noSilentLoss = "I2 no silent loss"
    /// No number is handed over twice in one epoch by one process; after its death at most one window.
    case noDuplicate = "I3 no duplicate"
    /// What is handed over is what was appended, on the time line that the epoch names.
    case noInvention = "I4 no invention"
    /// A gap holds only what is gone; a reset comes only with a new epoch.
    case honestGaps = "I5 honest gaps"
    /// What is sent, and what has a receipt, is durable.
    case durableFirst = "I6 durable first"
    /// Queues, windows, gateways and connections keep their bounds.
    case bounded = "I7 bounded"
    /// After the faults everybody is attached and has everything.
    case liveness = "I8 liveness"
    /// A displaced connection gets nothing that was committed after its displacement.
    case oneVoice = "I9 one voice"
    /// Acknowledged means handled.
    case safeAcknowledgement = "I10 safe acknowledgement"
    /// Uplink reaches the handler, once where its mark is durable; replies exist if and only if the mark does.
    case uplink = "I11 uplink"
    /// The same plan gives the same trace.
    case determinism = "I12 determinism"
    /// A drain's `DRAIN`s, and those of a rebalance, come at the pace that was set, also after a standstill.
    case pace = "I13 pace"
    /// A node that drains takes clients until its balancer has noticed.
    case makeBeforeBreak = "I14 make before break"
    /// A deploy with surge moves each client once, one in place at most once for each restart of its node; and nothing else does meanwhile.
    case oneMove = "I15 one move"
    /// Soon after every change there is a node that takes clients.
    case somebodyTakes = "I16 somebody takes clients"
    /// When it is calm the load evens out, without swinging.
    case balance = "I17 balance"
    /// Frames survive the wire.
    case codec = "frames survive the wire"
    /// Neither side accuses the other of breaking the protocol.
    case accusation = "nobody is accused"
}

/// A broken promise.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
    package let invariant: Invariant
    package let message: String
    /// The virtual time, in milliseconds since the start.
    package let milliseconds: Int64

    package var description: String { "\(self.milliseconds) ms: \(self.invariant.rawValue): \(self.message)" }
}
