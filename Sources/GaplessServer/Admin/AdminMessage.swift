import Foundation
import GaplessCore
import NIOCore

/// A message as the HTTP API takes it: `{"to":"alice/phone","text":"hello"}`.
enum AdminMessage {
    /// The deepest nesting of a request's JSON, the payload under `json` included.
    static let maxDepth = 64

    private static let fields: Set<String> = ["to", "user", "text", "json", "base64", "ttl", "id", "existingOnly"]

    /// Reads one JSON object.
    static func parse(_ bytes: ByteBuffer) throws(AdminError) -> OutgoingMessage {
        let object: JSONObject
        do {
            object = try JSONReader(maxDepth: Self.maxDepth).readObject(bytes)
        } catch {
            throw .invalid(error.description)
        }
        return try Self.message(object)
    }

    /// Reads the fields of a message.
    ///
    /// - Parameter client: who gets it when it names nobody; nil when it has to.
    static func message(_ object: JSONObject, to client: ClientID? = nil) throws(AdminError) -> OutgoingMessage {
        do {
            return try Self.read(object, client)
        } catch let error as JSONFieldError {
            throw .invalid(error.description)
        } catch let error as AdminError {
            throw error
        } catch {
            throw AdminError(error)
        }
    }

    private static func read(_ object: JSONObject, _ client: ClientID?) throws -> OutgoingMessage {
        for field in object.fields where !Self.fields.contains(field.name) {
            throw AdminError.invalid("A field is not known; known are to, user, text, json, base64, ttl, id and existingOnly.")
        }
        return OutgoingMessage(
            try Self.payload(object),
            to: try Self.recipient(object, client),
            timeToLive: try object.integer("ttl").map { .milliseconds(Int64($0)) },
            id: try object.string("id")
        )
    }

    private static func recipient(_ object: JSONObject, _ client: ClientID?) throws -> Recipient {
        let existingOnly = try object.bool("existingOnly") ?? false
        switch (object["to"], try object.string("user")) {
        case (.string(let text)?, nil):
            return Self.recipient([try Self.client(text)], existingOnly: existingOnly)
        case (.array?, nil):
            let clients = try (try object.strings("to") ?? []).map(Self.client)
            return Self.recipient(clients, existingOnly: existingOnly)
        case (nil, let text?):
            guard let user = UserID(text) else { throw AdminError.invalid("\"user\" is not the name of a user.") }
            return .user(user)
        case (.some, nil):
            throw AdminError.invalid("\"to\" is neither text nor a list of texts.")
        case (nil, nil):
            guard let client else { throw AdminError.invalid("A message has either \"to\" or \"user\".") }
            return Self.recipient([client], existingOnly: existingOnly)
        case (.some, .some):
            throw AdminError.invalid("A message has either \"to\" or \"user\".")
        }
    }

    private static func recipient(_ clients: [ClientID], existingOnly: Bool) -> Recipient {
        existingOnly ? .existing(clients) : .clients(clients)
    }

    private static func client(_ text: String) throws -> ClientID {
        guard let client = ClientID(text) else { throw AdminError.invalid("\"to\" holds what is not the address of a client.") }
        return client
    }

    private static func payload(_ object: JSONObject) throws -> Payload {
        switch (try object.string("text"), object["json"], try object.string("base64")) {
        case (let text?, nil, nil):
            return Payload(text: text)
        case (nil, let value?, nil):
            var bytes = ByteBuffer()
            JSONWriter.write(value, into: &bytes)
            return Payload(text: String(buffer: bytes))
        case (nil, nil, let text?):
            // Foundation takes more for base64 than it is, such as "====".
            guard let bytes = Data(base64Encoded: text), bytes.base64EncodedString() == text else {
                throw AdminError.invalid("\"base64\" is not base64.")
            }
            return Payload(binary: ByteBuffer(bytes: bytes))
        default:
            throw AdminError.invalid("A message has one of \"text\", \"json\" and \"base64\".")
        }
    }
}
