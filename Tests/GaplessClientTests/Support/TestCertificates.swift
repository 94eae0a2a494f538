import NIOSSL

/// Certificates made for these tests alone: a root, a server under it for `localhost` and `gapless.example`, and a client under it.
enum TestCertificates {
    static let root = """
        -----BEGIN CERTIFICATE-----
        MIIBnDCCAUGgAwIBAgIUZJ6QLCPp5vjpjEzWg/mS228kPYAwCgYIKoZIzj0EAwIw
        GjEYMBYGA1UEAwwPR2FwbGVzcyB0ZXN0IENBMCAXDTI2MTEyMTE0MTI0NFoYDzIx
        MjYxMDI4MTQxMjQ0WjAaMRgwFgYDVQQDDA9HYXBsZXNzIHRlc3QgQ0EwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAASnsJDfDlsY5EZqq7YyzNLYziixfux07KcoCJlB
        rGuZ0F94RN79/rboyfrAFsn6EJDDXttnBmq/YFMVeBSPaIJOo2MwYTAdBgNVHQ4E
        FgQUUKAm3pl8ysOg5vPkE2GahXljNqswHwYDVR0jBBgwFoAUUKAm3pl8ysOg5vPk
        E2GahXljNqswDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZI
        zj0EAwIDSQAwRgIhAPvIw08X9Ko0DDw2eI0aMcBZQMr29rKoEkKvMKgmnfM5AiEA
        8zvND+Lx2UCDIolQtLYcv0roiS1LxWj4mnA5vK3lvJQ=
        -----END CERTIFICATE-----
        """

    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBxzCCAW2gAwIBAgIUc7lmoBZRiuUUxGTxwt+NpK/ppK0wCgYIKoZIzj0EAwIw
        GjEYMBYGA1UEAwwPR2FwbGVzcyB0ZXN0IENBMCAXDTI2MTEyMTE0MTI0NFoYDzIx
        MjYxMDI4MTQxMjQ0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIB
        BggqhkjOPQMBBwNCAARGxSK5b7krRvS5KxTBQZur6q5eHeCB2T/6UodMVWExIRAG
        tGsvZDXtCcNPuedc3kU2MmgctebaCnQnQ3elSgrAo4GUMIGRMCUGA1UdEQQeMByC
        CWxvY2FsaG9zdIIPZ2FwbGVzcy5leGFtcGxlMB0GA1UdJQQWMBQGCCsGAQUFBwMB
        BggrBgEFBQcDAjAJBgNVHRMEAjAAMB0GA1UdDgQWBBQIC2vvEQHYtpAqxlaP8oMk
        CQftCzAfBgNVHSMEGDAWgBRQoCbemXzKw6Dm8+QTYZqFeWM2qzAKBggqhkjOPQQD
        AgNIADBFAiAeVqhVLAty+7fUQSk9Idg97lIbEAUIXB0iQdQ72Q9jRwIhAI6VvoYC
        +Q91qUyCAbM7OpnhOCovKJaKjite1vUl6LD2
        -----END CERTIFICATE-----
        """

    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqjJ9d35E5a6h4PCG
        XtshHT30HbSxL1ZmpD9ZauPb91ChRANCAARGxSK5b7krRvS5KxTBQZur6q5eHeCB
        2T/6UodMVWExIRAGtGsvZDXtCcNPuedc3kU2MmgctebaCnQnQ3elSgrA
        -----END PRIVATE KEY-----
        """

    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBrDCCAVKgAwIBAgIUc7lmoBZRiuUUxGTxwt+NpK/ppK4wCgYIKoZIzj0EAwIw
        GjEYMBYGA1UEAwwPR2FwbGVzcyB0ZXN0IENBMCAXDTI2MTEyMTE0MTI0NVoYDzIx
        MjYxMDI4MTQxMjQ1WjAQMQ4wDAYDVQQDDAVhbGljZTBZMBMGByqGSM49AgEGCCqG
        SM49AwEHA0IABGKEHoAQbZKvfQay8zYSWD8YRe8fy5z7xVK4kUaKJIFdfE0fJE50
        fJpIEBvlGQUkS0F4soCZa7++sd7w2yrxqd+jfjB8MBAGA1UdEQQJMAeCBWFsaWNl
        MB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAJBgNVHRMEAjAAMB0GA1Ud
        DgQWBBSPFkjkio46Xv31qokzgGbZrk53iDAfBgNVHSMEGDAWgBRQoCbemXzKw6Dm
        8+QTYZqFeWM2qzAKBggqhkjOPQQDAgNIADBFAiB9e3YN9j/vPZBhIuFCScTffBRp
        sQzQavuBpbsLqEeaSAIhAJiBbc30quAAjBAUe3DofgNd8pl+/SsgvyVn0jSiD6X2
        -----END CERTIFICATE-----
        """

    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4Ezk193nr5uI5PJu
        b53ZorrbhSusQ1Iu44Dy9aUDf4ihRANCAARihB6AEG2Sr30GsvM2Elg/GEXvH8uc
        +8VSuJFGiiSBXXxNHyROdHyaSBAb5RkFJEtBeLKAmWu/vrHe8Nsq8anf
        -----END PRIVATE KEY-----
        """

    /// What a server needs, one that asks for the client's certificate or not.
    static func serverContext(asksForCertificate: Bool = false) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try NIOSSLCertificate(bytes: Array(Self.server.utf8), format: .pem))],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(Self.serverKey.utf8), format: .pem))
        )
        if asksForCertificate {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates([try NIOSSLCertificate(bytes: Array(Self.root.utf8), format: .pem)])
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
