import NIOCore
import NIOSSL

/// The TLS of the public listener.
enum ServerTLS {
    /// Reads certificate and key and makes what connections are secured with.
    ///
    /// - Throws: `ConfigurationError` that says which of the two files is wrong, and how.
    static func makeContext(_ files: TLSFiles) throws(ConfigurationError) -> NIOSSLContext {
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try NIOSSLCertificate.fromPEMFile(files.certificate)
        } catch {
            throw ConfigurationError("tls.certificate", "\(files.certificate) cannot be read as PEM certificates.")
        }
        guard !certificates.isEmpty else { throw ConfigurationError("tls.certificate", "\(files.certificate) holds no certificate.") }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: files.privateKey, format: .pem)
        } catch {
            throw ConfigurationError("tls.privateKey", "\(files.privateKey) cannot be read as a PEM key without a passphrase.")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw ConfigurationError("tls.privateKey", "\(files.privateKey) is not the key of the certificate in \(files.certificate).")
        }
    }
}
