import Foundation

/// The way to the server's HTTP API (`POST /v1/messages`, `/v1/clients/…`), by which the kit sends, looks and removes.
package protocol AdminAccess: Sendable {
    /// Asks once.
    ///
    /// - Parameter kind: the media type of the body.
    /// - Throws: when nobody answers, or the caller is not allowed.
    func ask(_ method: String, _ path: String, body: String?, kind: String?) async throws -> AdminAnswer
}

/// What the HTTP API answered.
package struct AdminAnswer: Hashable, Sendable {
    package let status: Int
    package let body: String

    package init(status: Int, body: String) {
        self.status = status
        self.body = body
    }
}

/// A queue as the HTTP API shows it.
struct QueueView: Decodable, Sendable {
    struct Attachment: Decodable, Sendable {
        let instance: String
    }

    let epoch: String
    let generation: UInt64
    let head: UInt64
    let acknowledged: UInt64
    let depth: UInt64
    let attached: Attachment?
}

/// What became of a send, as the HTTP API tells it.
struct SendView: Decodable, Sendable {
    struct Delivery: Decodable, Sendable {
        let sequence: UInt64?
    }

    let time: UInt64
    let deliveries: [Delivery]
}
