import GaplessCore
import NIOCore

/// Asks a service who a client is.
struct WebhookAuthenticator: Authenticator {
    private static let fields: Set<String> = ["user", "device", "expires"]

    private let caller: WebhookCaller

    init(_ caller: WebhookCaller) {
        self.caller = caller
    }

    func authenticate(_ credentials: Credentials) async throws -> Identity {
        do {
            return try await self.caller.post(Self.body(of: credentials)) { answer in
                switch answer.status {
                case 401: throw AuthenticationError(.refused, "The proof is missing or does not count.")
                case 403: throw AuthenticationError(.forbidden, "This client is not let in.")
                default: return try Self.identity(in: try answer.success())
                }
            }
        } catch is WebhookError {
            // The caller has told people why.
            throw AuthenticationError(.unavailable, "The proof cannot be checked now.")
        }
    }

    /// `{"client":…,"token":…,"authorization":…,"cookie":…,"remoteAddress":…,"forwarded":true}`; what there is not is left out.
    static func body(of credentials: Credentials) -> ByteBuffer {
        var body = ByteBuffer()
        JSONWriter.writeObject(into: &body) { writer in
            writer.field("client", credentials.client?.description)
            writer.field("token", credentials.token)
            writer.field("authorization", credentials.authorization)
            writer.field("cookie", credentials.cookie)
            writer.field("remoteAddress", credentials.remoteAddress)
            if credentials.isForwarded { writer.field("forwarded", true) }
        }
        return body
    }

    /// Reads `{"user":…,"device":…,"expires":…}`. A field that is not known may be a misspelt `device`, and would let in more than is meant.
    private static func identity(in body: ByteBuffer) throws(WebhookError) -> Identity {
        guard let object = try JSONObject(answer: body) else { throw WebhookError(.invalid, "The answer names no user.") }
        for field in object.fields where !Self.fields.contains(field.name) {
            throw WebhookError(.invalid, "The answer has a field that is not known; known are user, device and expires.")
        }
        do {
            let user = try Self.name("user", in: object)
            let device = try Self.name("device", in: object)
            guard let user else { throw WebhookError(.invalid, "The answer names no user.") }
            return Identity(
                user: user,
                device: device.map { .exactly($0) } ?? .any,
                expires: try object.integer("expires").map { Timestamp(milliseconds: $0) }
            )
        } catch let error as WebhookError {
            throw error
        } catch let error as JSONFieldError {
            throw WebhookError(.invalid, error.description)
        } catch {
            throw WebhookError(.invalid, "The answer cannot be understood.")
        }
    }

    private static func name(_ field: String, in object: JSONObject) throws -> UserID? {
        guard let text = try object.string(field) else { return nil }
        guard let name = UserID(text) else { throw WebhookError(.invalid, "\"\(field)\" is no name: 1 to 64 of the allowed characters.") }
        return name
    }
}
