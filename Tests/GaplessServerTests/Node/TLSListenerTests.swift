import GaplessServer
import GaplessTesting
import GaplessWebSocket
import NIOCore
import NIOSSL
import Testing

/// The public listener behind TLS, with a real certificate.
@Suite(.serialized, .timeLimit(.minutes(10))) struct TLSListenerTests {
    private func run(_ test: @Sendable (TestServer) async throws -> Void) async throws {
        let (certificate, key) = (try TemporaryFile(TestCertificate.certificate), try TemporaryFile(TestCertificate.key))
        var configuration = TestServer.configuration
        configuration.tls = TLSFiles(certificate: certificate.path, privateKey: key.path)
        try await TestServer.run(configuration: configuration, test)
        withExtendedLifetime((certificate, key)) {}
    }

    private func connect(_ server: TestServer, _ change: (inout TLSConfiguration) -> Void = { _ in }) async throws -> RawClient {
        var trust = TLSConfiguration.makeClientConfiguration()
        trust.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(TestCertificate.certificate.utf8)))
        change(&trust)
        let context = try NIOSSLContext(configuration: trust)
        return try await RawClient.connect("wss://localhost:\(server.addresses.listen.port)/gapless") { _, _ in
            [try NIOSSLClientHandler(context: context, serverHostname: "localhost")]
        }
    }

    @Test func bothDirectionsWorkAndTheCloseCodeArrives() async throws {
        try await self.run { server in
            let client = try await self.connect(server)
            client.send(Greeting().text)
            try await client.expect("WELCOME ")
            let large = String(repeating: "x", count: 60_000)
            for number in 1...20 {
                try await server.server.send(large, to: "alice/phone")
                try await client.expectMessage(number, large)
                client.send("ACK \(number)")
            }
            client.send("BYE")
            try await client.expectEnd(4502)
        }
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func currentVersionsAreSpoken(_ version: TLSVersion) async throws {
        try await self.run { server in
            let client = try await self.connect(server) {
                $0.minimumTLSVersion = version
                $0.maximumTLSVersion = version
            }
            client.send(Greeting().text)
            try await client.expect("WELCOME ")
        }
    }

    @Test func whatIsOlderIsRefused() async throws {
        try await self.run { server in
            await #expect(throws: (any Error).self) {
                _ = try await self.connect(server) {
                    $0.minimumTLSVersion = .tlsv1
                    $0.maximumTLSVersion = .tlsv11
                }
            }
        }
    }

    @Test func aCertificateThatIsNotTrustedIsNoConnection() async throws {
        try await self.run { server in
            let error = await #expect(throws: WebSocketConnectError.self) {
                _ = try await self.connect(server) { $0.trustRoots = .certificates([]) }
            }
            #expect(error?.code == .transport)
        }
    }

    @Test func whatIsNotEncryptedIsNotAnswered() async throws {
        try await self.run { server in
            await #expect(throws: (any Error).self) {
                _ = try await RawClient.connect("ws://localhost:\(server.addresses.listen.port)/gapless")
            }
            // And the next one is served all the same.
            let client = try await self.connect(server)
            client.send(Greeting().text)
            try await client.expect("WELCOME ")
        }
    }
}
