/// What the service wants to be asked and told; nil for what it does not care about.
struct ServerHooks: Sendable {
    var message: GaplessServer.MessageHandler?
    var failure: GaplessServer.FailureHandler?
    var attached: (@Sendable (AttachedEvent) async -> Void)?
    var detached: (@Sendable (DetachedEvent) async -> Void)?
    var gap: (@Sendable (GapEvent) async -> Void)?
    var overflow: (@Sendable (OverflowEvent) async -> Void)?
    var removed: (@Sendable (RemovedEvent) async -> Void)?
    var delivered: (@Sendable (DeliveredEvent) async -> Void)?
}
