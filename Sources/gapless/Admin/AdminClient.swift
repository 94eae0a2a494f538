import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Talks to the HTTP API of several nodes as if they were one: what one node cannot answer, the next is asked.
struct AdminClient {
    /// An answer that a node gave.
    struct Answer {
        let status: HTTPResponseStatus
        let body: ByteBuffer
        /// Whether a node that was asked before may have done it already.
        var isInDoubt = false

        /// The sentence of the API's error object, or the status.
        var complaint: String {
            let error = try? JSONDecoder().decode(APIError.self, from: Data(self.body.readableBytesView))
            return error.map { $0.error.message } ?? "the node answered \(self.status)"
        }

        /// The code of the API's error object; nil when there is none.
        var code: String? {
            (try? JSONDecoder().decode(APIError.self, from: Data(self.body.readableBytesView)))?.error.code
        }
    }

    private struct APIError: Decodable {
        struct Details: Decodable {
            let code: String
            let message: String
        }
        let error: Details
    }

    private let urls: [URL]
    private let key: String?
    private let http: HTTPClient
    private var current = 0

    /// The most bytes of an answer that are read.
    static let maxAnswerBytes = 67_108_864

    /// Talks to `urls` in turn, with `http`.
    init(urls: [URL], key: String?, http: HTTPClient) {
        self.urls = urls
        self.key = key
        self.http = http
    }

    /// Runs the body with a client that is shut down afterwards.
    static func with<Result>(_ options: AdminOptions, _ body: (inout AdminClient) async throws -> Result) async throws -> Result {
        let (urls, key) = (try options.urls(), try options.key())
        return try await Self.withHTTP { http in
            var client = AdminClient(urls: urls, key: key, http: http)
            return try await body(&client)
        }
    }

    /// Runs the body with a client for each address, which asks no other one and tells at once that nobody listens there.
    static func each<Result>(_ options: AdminOptions, _ body: ([AdminClient]) async throws -> Result) async throws -> Result {
        let (urls, key) = (try options.urls(), try options.key())
        return try await Self.withHTTP(retriesConnections: false) { http in
            try await body(urls.map { AdminClient(urls: [$0], key: key, http: http) })
        }
    }

    private static func withHTTP<Result>(
        retriesConnections: Bool = true,
        _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(2), read: .seconds(30))
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = retriesConnections
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let result = try await body(http)
            try await http.shutdown()
            return result
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    /// Asks one node after the other until one settles it, as `AdminRound` judges.
    ///
    /// - Throws: `ProgramError` when none does.
    mutating func ask(_ method: HTTPMethod, _ path: String, query: [URLQueryItem] = [], json: ByteBuffer? = nil) async throws -> Answer {
        let headers = json == nil ? [] : [("Content-Type", "application/json")]
        var round = AdminRound()
        for _ in self.urls {
            do {
                var answer = try await self.askOnce(method, path, query: query, headers: headers, body: json)
                answer.isInDoubt = round.isInDoubt
                if round.isSettled(by: answer, from: self.currentAddress) { return answer }
            } catch let error as ProgramError {
                throw error
            } catch {
                round.failed(AdminFailure(error), at: self.currentAddress)
            }
            self.turn()
        }
        throw round.failure
    }

    /// Asks the current node once.
    func askOnce(
        _ method: HTTPMethod,
        _ path: String,
        query: [URLQueryItem] = [],
        headers: [(String, String)] = [],
        body: ByteBuffer? = nil,
        timeout: TimeAmount = .seconds(30),
        maxAnswerBytes: Int = Self.maxAnswerBytes
    ) async throws -> Answer {
        guard var components = URLComponents(url: self.urls[self.current], resolvingAgainstBaseURL: false) else {
            throw ProgramError(.misconfigured, "the address '\(self.urls[self.current])' cannot be used")
        }
        components.percentEncodedPath =
            (components.percentEncodedPath.hasSuffix("/")
                ? String(components.percentEncodedPath.dropLast()) : components.percentEncodedPath) + path
        if !query.isEmpty { components.queryItems = query }
        guard let url = components.string else {
            throw ProgramError(.misconfigured, "the address '\(self.urls[self.current])' cannot be used")
        }
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let key = self.key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(body) }
        let response = try await self.http.execute(request, timeout: timeout)
        let answer = Answer(status: response.status, body: try await response.body.collect(upTo: maxAnswerBytes))
        switch answer.status {
        case .unauthorized, .forbidden: throw ProgramError(.notAllowed, answer.complaint)
        default: return answer
        }
    }

    /// Goes on to the next node.
    mutating func turn() {
        self.current = (self.current + 1) % self.urls.count
    }

    /// The address of the current node, for messages.
    var currentAddress: String { self.urls[self.current].absoluteString }

    /// How many nodes there are to ask.
    var addresses: Int { self.urls.count }

    /// A name as one segment of a path: everything but unreserved characters is escaped, the slash too.
    static func segment(_ name: String) -> String {
        let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return name.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }
}
