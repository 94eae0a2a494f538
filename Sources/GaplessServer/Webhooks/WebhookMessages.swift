import Foundation
import GaplessCore
import NIOCore

/// Brings messages of clients to a webhook, and the replies in its answers to clients.
///
/// It is a handler like one in this process: the lane of a client runs it for one message at a time and in order, tries it again, and commits
/// the mark together with the replies.
struct WebhookMessages: Sendable {
    let caller: WebhookCaller
    private let maxMessageBytes: Int

    init(_ caller: WebhookCaller, maxMessageBytes: Int) {
        self.caller = caller
        self.maxMessageBytes = maxMessageBytes
    }

    /// Posts a message; returns when the service has handled it.
    ///
    /// - Throws: `WebhookError` when it has not, or its answer cannot be understood.
    func handle(_ message: UplinkMessage, _ session: UplinkSession) async throws {
        let replies = try await self.caller.post(Self.body(of: message), key: Self.key(of: message)) { answer in
            let replies = try self.replies(in: try answer.success(), to: message.client)
            guard replies != nil || answer.isDelimited else {
                throw WebhookError(
                    .unreachable,
                    "The connection ended in the place of a body, which may be missing; an answer without one needs Content-Length: 0."
                )
            }
            return replies ?? []
        }
        for reply in replies { session.send(reply) }
    }

    /// The same for each attempt, on whichever node: client, outbox and number name a message for ever.
    static func key(of message: UplinkMessage) -> String {
        "\(message.client)/\(message.outbox)/\(message.sequence)"
    }

    /// `{"client":…,"user":…,"device":…,"outbox":…,"sequence":…,"text":…}`, or `base64` for bytes. The same for each attempt.
    static func body(of message: UplinkMessage) -> ByteBuffer {
        var body = ByteBuffer()
        JSONWriter.writeObject(into: &body) { writer in
            writer.field("client", message.client.description)
            writer.field("user", message.client.user.description)
            writer.field("device", message.client.device?.description)
            writer.field("outbox", message.outbox.description)
            writer.field("sequence", message.sequence.rawValue)
            writer.field("text", message.text)
            if message.text == nil {
                writer.field("base64", Data(message.payload.bytes.readableBytesView).base64EncodedString())
            }
        }
        return body
    }

    /// What the service is told when the store refuses a reply. [R7.2-3]
    func refused(_ error: SendError) -> WebhookError {
        WebhookError(.refusedReply, "The store refused a reply: \(error.code).")
    }

    /// The messages of an answer, each of which can be sent; nil for nothing at all, or only white space.
    private func replies(in body: ByteBuffer, to client: ClientID) throws(WebhookError) -> [OutgoingMessage]? {
        guard let object = try JSONObject(answer: body) else { return nil }
        for field in object.fields where field.name != "messages" {
            throw WebhookError(.invalid, "The answer has a field that is not known; known is messages.")
        }
        guard let value = object["messages"] else { return [] }
        guard let values = value.array else { throw WebhookError(.invalid, "\"messages\" is no list.") }
        guard values.count <= UplinkSession.maxSends else {
            throw WebhookError(.invalid, "The answer has \(values.count) messages; at most \(UplinkSession.maxSends) are taken.")
        }
        var replies: [OutgoingMessage] = []
        replies.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            replies.append(try self.reply(value, number: index + 1, to: client))
        }
        return replies
    }

    private func reply(_ value: JSONValue, number: Int, to client: ClientID) throws(WebhookError) -> OutgoingMessage {
        guard let object = value.object else { throw WebhookError(.invalid, "Message \(number) is no object.") }
        do {
            let reply = try AdminMessage.message(object, to: client)
            // What cannot be sent is found here, where it can be told whose fault it is.
            _ = try reply.operation(maxMessageBytes: self.maxMessageBytes)
            return reply
        } catch let error as AdminError {
            throw WebhookError(.invalid, "Message \(number): \(error.message)")
        } catch let error as SendError {
            throw WebhookError(.invalid, "Message \(number): \(error.message)")
        } catch {
            throw WebhookError(.invalid, "Message \(number) cannot be sent.")
        }
    }
}

extension JSONObject {
    /// Reads the answer of a webhook; nil when it is empty. White space around it is none of its contents: many frameworks end it with a line end.
    init?(answer body: ByteBuffer) throws(WebhookError) {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        let bytes = body.readableBytesView
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) }) else { return nil }
        do {
            self = try JSONReader(maxDepth: AdminMessage.maxDepth).readObject(ByteBuffer(bytes[first...last]))
        } catch {
            throw WebhookError(.invalid, "The answer is no JSON object: \(error.description)")
        }
    }
}
