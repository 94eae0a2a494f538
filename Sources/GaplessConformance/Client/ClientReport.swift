import Foundation
import GaplessCore

/// A line that a client under test writes on its standard output (Protocol.md §18.2).
enum ClientReport: Hashable, Sendable {
    case message(UInt64, PayloadKind, [UInt8])
    case gap(UInt64, UInt64, String)
    /// The reason; nil when the server gave none.
    case reset(String?)
    /// Uplink messages may be handled twice.
    case repeats
    /// So many uplink messages are confirmed.
    case confirmed(UInt64)
    /// An uplink message was not taken.
    case refused
    case stopped(UInt16)
    case closed
    /// What was commanded is in force.
    case done
    /// The client cannot do what it was told.
    case unsupported
    /// The line is none of these.
    case unknown(String)

    init(_ line: String) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        self = Self.parse(words) ?? .unknown(String(line.prefix(200)))
    }

    private static func parse(_ words: [String]) -> ClientReport? {
        switch (words[0], words.count) {
        case ("message", 4):
            guard let number = UInt64(words[1]), let bytes = Data(base64Encoded: words[3]) else { return nil }
            guard let kind: PayloadKind = ["text": .text, "binary": .binary][words[2]] else { return nil }
            return .message(number, kind, Array(bytes))
        case ("gap", 4):
            guard let first = UInt64(words[1]), let last = UInt64(words[2]) else { return nil }
            return .gap(first, last, words[3])
        case ("reset", 2): return .reset(words[1] == "-" ? nil : words[1])
        case ("confirmed", 2): return UInt64(words[1]).map { .confirmed($0) }
        case ("stopped", 2): return UInt16(words[1]).map { .stopped($0) }
        case ("repeat", 1): return .repeats
        case ("refused", 1): return .refused
        case ("closed", 1): return .closed
        case ("done", 1): return .done
        case ("unsupported", 1): return .unsupported
        default: return nil
        }
    }

    /// A text message.
    static func text(_ number: UInt64, _ text: String) -> ClientReport {
        .message(number, .text, Array(text.utf8))
    }

    /// Whether the line speaks of the uplink, which has an order of its own.
    var isAside: Bool {
        switch self {
        case .repeats, .confirmed, .refused: true
        default: false
        }
    }

    /// The report as people read it.
    var told: String {
        switch self {
        case .message(let number, let kind, let bytes):
            "message \(number) \(kind == .text ? "text" : "binary") '\(String(decoding: bytes.prefix(60), as: UTF8.self))'"
        case .gap(let first, let last, let reason): "gap \(first) \(last) \(reason)"
        case .reset(let reason): "reset \(reason ?? "-")"
        case .repeats: "repeat"
        case .confirmed(let count): "confirmed \(count)"
        case .refused: "refused"
        case .stopped(let code): "stopped \(code)"
        case .closed: "closed"
        case .done: "done"
        case .unsupported: "unsupported"
        case .unknown(let line): "the line '\(line)'"
        }
    }
}
