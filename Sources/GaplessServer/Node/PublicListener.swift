import GaplessCore
import GaplessWebSocket
import NIOCore
import NIOHTTP1
import NIOSSL

/// The port that clients connect to: the WebSocket, `/live`, `/ready` and `/load`.
enum PublicListener {
    /// Opens the port.
    ///
    /// - Throws: `ConfigurationError` when the address cannot be listened on.
    static func bind(_ node: Node, group: any EventLoopGroup, tls: NIOSSLContext?, maxConnections: Int, maxRefusals: Int) async throws
        -> WebSocketListener
    {
        let address = node.configuration.listen
        var options = WebSocketListener.Options(host: address.host, port: address.port)
        // Whoever is over the limit is told so with 4100, as long as that can be afforded.
        options.maxConnections = maxConnections + min(maxRefusals, maxConnections)
        if let tls { options.tls = { _ in [NIOSSLServerHandler(context: tls)] } }
        do {
            return try await WebSocketListener.bind(options, group: group, service: self.service(node)).get()
        } catch {
            throw ConfigurationError("listen", "\(address) cannot be listened on: \(error.sentence)")
        }
    }

    private static func service(_ node: Node) -> WebSocketService<ConnectionShell> {
        let handshake = ServerHandshake(path: node.configuration.path, origins: node.configuration.origins.policy)
        var connection = WebSocketConnectionConfiguration()
        connection.maxMessageBytes = node.maxHelloFrameBytes
        // A window may be on its way to a slow socket; its acknowledgements are read meanwhile.
        connection.maxOutstandingBytes += Int(clamping: node.configuration.downlinkWindow.bytes)
        // The session counts for itself how long the socket takes nothing.
        connection.writeStallTimeout = nil
        connection.closeTimeout = TimeAmount(node.configuration.closeTime)
        return WebSocketService(
            handshake: handshake,
            connection: connection,
            admit: { head, channel in self.admit(head, channel, node) },
            answer: { head in self.answer(head, node) }
        )
    }

    /// Decides about a handshake whose form and `Origin` are in order.
    private static func admit(_ head: HTTPRequestHead, _ channel: any Channel, _ node: Node) -> WebSocketService<ConnectionShell>.Admission
    {
        // A balancer tries another node then. Whoever got further is told 4100. [R5.1-3]
        guard node.ask({ logic, now in logic.takesHandshakes(now: now) }) else {
            return .refuse(HTTPAnswer(.serviceUnavailable, headers: ["Retry-After": "1"], text: "This node takes no clients now."))
        }
        if node.authentication.isNone, let answer = self.refusalWithoutAuthentication(head) { return .refuse(answer) }
        guard let home = node.loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
            preconditionFailure("a connection lives on a loop of its node")
        }
        let credentials = HandshakeCredentials(head, remoteAddress: channel.remoteAddress)
        return .accept(ConnectionShell(node: node, home: home, handshake: credentials))
    }

    /// Where everybody is whom they say they are, only programs of this machine may come, and no page of another name. [R14-3]
    private static func refusalWithoutAuthentication(_ head: HTTPRequestHead) -> HTTPAnswer? {
        if head.headers.isForwarded {
            return HTTPAnswer(.forbidden, text: "This node authenticates nobody and takes no connections through a proxy.")
        }
        // A page under a name of its own that leads to this machine counts as the same host for the browser.
        if head.headers.contains(name: "Origin"), !HostHeader.isLoopback(head.headers.first(name: "Host") ?? "") {
            return HTTPAnswer(.forbidden, text: "This Host is not served here.")
        }
        return nil
    }

    static func answer(_ head: HTTPRequestHead, _ node: Node) -> HTTPAnswer {
        switch ServerHandshake.path(of: head.uri) {
        case "/live":
            let isLive = node.isLive
            let status: HTTPResponseStatus = isLive ? .ok : .serviceUnavailable
            return HTTPAnswer(status, headers: ["Cache-Control": "no-store"], text: isLive ? "live" : "stuck")
        case "/load":
            let load = node.ask { logic, now in logic.loadReport(now: now) }
            let headers: HTTPHeaders = ["Cache-Control": "no-store", "Content-Type": "application/json"]
            return HTTPAnswer(.ok, headers: headers, body: ByteBuffer(string: load.text + "\n"))
        case "/ready":
            let readiness = node.ask { logic, now in logic.readiness(now: now) }
            let status: HTTPResponseStatus = readiness.isReady ? .ok : .serviceUnavailable
            return HTTPAnswer(status, headers: ["Cache-Control": "no-store"], text: readiness.description)
        default:
            return HTTPAnswer(.notFound, text: "There is nothing here.")
        }
    }
}

extension Node {
    /// The longest frame that may come before `WELCOME`: a `HELLO`.
    var maxHelloFrameBytes: Int { "HELLO ".utf8.count + self.sessionConfiguration.limits.hello }

    /// The longest frame that may come after it.
    var maxFrameBytes: Int {
        let limits = self.sessionConfiguration.limits
        // The longest head of a MSG up: keyword, space, 16 digits, space.
        return max(limits.message + 21, limits.json + "AUTH ".utf8.count, self.maxHelloFrameBytes)
    }
}

/// The header `Host`.
enum HostHeader {
    /// The name in it, without the port, in small letters; an IPv6 address keeps its brackets.
    static func name(in host: String) -> String {
        let host = host.lowercased()
        if host.hasPrefix("[") { return host.firstIndex(of: "]").map { String(host[...$0]) } ?? host }
        return String(host.prefix { $0 != ":" })
    }

    /// Whether it is one of the names of loopback.
    static func isLoopback(_ host: String) -> Bool {
        let name = self.name(in: host)
        let bare = name.hasPrefix("[") ? String(name.dropFirst().dropLast()) : name
        return !bare.isEmpty && ListenAddress(host: bare, port: 0).isLoopback
    }
}

extension Error {
    /// What went wrong with a port, for people.
    var sentence: String {
        guard let error = self as? IOError else { return "\(self)" }
        return error.description
    }
}
