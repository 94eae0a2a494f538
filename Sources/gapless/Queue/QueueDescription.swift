import Foundation
import NIOCore

/// A queue as the HTTP API describes it.
struct QueueDescription: Codable {
    /// Where a client is attached.
    struct Attachment: Codable {
        let node: String
        let instance: String
    }

    /// A part of the list, and where it goes on.
    struct Page: Decodable {
        let clients: [QueueDescription]
        let next: String?

        static func decode(_ body: ByteBuffer) throws -> Page {
            do {
                return try JSONDecoder().decode(Page.self, from: Data(body.readableBytesView))
            } catch {
                throw ProgramError(.unreachable, "the node's answer is not a list of queues")
            }
        }
    }

    let client: String
    let epoch: String
    let generation: UInt64
    let head: UInt64
    let acknowledged: UInt64
    let discarded: UInt64
    let depth: UInt64
    let bytes: UInt64
    let oldest: UInt64?
    let attached: Attachment?
    let created: UInt64
    let lastAttached: UInt64?
    let lastDetached: UInt64?

    static func decode(_ body: ByteBuffer) throws -> QueueDescription {
        do {
            return try JSONDecoder().decode(QueueDescription.self, from: Data(body.readableBytesView))
        } catch {
            throw ProgramError(.unreachable, "the node's answer does not describe a queue")
        }
    }

    /// The queue as one line of JSON.
    func line() throws -> String {
        try JSONLine.text(self)
    }

    /// The queue as people read it, one fact a line.
    var card: String {
        let facts: [(String, String)] = [
            ("client", self.client),
            ("waiting", "\(self.depth) messages, \(self.bytes) bytes"),
            ("oldest", Self.moment(self.oldest)),
            ("head", String(self.head)),
            ("acknowledged", String(self.acknowledged)),
            ("discarded through", String(self.discarded)),
            ("attached", self.attached.map { "on node \($0.node), instance \($0.instance)" } ?? "no"),
            ("generation", String(self.generation)),
            ("epoch", self.epoch),
            ("created", Self.moment(self.created)),
            ("last attached", Self.moment(self.lastAttached)),
            ("last detached", Self.moment(self.lastDetached)),
        ]
        return facts.map { "\($0.0.padding(toLength: 18, withPad: " ", startingAt: 0))\($0.1.printable)" }.joined(separator: "\n")
    }

    /// Queues as a table with a heading.
    static func table(_ queues: [QueueDescription]) -> TextTable {
        var table = TextTable([
            ("CLIENT", .left), ("WAITING", .right), ("BYTES", .right), ("OLDEST", .left), ("ACKED", .right), ("HEAD", .right),
            ("NODE", .left),
        ])
        for queue in queues {
            table.append([
                .init(queue.client), "\(queue.depth)", "\(queue.bytes)", .init(Self.moment(queue.oldest)), "\(queue.acknowledged)",
                "\(queue.head)", .init(queue.attached?.node ?? "-", queue.attached == nil ? .faint : .plain),
            ])
        }
        return table
    }

    /// The end of the year 9999, in milliseconds since 1970: no calendar tells more.
    private static let latest: UInt64 = 253_402_300_799_999

    private static func moment(_ milliseconds: UInt64?) -> String {
        guard let milliseconds else { return "-" }
        guard milliseconds <= Self.latest else { return "\(milliseconds) ms" }
        return Date(timeIntervalSince1970: Double(milliseconds) / 1_000).formatted(.iso8601)
    }
}
