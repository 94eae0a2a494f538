import GaplessCore
import NIOCore
import NIOHTTP1
import Testing

@testable import GaplessServer

@Suite struct CredentialsTests {
    @Test func theTokenOfTheFrameCountsFirst() {
        #expect(Credentials(token: "a", authorization: "Bearer b").bearer == "a")
        #expect(Credentials(authorization: "Bearer b").bearer == "b")
        #expect(Credentials(token: "", authorization: "Bearer b").bearer == "")
        #expect(Credentials().bearer == nil)
    }

    @Test(arguments: [
        ("Bearer x", "x"), ("bearer x", "x"), ("BEARER x", "x"), ("Bearer x y", "x y"), ("Bearer", nil), ("Bearer ", nil), ("x", nil),
        ("Basic x", nil), ("", nil), (" Bearer", nil), ("Bearerx y", nil),
    ])
    func aBearerStandsInTheHeader(_ header: String, _ bearer: String?) {
        #expect(Credentials(authorization: header).bearer == bearer)
    }

    @Test(arguments: [
        ("session=s", "s"), ("theme=dark; session=s", "s"), ("theme=dark;session=s;x=y", "s"), ("session=", ""), ("session=a=b", "a=b"),
        ("session=a; session=b", nil), ("Session=s", nil), ("sessions=s", nil), ("session", nil), ("", nil), ("xsession=s", nil),
    ])
    func aCookieHasOneValueOrNone(_ cookie: String, _ value: String?) {
        #expect(Credentials(cookie: cookie).cookie(named: "session") == value)
    }

    @Test func aDescriptionTellsNoSecret() {
        // [R14-1]
        let credentials = Credentials(token: "hush", authorization: "Bearer hush", cookie: "session=hush", remoteAddress: "192.0.2.1")
        #expect(credentials.description == "credentials(token, authorization, cookie)")
        #expect("\(credentials)".contains("hush") == false)
        #expect(String(reflecting: credentials).contains("hush") == false)
        #expect(Credentials().description == "credentials()")
    }

    // MARK: From a handshake

    private func handshake(_ headers: HTTPHeaders) throws -> Credentials {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/gapless", headers: headers)
        let address = try SocketAddress(ipAddress: "192.0.2.7", port: 4_711)
        return HandshakeCredentials(head, remoteAddress: address).credentials(for: ClientID("alice"), token: "t")
    }

    @Test func aHandshakeTellsWhatItBrought() throws {
        let credentials = try self.handshake(["Authorization": "Bearer x"])
        #expect(credentials.token == "t" && credentials.authorization == "Bearer x" && credentials.client == ClientID("alice"))
        #expect(credentials.remoteAddress == "192.0.2.7" && !credentials.isForwarded)
    }

    @Test func aCookieComesWithAnOriginOrNotAtAll() throws {
        // [R9.1-6]
        #expect(try self.handshake(["Cookie": "session=s"]).cookie == nil)
        #expect(try self.handshake(["Cookie": "session=s", "Origin": "https://a.example.com"]).cookie == "session=s")
        let two: HTTPHeaders = ["Cookie": "a=b", "cookie": "session=s", "Origin": "https://a.example.com"]
        #expect(try self.handshake(two).cookie(named: "session") == "s")
        #expect(try self.handshake(["Origin": "https://a.example.com"]).cookie == nil)
    }

    @Test(arguments: ["Forwarded", "X-Forwarded-For", "x-forwarded-for"])
    func aProxyIsNoticed(_ name: String) throws {
        #expect(try self.handshake([name: "192.0.2.1"]).isForwarded)
    }
}

@Suite struct Base64URLTests {
    @Test(
        arguments: [
            ([], ""), ([0xff], "_w"), ([0xfb, 0xff], "-_8"), ([0, 0, 0], "AAAA"), (Array("Gapless".utf8), "R2FwbGVzcw"),
        ] as [([UInt8], String)]
    )
    func bytesHaveOneText(_ bytes: [UInt8], _ text: String) {
        #expect(Base64URL.encode(bytes) == text)
        #expect(Base64URL.decode(text) == bytes)
    }

    @Test(arguments: ["_w==", "/w", "+/8", "_x", "A", "AAAAA", "AA AA", "AAAA\n", "Ä"])
    func everyOtherTextIsRefused(_ text: String) {
        // Else two tokens would be as good as one another.
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func whatIsEncodedIsDecoded() {
        for length in 0...64 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ length) }
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
    }
}
