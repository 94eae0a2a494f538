import GaplessCore
import NIOCore

/// What came over a connection.
enum WireEvent: Hashable, Sendable {
    /// The head of the request or of the answer that begins a WebSocket.
    case head(HTTPHead)
    case message(PayloadKind, ByteBuffer)
    case ping([UInt8])
    case pong([UInt8])
    /// The peer's Close, with its code if it has one.
    case close(UInt16?)
    /// The peer broke RFC 6455; nothing more can be read.
    case violation(String)
    /// The TCP connection ended.
    case end
}

/// The first line and the fields of an HTTP/1.1 message.
struct HTTPHead: Hashable, Sendable {
    let line: String
    private let fields: [String: String]

    /// Parses everything before the empty line.
    init(_ text: String) {
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)
        self.line = lines.first.map(String.init) ?? ""
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].lowercased()
            let value = parts.count > 1 ? parts[1].trimmed : ""
            fields[name] = fields[name].map { "\($0), \(value)" } ?? value
        }
        self.fields = fields
    }

    /// A field by its name in small letters; several of one name are joined.
    subscript(_ name: String) -> String? { self.fields[name] }

    /// The second word of the line: a request's target, an answer's status.
    var second: String {
        let words = self.line.split(separator: " ", maxSplits: 2)
        return words.count > 1 ? String(words[1]) : ""
    }

    /// The parts of a field that holds a list.
    func list(_ name: String) -> [String] {
        (self.fields[name] ?? "").split(separator: ",").map(\.trimmed)
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(self.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
