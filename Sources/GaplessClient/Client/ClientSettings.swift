import GaplessCore
import GaplessWebSocket
import NIOCore
import NIOHTTP1
import NIOSSL

/// A configuration that was checked, in the words of those who work with it.
struct ClientSettings {
    let session: ClientSessionConfiguration
    let client: ClientID?
    let headers: HTTPHeaders
    private let tls: ClientTLS
    private let context: NIOSSLContext

    init(_ configuration: ClientConfiguration) throws(ClientConfigurationError) {
        guard !configuration.endpoints.isEmpty else { throw ClientConfigurationError("endpoints", "there is none") }
        for url in configuration.endpoints { _ = try ClientEndpoint(url) }
        self.client = try Self.client(configuration)
        self.headers = try Self.headers(configuration)
        self.tls = configuration.tls
        self.context = try configuration.tls.makeContext()
        self.session = try Self.session(configuration)
    }

    /// Opens connections for the client.
    func connector(group: any EventLoopGroup) -> WebSocketConnector {
        var webSocket = WebSocketConnectionConfiguration()
        webSocket.maxMessageBytes = Limits.maxPayloadBytes + Limits.maxMessageHeadBytes
        let (tls, context) = (self.tls, self.context)
        return WebSocketConnector(
            group: group,
            timeout: TimeAmount(self.session.connectDeadline),
            subprotocol: ClientSession.subprotocol,
            configuration: webSocket
        ) { endpoint, _ in
            [try tls.makeHandler(context, host: endpoint.host)]
        }
    }

    /// The record of a state file, if it is this client's.
    func adopt(_ record: ClientRecord, path: String) throws(StateFileError) -> ClientRecord {
        guard let client = self.client else { return record }
        if let kept = record.identity.client, kept != client {
            throw StateFileError(.otherClient, path: path, "keeps the state of \(kept), not of \(client)")
        }
        var record = record
        record.identity.client = client
        return record
    }

    private static func client(_ configuration: ClientConfiguration) throws(ClientConfigurationError) -> ClientID? {
        guard let text = configuration.client else { return nil }
        guard let client = ClientID(text) else {
            let form = "it is user or user/device, each 1 to 64 of A-Z a-z 0-9 . _ ~ @ + : = - |"
            throw ClientConfigurationError("client", "\"\(text)\" is no name of a client: \(form)")
        }
        return client
    }

    private static func headers(_ configuration: ClientConfiguration) throws(ClientConfigurationError) -> HTTPHeaders {
        guard let authorization = configuration.authorization else { return [:] }
        guard !authorization.isEmpty, authorization.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            throw ClientConfigurationError("authorization", "it is no value of a header field")
        }
        return ["Authorization": authorization]
    }

    private static func session(_ configuration: ClientConfiguration) throws(ClientConfigurationError) -> ClientSessionConfiguration {
        func check(_ isRight: Bool, _ setting: String, _ message: String) throws(ClientConfigurationError) {
            guard isRight else { throw ClientConfigurationError(setting, message) }
        }
        let agentBytes = configuration.agent?.utf8.count ?? 0
        try check(agentBytes <= Limits.maxAgentBytes, "agent", "it is longer than \(Limits.maxAgentBytes) bytes")
        try check(configuration.maxQueuedMessages >= 1, "maxQueuedMessages", "it is below 1")
        try check(configuration.maxQueuedBytes >= 1, "maxQueuedBytes", "it is below 1")
        try check(configuration.connectTimeout > .zero, "connectTimeout", "it is not above zero")
        try check(configuration.backoffBase > .zero, "backoffBase", "it is not above zero")
        try check(configuration.backoffBase <= configuration.backoffCap, "backoffCap", "it is below backoffBase")
        try check(configuration.leaveTimeout >= .zero, "leaveTimeout", "it is below zero")
        try check(configuration.keep.map { $0 >= .zero } ?? true, "keep", "it is below zero")

        var session = ClientSessionConfiguration(endpoints: configuration.endpoints)
        switch configuration.serverEndpoints {
        case .follow: session.serverEndpoints = .follow
        case .ignore: session.serverEndpoints = .ignore
        }
        switch configuration.state.kind {
        case .memory: session.persistence = .memory
        case .file: session.persistence = .durable
        }
        switch configuration.token.kind {
        case .none: break
        case .fixed(let token):
            try check(
                ClientSession.canSay(token: token),
                "token",
                "it is not 1 to \(Limits.maxCredentialBytes) bytes long, escapes in JSON included"
            )
            session.token = token
        case .provider: session.tokenSource = .application
        }
        session.window = configuration.window
        session.keep = configuration.keep
        session.agent = configuration.agent
        session.maxQueuedMessages = configuration.maxQueuedMessages
        session.maxQueuedBytes = configuration.maxQueuedBytes
        session.connectDeadline = configuration.connectTimeout
        session.backoff = Backoff(base: configuration.backoffBase, cap: configuration.backoffCap)
        return session
    }
}
