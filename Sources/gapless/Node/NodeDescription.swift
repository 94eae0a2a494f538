import Foundation
import NIOCore
import NIOHTTP1

/// A node as the HTTP API describes it.
struct NodeDescription: Codable, Hashable, Sendable {
    /// Its name.
    let name: String
    /// What it does with clients: `serving`, `cordoned`, `draining`, `silent`, or what a newer node may call it.
    let state: String
    /// Milliseconds since its last sign; 0 for the node that was asked.
    let age: UInt64
    /// How many connections it has; nil when it does not tell.
    let connections: UInt64?
    /// How many clients are attached to it; nil when it does not tell.
    let attached: UInt64?
    /// The most connections that it takes; nil when it does not tell.
    let capacity: UInt64?
    /// Why `/ready` says no; nil for another node than the one that was asked.
    let notReady: [String]?
    /// What of its load is too much; nil when nothing is.
    var over: [String]? = nil

    /// Whether it is the node that was asked.
    var isAsked: Bool { self.notReady != nil }

    /// The nodes as the API lists them, the one that was asked first.
    struct List: Decodable {
        let nodes: [NodeDescription]
    }

    /// Reads the answer of `GET /v1/nodes`.
    ///
    /// - Throws: `ProgramError` when it is something else.
    static func list(_ answer: AdminClient.Answer) throws -> [NodeDescription] {
        try answer.requireSuccess()
        do {
            return try JSONDecoder().decode(List.self, from: Data(answer.body.readableBytesView)).nodes
        } catch {
            throw ProgramError(.unreachable, "the node's answer is not a list of nodes")
        }
    }

    /// Nodes as a table with a heading.
    static func table(_ nodes: [NodeDescription]) -> TextTable {
        var table = TextTable([
            ("NODE", .left), ("STATE", .left), ("CONNECTIONS", .right), ("ATTACHED", .right), ("CAPACITY", .right), ("SEEN", .right),
            ("READY", .left),
        ])
        for node in nodes {
            table.append([
                .init(node.name), .init(node.state, node.style), Self.number(node.connections), Self.number(node.attached),
                Self.number(node.capacity), .init(node.isAsked ? "now" : TextFormat.time(Double(node.age) / 1_000)),
                node.readiness,
            ])
        }
        return table
    }

    /// How its state stands out.
    var style: TextStyle {
        switch self.state {
        case "serving": .good
        case "cordoned", "draining": .warning
        case "silent": .bad
        default: .plain
        }
    }

    private static func number(_ number: UInt64?) -> TextTable.Cell {
        number.map { "\(TextFormat.count($0))" } ?? .init("-", .faint)
    }

    /// What people read under READY.
    private var readiness: TextTable.Cell {
        let over = self.over.map { "over: \($0.joined(separator: ", "))" }
        guard let reasons = self.notReady else { return over.map { .init($0, .warning) } ?? .init("-", .faint) }
        guard reasons.isEmpty else { return .init("no: " + reasons.joined(separator: ", "), .warning) }
        return over.map { .init("yes, \($0)", .warning) } ?? .init("yes", .good)
    }
}
