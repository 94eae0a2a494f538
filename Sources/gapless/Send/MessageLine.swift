import Foundation

/// One message as a line of NDJSON for `POST /v1/messages`.
struct MessageLine: Encodable {
    /// Who gets it.
    enum Recipient {
        case client(String)
        case user(String)
    }

    private let recipient: Recipient
    private let bytes: [UInt8]
    private let timeToLive: Duration?

    /// A message of these bytes: text when they are UTF-8, binary otherwise, so that every line arrives as it was.
    init(_ bytes: [UInt8], to recipient: Recipient, timeToLive: Duration?) {
        self.bytes = bytes
        self.recipient = recipient
        self.timeToLive = timeToLive
    }

    private enum CodingKeys: String, CodingKey {
        case to, user, text, base64, ttl
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self.recipient {
        case .client(let client): try container.encode(client, forKey: .to)
        case .user(let user): try container.encode(user, forKey: .user)
        }
        if let text = String(validating: self.bytes, as: UTF8.self) {
            try container.encode(text, forKey: .text)
        } else {
            try container.encode(Data(self.bytes).base64EncodedString(), forKey: .base64)
        }
        if let timeToLive { try container.encode(Int64(timeToLive / .milliseconds(1)), forKey: .ttl) }
    }
}
