import ArgumentParser
import Foundation
import GaplessClient

/// How `gapless connect` writes what it gets.
enum MessageFormat: String, ExpressibleByArgument, CaseIterable {
    /// The payload and a line end; what is no message goes to standard error.
    case text
    /// One JSON object a line for everything.
    case json

    /// A message as a line, without its end.
    func line(_ message: GaplessClient.Message) -> [UInt8] {
        switch self {
        case .text:
            return message.bytes
        case .json:
            let object = MessageObject(
                seq: message.sequence.rawValue,
                time: message.time.milliseconds,
                text: message.text,
                base64: message.text == nil ? Data(message.bytes).base64EncodedString() : nil
            )
            return Self.encode(object)
        }
    }

    /// A gap as a line of JSON.
    static func line(_ gap: GaplessClient.Gap) -> [UInt8] {
        Self.encode(GapObject(gap: .init(from: gap.range.first.rawValue, to: gap.range.last.rawValue, reason: gap.reason.description)))
    }

    /// A reset as a line of JSON.
    static func line(reset reason: String) -> [UInt8] {
        Self.encode(ResetObject(reset: .init(reason: reason)))
    }

    private struct MessageObject: Encodable {
        let seq: UInt64
        let time: UInt64
        let text: String?
        let base64: String?
    }

    private struct GapObject: Encodable {
        struct Range: Encodable {
            let from: UInt64
            let to: UInt64
            let reason: String
        }
        let gap: Range
    }

    private struct ResetObject: Encodable {
        struct Reason: Encodable {
            let reason: String
        }
        let reset: Reason
    }

    private static func encode(_ object: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        guard let data = try? encoder.encode(object) else { preconditionFailure("numbers and strings can always be written as JSON") }
        return Array(data)
    }
}
