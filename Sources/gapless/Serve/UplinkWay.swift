import Foundation
import GaplessServer
import NIOCore

/// What a node of the program does with messages from clients.
enum UplinkWay: String {
    /// Prints them on standard output, for the program that started the node.
    case print
    /// Sends them back to where they came from, to try things out.
    case echo
    /// Acknowledges them and does nothing else.
    case discard
    /// Posts them to a URL, which is a setting of the node.
    case webhook

    /// Makes it so.
    func handle(_ server: GaplessServer) {
        switch self {
        case .print:
            server.onMessage { message, _ in
                try await UplinkOutput.standard.write(try Self.line(message))
            }
        case .echo:
            server.onMessage { message, session in
                session.send(OutgoingMessage(message.payload, to: .client(message.client)))
            }
        case .discard:
            server.onMessage { _, _ in }
        case .webhook:
            break
        }
    }

    private static func line(_ message: UplinkMessage) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        let object = MessageObject(
            client: message.client.description,
            outbox: message.outbox.description,
            seq: message.sequence.rawValue,
            text: message.text,
            base64: message.text == nil ? Data(message.payload.bytes.readableBytesView).base64EncodedString() : nil
        )
        return Array(try encoder.encode(object)) + [UInt8(ascii: "\n")]
    }

    private struct MessageObject: Encodable {
        var event = "message"
        let client: String
        let outbox: String
        let seq: UInt64
        let text: String?
        let base64: String?
    }
}
