import GaplessCore
import GaplessStore
import NIOCore
import Testing

@testable import GaplessServer

/// One message in JSON, as the HTTP API takes it.
@Suite struct AdminMessageTests {
    private func parse(_ text: String) throws(AdminError) -> OutgoingMessage {
        try AdminMessage.parse(ByteBuffer(string: text))
    }

    private func refusal(_ text: String) -> AdminError? {
        do throws(AdminError) {
            _ = try self.parse(text)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        (#"{"to":"a","text":""}"#, ""), (#"{"to":"a","text":"\u0000"}"#, "\0"), (#"{"to":"a","text":"\ud83d\ude00"}"#, "😀"),
        (#"{"to":"a","text":"line\nline"}"#, "line\nline"), (#"{"to":"a","json":null}"#, "null"), (#"{"to":"a","json":[]}"#, "[]"),
        (#"{"to":"a","json":1.50e3}"#, "1.50e3"), (#"{"to":"a","json":"x"}"#, #""x""#),
        (#"{ "to" : "a" , "json" : { "b" : [ 1 , 2 ] } }"#, #"{"b":[1,2]}"#),
    ])
    func aTextIsItsPayload(_ json: String, _ text: String) throws {
        let message = try self.parse(json)
        #expect(message.payload == Payload(text: text))
        #expect(message.recipient == "a" && message.timeToLive == nil && message.id == nil)
    }

    @Test(arguments: [("", []), ("AA==", [0]), ("AAE=", [0, 1]), ("+/+/", [0xfb, 0xff, 0xbf])] as [(String, [UInt8])])
    func base64IsBytes(_ text: String, _ bytes: [UInt8]) throws {
        #expect(try self.parse(#"{"to":"a","base64":"\#(text)"}"#).payload == Payload(binary: ByteBuffer(bytes: bytes)))
    }

    @Test(arguments: ["A", "AA", "AA=", "A===", "AA==AA==", "-_-_", "AA ==", "é"])
    func whatIsNoBase64IsRefused(_ text: String) {
        #expect(self.refusal(#"{"to":"a","base64":"\#(text)"}"#)?.status == 400)
    }

    @Test func recipientsAreOneSeveralOrAUser() throws {
        let (a, b) = (try #require(ClientID("a")), try #require(ClientID("b/c")))
        #expect(try self.parse(#"{"to":["a","b/c","a"],"text":""}"#).recipient == .clients([a, b]))
        #expect(try self.parse(#"{"to":[],"text":""}"#).recipient == .clients([]))
        #expect(try self.parse(#"{"to":["a"],"existingOnly":true,"text":""}"#).recipient == .existing([a]))
        #expect(try self.parse(#"{"to":"a","existingOnly":false,"text":""}"#).recipient == .client(a))
        #expect(try self.parse(#"{"user":"alice","text":""}"#).recipient == .user("alice"))
    }

    @Test(arguments: [
        #"{"to":"a/","text":""}"#, #"{"to":"/a","text":""}"#, #"{"to":"..","text":""}"#, #"{"to":"a b","text":""}"#,
        #"{"to":"ä","text":""}"#, #"{"to":["a","b/c/d"],"text":""}"#, #"{"to":{"a":1},"text":""}"#, #"{"to":null,"text":""}"#,
        #"{"user":"","text":""}"#, #"{"user":["a"],"text":""}"#, #"{"user":"a","to":null,"text":""}"#,
        #"{"to":"a","existingOnly":1,"text":""}"#, #"{"to":"a","existingOnly":"true","text":""}"#,
    ])
    func whatIsNoRecipientIsRefused(_ json: String) {
        #expect(self.refusal(json)?.status == 400)
    }

    @Test func timeToLiveIsMilliseconds() throws {
        #expect(try self.parse(#"{"to":"a","text":"","ttl":1500}"#).timeToLive == .milliseconds(1_500))
        #expect(try self.parse(#"{"to":"a","text":"","ttl":0}"#).timeToLive == .zero)
        #expect(try self.parse(#"{"to":"a","text":"","ttl":9007199254740991}"#).timeToLive == .milliseconds(9_007_199_254_740_991))
        for ttl in ["-1", "1.0", "1e3", "9007199254740992", "true", "\"1\"", "[1]"] {
            #expect(self.refusal(#"{"to":"a","text":"","ttl":\#(ttl)}"#)?.status == 400, "\(ttl)")
        }
    }

    @Test func aPayloadIsGivenOnce() {
        for fields in [
            #""text":"","json":null"#, #""text":"","base64":"""#, #""json":1,"base64":"""#, #""text":"","json":1,"base64":"""#,
            #""id":"x""#,
        ] {
            let error = self.refusal(#"{"to":"a",\#(fields)}"#)
            #expect(error?.message == #"A message has one of "text", "json" and "base64"."#, "\(fields)")
        }
    }

    @Test func nestingHasAnEnd() throws {
        // The object of the message is the first level.
        func nested(_ depth: Int) -> String {
            #"{"to":"a","json":\#(String(repeating: "[", count: depth))\#(String(repeating: "]", count: depth))}"#
        }
        #expect(self.refusal(nested(AdminMessage.maxDepth - 1)) == nil)
        #expect(self.refusal(nested(AdminMessage.maxDepth))?.status == 400)
        #expect(self.refusal(nested(100_000))?.status == 400)
    }

    @Test func anUnknownFieldIsAMisspeltOne() {
        for field in ["group", "To", "payload", "ttl ", ""] {
            #expect(self.refusal(#"{"to":"a","text":"","\#(field)":1}"#)?.code == .invalid, "\(field)")
        }
    }

    @Test func whatIsNoUTF8IsRefused() {
        var bytes = ByteBuffer(string: #"{"to":"a","text":""#)
        bytes.writeBytes([0xff])
        bytes.writeString(#""}"#)
        #expect(throws: AdminError.self) { try AdminMessage.parse(bytes) }
    }
}

@Suite struct AdminErrorTests {
    @Test func everyErrorHasAStatus() {
        struct Other: Error {}
        #expect(AdminError(AdminError.notFound as any Error) == .notFound)
        #expect(AdminError(SendError(.queueFull, "Full.") as any Error) == AdminError(.queueFull, "Full."))
        #expect(AdminError(QueueStoreError(.full, "?") as any Error).status == 503)
        #expect(AdminError(Other()) == AdminError(.internal, "The server failed."))
    }
}
