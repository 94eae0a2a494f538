import GaplessCore
import Hummingbird
import NIOCore

/// `POST /v1/messages`.
///
/// With `application/json` one message is sent and its receipt is the answer. With `application/x-ndjson` each line is a message and gets one
/// line of the answer, its receipt or its error, in order and as soon as it is committed; a refused line does not stop those behind it.
/// With the header `Idempotency-Key` the lines are one sequence: the first refusal ends it, the lines behind it get the code `skipped`, and a
/// repetition of the call stores nothing twice.
struct AdminMessages: Sendable {
    /// The most lines that one commit is asked for.
    static let maxBatch = 1_000

    /// The most bytes of a body that is one sequence, since it is held in memory.
    static let maxSequenceBytes = 67_108_864

    let backend: any AdminBackend
    let maxBodyBytes: Int
    /// The most bytes of one message in JSON: every byte of a text may need six.
    let maxLineBytes: Int

    init(backend: any AdminBackend, maxBodyBytes: Int, maxMessageBytes: Int) {
        self.backend = backend
        self.maxBodyBytes = maxBodyBytes
        self.maxLineBytes = max(1_048_576, 6 * maxMessageBytes + 65_536)
    }

    func post(_ request: Request) async throws -> Response {
        let key = try request.headers.single("Idempotency-Key")
        switch (AdminGuard.mediaType(request.headers[.contentType]), key) {
        case ("application/x-ndjson", nil): return self.stream(request)
        case ("application/x-ndjson", let key?): return try await self.sequence(request, key: key)
        case (_, let key): return try await self.single(request, key: key)
        }
    }

    // MARK: One message

    private func single(_ request: Request, key: String?) async throws -> Response {
        let body = try await Self.collect(request, upTo: min(self.maxLineBytes, self.maxBodyBytes))
        var message = try AdminMessage.parse(body)
        if let key {
            guard message.id == nil || message.id == key else { throw AdminError.invalid("Idempotency-Key and \"id\" differ.") }
            message.id = key
        }
        let receipt = try await self.backend.send(message)
        return Response.json { AdminJSON.write(receipt, into: &$0) }
    }

    /// The whole body.
    static func collect(_ request: Request, upTo limit: Int) async throws -> ByteBuffer {
        var body = ByteBuffer()
        for try await var chunk in request.body {
            guard body.readableBytes + chunk.readableBytes <= limit else {
                throw AdminError(.tooLarge, "The body is larger than \(limit) bytes.")
            }
            body.writeBuffer(&chunk)
        }
        return body
    }

    // MARK: Many messages

    private func stream(_ request: Request) -> Response {
        Self.lines { writer in
            var splitter = LineSplitter(maxLineBytes: self.maxLineBytes)
            var batch: [Result<OutgoingMessage, AdminError>] = []
            var bytes = 0
            for try await chunk in request.body {
                bytes += chunk.readableBytes
                splitter.append(chunk)
                while bytes <= self.maxBodyBytes, let line = splitter.next() {
                    batch.append(Self.parse(line))
                    if batch.count == Self.maxBatch { try await self.send(&batch, to: &writer) }
                }
                guard bytes <= self.maxBodyBytes, !splitter.isOverLimit else { break }
                try await self.send(&batch, to: &writer)
            }
            if bytes > self.maxBodyBytes || splitter.isOverLimit {
                batch.append(.failure(AdminError(.tooLarge, "The line or the body is too long; what follows is not read.")))
            } else if let line = splitter.last() {
                batch.append(Self.parse(line))
            }
            try await self.send(&batch, to: &writer)
        }
    }

    /// Sends what was read and writes one line for each.
    private func send(_ batch: inout [Result<OutgoingMessage, AdminError>], to writer: inout any ResponseBodyWriter) async throws {
        guard !batch.isEmpty else { return }
        var results = await self.backend.send(batch.compactMap { try? $0.get() })[...]
        var buffer = ByteBuffer()
        for line in batch {
            switch line {
            case .success:
                guard let result = results.popFirst() else { preconditionFailure("a batch gives one result a message") }
                AdminJSON.append(to: &buffer) { AdminJSON.write(result.mapError { AdminError($0) }, into: &$0) }
            case .failure(let error):
                AdminJSON.append(to: &buffer) { AdminJSON.write(error, into: &$0) }
            }
        }
        batch.removeAll(keepingCapacity: true)
        try await writer.write(buffer)
    }

    private static func parse(_ line: ByteBuffer) -> Result<OutgoingMessage, AdminError> {
        Result { () throws(AdminError) in try AdminMessage.parse(line) }
    }

    // MARK: A sequence

    private func sequence(_ request: Request, key: String) async throws -> Response {
        var splitter = LineSplitter(maxLineBytes: self.maxLineBytes)
        splitter.append(try await Self.collect(request, upTo: min(Self.maxSequenceBytes, self.maxBodyBytes)))
        var messages: [OutgoingMessage] = []
        // One more than allowed is refused like any number of them, and costs nothing.
        while messages.count <= AppendSequenceOperation.maxMessages, let line = splitter.next() ?? splitter.last() {
            do {
                messages.append(try AdminMessage.parse(line))
            } catch {
                throw AdminError(error.code, "Line \(messages.count + 1): \(error.message)")
            }
        }
        guard !splitter.isOverLimit else { throw AdminError(.tooLarge, "Line \(messages.count + 1) is too long.") }
        let receipt = try await self.backend.send(inOrder: messages, id: key)
        return Self.lines { [count = messages.count] writer in
            var buffer = ByteBuffer()
            for stored in receipt.stored { AdminJSON.append(to: &buffer) { AdminJSON.write(stored, into: &$0) } }
            if let refusal = receipt.refusal { AdminJSON.append(to: &buffer) { AdminJSON.write(AdminError(refusal), into: &$0) } }
            let skipped = AdminError(.skipped, "An earlier line was refused.")
            for _ in (receipt.stored.count + 1)..<max(receipt.stored.count + 1, count) {
                AdminJSON.append(to: &buffer) { AdminJSON.write(skipped, into: &$0) }
            }
            try await writer.write(buffer)
        }
    }

    private static func lines(_ body: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                try await body(&writer)
                try await writer.finish(nil)
            }
        )
    }
}
