import GaplessCore
import Tracing

/// Makes the spans of a node. There is none without a tracer, so that nothing is paid then but the look whether there is one.
struct ServerTracer: Sendable {
    let tracer: any Tracer

    /// The tracer of the process; nil when nobody traces.
    static func current() -> ServerTracer? {
        let tracer = InstrumentationSystem.tracer
        return tracer is NoOpTracer ? nil : ServerTracer(tracer: tracer)
    }

    /// Runs the body within a span, whose error is noted.
    ///
    /// - Parameter context: what the span is part of; nil for what the task is.
    func with<Value: Sendable, Failure: Error>(
        _ kind: ServerSpan,
        in context: ServiceContext? = nil,
        _ body: (LiveSpan) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let span = self.begin(kind, in: context ?? .current ?? .topLevel)
        defer { span.end() }
        let result: Result<Value, Failure> = await ServiceContext.$current.withValue(span.context) {
            do throws(Failure) {
                return .success(try await body(span))
            } catch {
                span.failed(error)
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Begins a span that somebody else ends.
    func begin(_ kind: ServerSpan, in context: ServiceContext = .topLevel) -> LiveSpan {
        LiveSpan(span: self.tracer.startSpan(kind.rawValue, context: context, ofKind: kind.kind), kind: kind)
    }
}

/// A span that has not ended.
struct LiveSpan: Sendable {
    fileprivate let span: any Span
    fileprivate let kind: ServerSpan

    fileprivate init(span: any Span, kind: ServerSpan) {
        self.span = span
        self.kind = kind
    }

    /// What is part of it.
    var context: ServiceContext { self.span.context }

    func set(_ attribute: ServerSpan.Attribute, _ value: some CustomStringConvertible) {
        self.set(attribute, .string(value.description))
    }

    func set(_ attribute: ServerSpan.Attribute, count: Int) {
        self.set(attribute, .int64(Int64(count)))
    }

    private func set(_ attribute: ServerSpan.Attribute, _ value: SpanAttribute) {
        assert(self.kind.attributes.contains(attribute), "\(self.kind.rawValue) tells nothing of \(attribute.rawValue)")
        self.span.attributes[attribute.rawValue] = value
    }

    /// It failed, by an error. What an error of the service says is the service's: only its type is told.
    func failed(_ error: any Error) {
        switch error {
        case let error as SendError:
            self.span.recordError(error)
            self.failed("\(error.code)")
        case let error as WebhookError:
            self.span.recordError(error)
            self.failed("\(error.code)")
        case let error as AuthenticationError: self.failed("\(error.code)")
        default: self.failed("\(type(of: error))")
        }
    }

    /// It failed, in one word.
    func failed(_ type: String) {
        self.set(.errorType, type)
        self.span.setStatus(SpanStatus(code: .error))
    }

    func end() {
        self.span.end()
    }
}
