import NIOCore
import NIOPosix
import Testing

/// An HTTP client for tests that sends exactly the bytes that it is given, and reads until the server closes.
enum RawHTTP {
    struct Answer: Sendable {
        var status: Int
        /// The header fields, names in small letters.
        var headers: [String: String]
        var body: String
    }

    struct NoAnswer: Error {}

    /// One call on a connection of its own.
    static func call(
        _ method: String,
        _ path: String,
        port: Int,
        headers: [String: String] = [:],
        body: String? = nil
    ) async throws -> Answer {
        var fields = ["Host": "127.0.0.1:\(port)", "Connection": "close"].merging(headers) { $1 }
        if let body { fields["Content-Length"] = String(body.utf8.count) }
        let head = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        let answer = try await self.exchange("\(method) \(path) HTTP/1.1\r\n\(head)\r\n\(body ?? "")", port: port)
        let isHealth = method == "GET" && ["/live", "/ready", "/load"].contains(path)
        if path.hasPrefix("/v1") || ["/metrics", "/openapi.json"].contains(path) || isHealth { Self.judge(answer, to: method, path) }
        return answer
    }

    /// Whatever a test asks the HTTP API, the answer is as the description says.
    private static func judge(_ answer: Answer, to method: String, _ path: String) {
        let type = answer.headers["content-type"]
        // The public port, which has nothing of the API, answers in plain text.
        if answer.status == 404, type?.hasPrefix("text/plain") == true { return }
        let faults = OpenAPITests.judge.faults(method: method, path: path, status: answer.status, type: type, body: answer.body)
        #expect(faults.isEmpty, "\(method) \(path) was answered \(answer.status) \(type ?? ""): \(answer.body.prefix(300))")
    }

    /// Sends a text and reads the answer.
    static func exchange(_ text: String, port: Int, untilEnd: Bool = true) async throws -> Answer {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.minutes(5))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var bytes = ByteBuffer()
            for try await var part in inbound {
                bytes.writeBuffer(&part)
                if !untilEnd, String(buffer: bytes).contains("\r\n\r\n") { break }
            }
            return try self.parse(String(buffer: bytes))
        }
    }

    private static func parse(_ text: String) throws -> Answer {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard let head = parts.first else { throw NoAnswer() }
        let lines = head.split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { throw NoAnswer() }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let field = line.split(separator: ":", maxSplits: 1)
            headers[field[0].lowercased()] = field.count == 2 ? String(field[1].drop { $0 == " " }) : ""
        }
        let body = parts.count == 2 ? String(parts[1]) : ""
        return Answer(status: status, headers: headers, body: headers["transfer-encoding"] == "chunked" ? self.joined(body) : body)
    }

    /// The body without the marks between its chunks.
    private static func joined(_ chunked: String) -> String {
        var bytes = Array(chunked.utf8)[...]
        var body: [UInt8] = []
        while let end = bytes.firstIndex(of: UInt8(ascii: "\r")),
            let length = Int(String(decoding: bytes[..<end], as: UTF8.self), radix: 16), length > 0
        {
            bytes = bytes[(end + 2)...]
            body += bytes.prefix(length)
            bytes = bytes.dropFirst(length + 2)
        }
        return String(decoding: body, as: UTF8.self)
    }
}

extension RawHTTP {
    /// Sends a request and reads the head of the answer, without waiting for the end of the connection.
    static func head(_ method: String, _ path: String, port: Int, headers: [String: String]) async throws -> Answer {
        let fields = ["Host": "127.0.0.1:\(port)"].merging(headers) { $1 }
        let head = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        return try await self.exchange("\(method) \(path) HTTP/1.1\r\n\(head)\r\n", port: port, untilEnd: false)
    }
}
