import GaplessServer
import GaplessTesting
import GaplessWebSocket
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// The two ports of a node: TLS on the public one, the HTTP API on the other.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ListenerTests {
    private struct Files {
        let certificate = try? TemporaryFile(TestCertificate.certificate)
        let key = try? TemporaryFile(TestCertificate.key)
        let otherKey = try? TemporaryFile(TestCertificate.otherKey)
    }

    private func configuration(_ certificate: String?, _ key: String?) -> ServerConfiguration {
        var configuration = TestServer.configuration
        configuration.tls = TLSFiles(certificate: certificate ?? "/nonexistent", privateKey: key ?? "/nonexistent")
        return configuration
    }

    @Test func clientsConnectOverTLS() async throws {
        let files = Files()
        var trust = TLSConfiguration.makeClientConfiguration()
        trust.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(TestCertificate.certificate.utf8)))
        let context = try NIOSSLContext(configuration: trust)
        try await TestServer.run(configuration: self.configuration(files.certificate?.path, files.key?.path)) { server in
            let client = try await RawClient.connect("wss://localhost:\(server.addresses.listen.port)/gapless") { _, _ in
                [try NIOSSLClientHandler(context: context, serverHostname: "localhost")]
            }
            client.send(Greeting().text)
            try await client.expect("WELCOME ")
            try await server.server.send("hello", to: "alice/phone")
            try await client.expectMessage(1, "hello")
        }
        withExtendedLifetime(files) {}
    }

    @Test func filesThatDoNotFitAreToldBySetting() async throws {
        let files = Files()
        let garbage = try TemporaryFile("neither a certificate nor a key")
        let cases = [
            (garbage.path, files.key?.path, "tls.certificate"), (nil, files.key?.path, "tls.certificate"),
            (files.certificate?.path, garbage.path, "tls.privateKey"), (files.certificate?.path, nil, "tls.privateKey"),
            (files.certificate?.path, files.otherKey?.path, "tls.privateKey"),
        ]
        for (certificate, key, setting) in cases {
            let error = await #expect(throws: ConfigurationError.self) {
                try await TestServer.run(configuration: self.configuration(certificate, key)) { _ in }
            }
            #expect(error?.setting == setting)
            #expect(error?.message.contains("PRIVATE KEY") == false)
        }
        withExtendedLifetime(files) {}
    }

    @Test func theHTTPAPISendsAndShows() async throws {
        let store = try TemporaryStore()
        try await TestServer.run(store: store.configuration) { other in
            try await TestServer.run(store: store.configuration) { server in
                let port = try #require(server.addresses.admin?.port)
                let (client, _) = try await RawClient.attach(server.url)
                let sent = try await RawHTTP.call(
                    "POST",
                    "/v1/messages",
                    port: port,
                    headers: ["Content-Type": "application/json"],
                    body: #"{"to":"alice/phone","text":"by HTTP"}"#
                )
                #expect(sent.status == 200)
                try await client.expectMessage(1, "by HTTP")
                let shown = try await RawHTTP.call("GET", "/v1/clients/alice%2Fphone", port: port)
                #expect(shown.status == 200 && shown.body.contains(#""depth":1,"#) && shown.body.contains(#""instance":"i1""#))
                let nodes = try await RawHTTP.call("GET", "/v1/nodes", port: port)
                #expect(nodes.body.contains(#""state":"serving","age":0,"connections":1,"attached":1,"capacity":"#))
                #expect(nodes.body.contains(#""notReady":[]}"#))
                // The other node sees the same queue, and can end it.
                let otherPort = try #require(other.addresses.admin?.port)
                let removed = try await RawHTTP.call("DELETE", "/v1/clients/alice%2Fphone", port: otherPort)
                #expect(removed.status == 204)
                try await client.expectEnd(4452)
            }
        }
    }
}
