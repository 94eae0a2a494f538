import NIOCore
import NIOSSL

/// How a client judges the servers of `wss:` endpoints, and what it shows them.
public struct ClientTLS: Hashable, Sendable {
    /// A file of certificates (PEM) that are trusted instead of the system's. Default: the system's.
    public var trustRootsFile: String?

    /// The name that the server's certificate must have, when it is another than the host of the endpoint. Default: the host.
    public var serverName: String?

    /// A file with the client's own certificate and those above it (PEM), for servers that ask for one. Default: none.
    public var certificateFile: String?

    /// The file with the key of the client's own certificate (PEM).
    public var keyFile: String?

    /// Trust in the system's certificates.
    public init() {}

    /// What serves all clients that trust the system's certificates and show none: each reading of those takes a megabyte.
    private static let systemContext = Result { () throws(ClientConfigurationError) in try ClientTLS().readFiles() }

    /// Makes the settings ready for connections.
    ///
    /// - Throws: when a file cannot be read or holds something else.
    func makeContext() throws(ClientConfigurationError) -> NIOSSLContext {
        self == ClientTLS(serverName: self.serverName) ? try Self.systemContext.get() : try self.readFiles()
    }

    private init(serverName: String?) {
        self.serverName = serverName
    }

    private func readFiles() throws(ClientConfigurationError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let trustRootsFile = self.trustRootsFile { configuration.trustRoots = .file(trustRootsFile) }
        do {
            if let certificateFile = self.certificateFile {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) }
            }
            if let keyFile = self.keyFile {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw ClientConfigurationError("tls", "a file of certificates or its key cannot be used: \(error)")
        }
    }

    /// The handler that speaks TLS with the host.
    func makeHandler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        let name = self.serverName ?? host
        // An address is no server name; its certificate is compared with the address that the socket is connected to.
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : name)
    }
}
