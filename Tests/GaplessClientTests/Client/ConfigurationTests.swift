import GaplessCore
import GaplessWebSocket
import Testing

@testable import GaplessClient

/// What a client refuses before it opens anything.
@Suite struct ConfigurationTests {
    /// The setting that is refused; nil when the client can be made.
    private func refused(_ change: (inout ClientConfiguration) -> Void) throws -> String? {
        var configuration = ClientConfiguration(endpoints: ["ws://127.0.0.1:1/gapless"], client: "alice/phone")
        change(&configuration)
        do {
            _ = try GaplessClient(configuration, logger: .quiet)
            return nil
        } catch let error as ClientConfigurationError {
            return error.setting
        }
    }

    @Test("The defaults are right")
    func defaultsAreRight() throws {
        #expect(try self.refused { _ in } == nil)
    }

    @Test(
        "An endpoint is a URL of a WebSocket",
        arguments: ["", "127.0.0.1:8080", "ftp://a/gapless", "ws://", "ws://a:0/", "ws://a:65536/", "ws://a b/", "ws://[::1/", "ws://a/#x"]
    )
    func endpointsAreURLs(url: String) throws {
        #expect(try self.refused { $0.endpoints = [url] } == "endpoints")
        #expect(try self.refused { $0.endpoints.append(url) } == "endpoints")
    }

    @Test(
        "[R3.1-6] a URL that carries a secret is refused, and the secret is not repeated",
        arguments: [
            "ws://alice:hush@a/gapless", "ws://hush@a/gapless", "ws://a/gapless?token=hush", "ws://a/gapless?x=1&access_token=hush",
            "ws://a/gapless?JWT=hush", "ws://a/gapless?a=b;key=hush", "wss://a?Authorization=hush",
        ]
    )
    func secretsAreRefused(url: String) throws {
        do {
            _ = try ClientEndpoint(url)
            Issue.record("it was accepted")
        } catch {
            #expect(error.setting == "endpoints")
            #expect(!error.description.contains("hush"), "\(error)")
        }
    }

    @Test("Host, port, path and query of an endpoint")
    func partsOfEndpoints() throws {
        let plain = try ClientEndpoint("ws://example.com").webSocket
        #expect((plain.host, plain.port, plain.isTLS, plain.path) == ("example.com", 80, false, "/gapless"))
        let secure = try ClientEndpoint("WSS://[2001:db8::1]:8443/a/b?region=eu").webSocket
        #expect((secure.host, secure.port, secure.isTLS, secure.path) == ("2001:db8::1", 8443, true, "/a/b?region=eu"))
    }

    @Test("The name of a client has its form", arguments: ["", "alice/", "/phone", "alice/phone/2", "älice", "a b", "alice/.."])
    func clientsHaveTheirForm(client: String) throws {
        #expect(try self.refused { $0.client = client } == "client")
    }

    @Test("Settings out of their bounds are refused")
    func boundsHold() throws {
        #expect(try self.refused { $0.endpoints = [] } == "endpoints")
        #expect(try self.refused { $0.agent = String(repeating: "x", count: 129) } == "agent")
        #expect(try self.refused { $0.maxQueuedMessages = 0 } == "maxQueuedMessages")
        #expect(try self.refused { $0.maxQueuedBytes = 0 } == "maxQueuedBytes")
        #expect(try self.refused { $0.connectTimeout = .zero } == "connectTimeout")
        #expect(try self.refused { $0.backoffBase = .zero } == "backoffBase")
        #expect(try self.refused { $0.backoffCap = .milliseconds(1) } == "backoffCap")
        #expect(try self.refused { $0.leaveTimeout = .seconds(-1) } == "leaveTimeout")
        #expect(try self.refused { $0.keep = .seconds(-1) } == "keep")
        #expect(try self.refused { $0.token = .fixed("") } == "token")
        #expect(try self.refused { $0.token = .fixed(String(repeating: "x", count: 4_097)) } == "token")
        #expect(try self.refused { $0.authorization = "Bearer x\r\nX: y" } == "authorization")
        #expect(try self.refused { $0.tls.trustRootsFile = "/nonexistent.pem" } == "tls")
        #expect(try self.refused { $0.tls.certificateFile = "/nonexistent.pem" } == "tls")
        #expect(try self.refused { $0.tls.keyFile = "/nonexistent.pem" } == "tls")
    }

    @Test("Errors say what is wrong in a sentence")
    func errorsAreSentences() {
        let error = ClientError(.refused, "not today", closeCode: .forbidden)
        #expect(error.description == "refused: not today (closed with 4450 forbidden)")
        #expect(ClientError(.alreadyRun, "a client is run once").description == "alreadyRun: a client is run once")
        #expect(ClientConfigurationError("client", "it is none").description == "client: it is none")
    }
}
