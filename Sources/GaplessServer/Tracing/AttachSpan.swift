import GaplessCore
import Tracing

/// The span of a client that attaches; an object of its own, so that a connection without one has no room for it.
final class AttachSpan: Sendable {
    private let span: LiveSpan

    /// `HELLO` came.
    init(_ tracer: ServerTracer, on connection: ServedConnectionID) {
        self.span = tracer.begin(.attach, in: .topLevel)
        self.span.set(.connection, connection)
    }

    /// What is part of it.
    var context: ServiceContext { self.span.context }

    /// Takes note of what the session did; true when the span has ended by that.
    func observed(_ observation: SessionObservation) -> Bool {
        switch observation {
        case .attached(let client, let attachment):
            self.span.set(.client, client)
            self.span.set(.generation, count: Int(clamping: attachment.fence.generation.rawValue))
            self.span.set(.outcome, attachment.resume.name)
        case .closed(let client, let code, _, _):
            if let client { self.span.set(.client, client) }
            self.span.set(.outcome, "closed")
            self.span.failed(code.name ?? "\(code.rawValue)")
        case .lost(let client, by: _, _):
            if let client { self.span.set(.client, client) }
            self.span.set(.outcome, "left")
            self.span.failed("left")
        case .gap, .delivered:
            return false
        }
        self.span.end()
        return true
    }
}

extension Resume {
    /// What became of the position, in one word.
    fileprivate var name: String {
        switch self {
        case .new: "new"
        case .resumed: "resumed"
        case .partial: "partial"
        case .reset(.rollback): "rollback"
        case .reset: "reset"
        }
    }
}
