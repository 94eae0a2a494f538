import GaplessCore
import NIOSSL
import Testing

@testable import GaplessClient

/// Encrypted connections: whom the client believes.
@Suite struct TLSTests {
    private let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
        try self.folder.write(Array(TestCertificates.root.utf8), to: "root.pem")
        try self.folder.write(Array(TestCertificates.client.utf8), to: "client.pem")
        try self.folder.write(Array(TestCertificates.clientKey.utf8), to: "client.key")
    }

    @Test("A server with a certificate of a trusted root is believed")
    func trustedRootIsBelieved() async throws {
        let server = try await FakeServer.start(tls: TestCertificates.serverContext())
        var configuration = ClientConfiguration.test(server)
        configuration.tls.trustRootsFile = self.folder.file("root.pem")
        try await withClient(configuration) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 1), .message(1))
            #expect(try await client.text() == "message 1")
            try await client.client.enqueue(Payload(text: "up"))
            while true {
                if try await connection.next() == .message(1, "up") { break }
            }
        }
        try await server.stop()
    }

    @Test("A server that the system does not know is not believed, and hears no HELLO")
    func unknownRootIsNotBelieved() async throws {
        let server = try await FakeServer.start(tls: TestCertificates.serverContext())
        try await withClient(.test(server)) { client in
            let absence = try await client.offline()
            #expect(absence.cause == .lost)
            #expect(absence.message.lowercased().contains("certificate"), "\(absence.message)")
        }
        #expect(!server.hasUnexpectedConnection)
        try await server.stop()
    }

    @Test("The certificate must have the host's name, or the name that the application says")
    func nameMustFit() async throws {
        let server = try await FakeServer.start(tls: TestCertificates.serverContext())
        var configuration = ClientConfiguration.test(server)
        configuration.tls.trustRootsFile = self.folder.file("root.pem")
        configuration.tls.serverName = "other.example"
        try await withClient(configuration) { client in
            let absence = try await client.offline()
            #expect(absence.cause == .lost)
        }
        configuration.tls.serverName = "gapless.example"
        try await withClient(configuration) { _ in _ = try await server.greeted() }
        try await server.stop()
    }

    @Test("The system's certificates are read once for all clients, files of their own for each that has some")
    func systemCertificatesAreShared() throws {
        var named = ClientTLS()
        named.serverName = "gapless.example"
        #expect(try ClientTLS().makeContext() === named.makeContext())
        var rooted = ClientTLS()
        rooted.trustRootsFile = self.folder.file("root.pem")
        #expect(try rooted.makeContext() !== rooted.makeContext())
        #expect(try rooted.makeContext() !== ClientTLS().makeContext())
    }

    @Test("A client shows its own certificate to a server that asks")
    func ownCertificateIsShown() async throws {
        let server = try await FakeServer.start(tls: TestCertificates.serverContext(asksForCertificate: true))
        var configuration = ClientConfiguration.test(server)
        configuration.tls.trustRootsFile = self.folder.file("root.pem")
        try await withClient(configuration) { client in _ = try await client.offline() }
        configuration.tls.certificateFile = self.folder.file("client.pem")
        configuration.tls.keyFile = self.folder.file("client.key")
        try await withClient(configuration) { _ in _ = try await server.greeted() }
        try await server.stop()
    }
}
