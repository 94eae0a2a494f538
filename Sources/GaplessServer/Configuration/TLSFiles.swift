/// Certificate and key of the public listener, as PEM files.
public struct TLSFiles: Hashable, Sendable {
    /// The certificate, followed by those that lead from it to a root.
    public var certificate: String

    /// The certificate's private key, without a passphrase.
    public var privateKey: String

    /// Names the two files.
    public init(certificate: String, privateKey: String) {
        self.certificate = certificate
        self.privateKey = privateKey
    }
}
