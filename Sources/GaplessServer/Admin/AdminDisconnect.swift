import GaplessCore
import NIOCore

/// How an operator sends a client away, as the HTTP API takes it: `{"code":4452,"for":3600000}`, both with these defaults.
struct AdminDisconnect: Hashable, Sendable {
    let code: CloseCode
    let time: Duration

    /// Reads one JSON object; nothing at all is one without fields.
    static func parse(_ bytes: ByteBuffer) throws(AdminError) -> AdminDisconnect {
        guard bytes.readableBytes > 0 else { return AdminDisconnect(code: .removedByOperator, time: SendAwayOperation.hour) }
        do {
            return try Self.read(try JSONReader().readObject(bytes))
        } catch let error as AdminError {
            throw error
        } catch let error as JSONReadingError {
            throw .invalid(error.description)
        } catch let error as JSONFieldError {
            throw .invalid(error.description)
        } catch {
            throw AdminError(error)
        }
    }

    private static func read(_ object: JSONObject) throws -> AdminDisconnect {
        for field in object.fields where !["code", "for"].contains(field.name) {
            throw AdminError.invalid("A field is not known; known are code and for.")
        }
        let code = try object.integer("code").map { CloseCode(rawValue: UInt16(clamping: $0)) } ?? .removedByOperator
        guard SendAwayOperation.allows(code) else {
            let codes = SendAwayOperation.codes.map { "\($0.rawValue)" }.joined(separator: ", ")
            throw AdminError.invalid("\"code\" is one of \(codes).")
        }
        let milliseconds = try object.integer("for") ?? UInt64(SendAwayOperation.hour.milliseconds)
        let longest = UInt64(SendAwayOperation.maxTime.milliseconds)
        guard milliseconds <= longest else { throw AdminError.invalid("\"for\" is at most \(longest) ms.") }
        return AdminDisconnect(code: code, time: .milliseconds(milliseconds))
    }
}
