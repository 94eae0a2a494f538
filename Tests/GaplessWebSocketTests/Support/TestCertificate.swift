import NIOSSL

/// A certificate of its own making for `localhost`. It is worth nothing outside of tests.
enum TestCertificate {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBlTCCATugAwIBAgIUTg76p5Rvi0tTeNnuPfe3VIV7KkkwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE0MTE1MFoYDzIxMjYxMDI4
        MTQxMTUwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAASfeb014T42AC1c89JFfieqsrEBj8YEKl4tbh9a7JcOjrilmONcFbjv
        zxzfCtYNkqoWEJNSTU+8AbESM3OPLNIoo2kwZzAdBgNVHQ4EFgQUfAzjrocGyxvi
        3P917xflE/EU6NAwHwYDVR0jBBgwFoAUfAzjrocGyxvi3P917xflE/EU6NAwDwYD
        VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
        SAAwRQIgVQRLlYSsX8D9PZfjDnJfCIlCYXILfBgiS5ZOx9cDBXUCIQCIVfI7qHBP
        fcfGaxqHPN12MpvVqI5NQFmu7i1aJIU+uA==
        -----END CERTIFICATE-----
        """

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLrLpZk1UtusBEIls
        juz96RbVFmyi9/XBGGqN0GjutXChRANCAASfeb014T42AC1c89JFfieqsrEBj8YE
        Kl4tbh9a7JcOjrilmONcFbjvzxzfCtYNkqoWEJNSTU+8AbESM3OPLNIo
        -----END PRIVATE KEY-----
        """

    /// The context of a server that shows it.
    static func serverContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(Self.certificate.utf8)).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(bytes: Array(Self.key.utf8), format: .pem)
        return try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
    }

    /// The context of a client that trusts it.
    static func clientContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(Self.certificate.utf8)))
        return try NIOSSLContext(configuration: configuration)
    }
}
