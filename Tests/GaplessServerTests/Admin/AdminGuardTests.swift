import Testing

@testable import GaplessServer

@Suite struct AdminGuardTests {
    private typealias Call = AdminGuard.Call

    private let open = AdminGuard(AdminConfiguration(listen: ListenAddress(host: "127.0.0.1", port: 8_081)))
    private let keyed = AdminGuard(AdminConfiguration(listen: ListenAddress(host: "127.0.0.1", port: 8_081), key: "a key of many bytes"))

    private func status(_ guardian: AdminGuard, _ call: AdminGuard.Call) -> Int? {
        do throws(AdminError) {
            try guardian.check(call)
            return nil
        } catch {
            return error.status
        }
    }

    @Test(arguments: ["127.0.0.1:8081", "localhost:8081", "LOCALHOST", "[::1]:8081", "127.0.0.1"])
    func loopbackNamesAreServed(_ host: String) {
        #expect(self.status(self.open, Call(method: "GET", host: host)) == nil)
    }

    @Test(arguments: [
        nil, "", "evil.example.com", "evil.example.com:8081", "127.0.0.1.evil.example.com", "localhost.evil.example.com:8081",
    ])
    func otherNamesAreRefused(_ host: String?) {
        // A page that points a name of its own at 127.0.0.1 comes under that name.
        #expect(self.status(self.open, Call(method: "GET", host: host)) == 403)
    }

    @Test func pagesOfOtherOriginsAreRefused() {
        var call = Call(method: "GET", host: "127.0.0.1:8081", origin: "http://127.0.0.1:8081")
        #expect(self.status(self.open, call) == nil)
        for origin in ["https://evil.example.com", "null", "http://127.0.0.1:9999", "http://127.0.0.1"] {
            call.origin = origin
            #expect(self.status(self.open, call) == 403, "\(origin)")
        }
        for site in ["cross-site", "same-site", "anything"] {
            #expect(self.status(self.open, Call(method: "GET", host: "127.0.0.1:8081", fetchSite: site)) == 403, "\(site)")
        }
        #expect(self.status(self.open, Call(method: "GET", host: "127.0.0.1:8081", fetchSite: "none")) == nil)
    }

    @Test func aPostNeedsATypeThatAPageCannotSendByItself() {
        for type in [nil, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json"] {
            #expect(self.status(self.open, Call(method: "POST", host: "127.0.0.1", contentType: type)) == 415)
        }
        for type in ["application/json", "Application/JSON; charset=utf-8", "application/x-ndjson"] {
            #expect(self.status(self.open, Call(method: "POST", host: "127.0.0.1", contentType: type)) == nil)
        }
    }

    @Test func aKeyIsNeededWhereThereIsOne() {
        var call = Call(method: "GET", host: "127.0.0.1")
        for header in [nil, "Bearer", "Bearer ", "Bearer a key of many byte", "Basic a key of many bytes", "Bearer a key of many bytes "] {
            call.authorization = header
            #expect(self.status(self.keyed, call) == 401, "\(header ?? "")")
        }
        call.authorization = "bearer a key of many bytes"
        #expect(self.status(self.keyed, call) == nil)
    }

    @Test func whoHasTheKeyMayUseAnyNameAndType() {
        let authorization = "Bearer a key of many bytes"
        #expect(self.status(self.keyed, Call(method: "POST", host: "node-a.internal:8081", authorization: authorization)) == nil)
        let page = Call(method: "GET", host: "node-a.internal", origin: "https://evil.example.com", authorization: authorization)
        #expect(self.status(self.keyed, page) == 403)
    }
}
