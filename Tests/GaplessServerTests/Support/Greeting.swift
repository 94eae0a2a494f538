import Foundation

/// The `HELLO` of a raw client.
struct Greeting {
    var client: String? = "alice/phone"
    var instance = "i1"
    var attempt = 1
    var outbox: String?
    var epoch: String?
    var handled: Int?
    var held: Int?
    var token: String?
    var window: (messages: Int, bytes: Int)?
    var force = false

    var text: String {
        var fields: [String] = []
        if let client { fields.append(#""client":"\#(client)""#) }
        fields.append(#""instance":"\#(self.instance)","attempt":\#(self.attempt)"#)
        if let outbox { fields.append(#""outbox":"\#(outbox)""#) }
        if let epoch { fields.append(#""epoch":"\#(epoch)""#) }
        if let handled { fields.append(#""handled":\#(handled)"#) }
        if let held { fields.append(#""held":\#(held)"#) }
        if let token { fields.append(#""token":"\#(token)""#) }
        if let window { fields.append(#""window":{"messages":\#(window.messages),"bytes":\#(window.bytes)}"#) }
        if self.force { fields.append(#""force":true"#) }
        return "HELLO {\(fields.joined(separator: ","))}"
    }
}

/// What a test looks at in a `WELCOME`.
struct Welcome: Decodable {
    let client: String
    let epoch: String
    let generation: Int
    let resume: String
    let reason: String?
    let after: Int
    let head: Int
    let mark: Int
    let node: String
    let token: String?

    init(_ frame: String) throws {
        self = try JSONDecoder().decode(Welcome.self, from: Data(frame.dropFirst("WELCOME ".utf8.count).utf8))
    }
}

extension RawClient {
    /// Opens a connection and attaches.
    static func attach(_ url: String, _ greeting: Greeting = Greeting()) async throws -> (client: RawClient, welcome: Welcome) {
        let client = try await RawClient.connect(url)
        client.send(greeting.text)
        return (client, try Welcome(try await client.expect("WELCOME ")))
    }

    /// The next frame, which must be this message; gives its time.
    @discardableResult
    func expectMessage(_ sequence: Int, _ payload: String) async throws -> UInt64 {
        let frame = try await self.expect("MSG \(sequence) ")
        let fields = frame.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 4, let time = UInt64(fields[2]), fields[3] == payload else {
            throw Unexpected(wanted: "MSG \(sequence) TIME \(payload)", event: .text(frame))
        }
        return time
    }
}
