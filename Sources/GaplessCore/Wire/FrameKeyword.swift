/// The keywords of version 1, of both directions (Protocol.md §4.0).
package enum FrameKeyword: String, CaseIterable, Hashable, Sendable {
    case hello = "HELLO"
    case welcome = "WELCOME"
    case message = "MSG"
    case acknowledge = "ACK"
    case gap = "GAP"
    case ping = "PING"
    case pong = "PONG"
    case authenticate = "AUTH"
    case drain = "DRAIN"
    case bye = "BYE"
    case error = "ERROR"

    /// The longest keyword of any version, in bytes.
    package static let maxBytes = 16

    /// The keyword whose letters are `packed`, the last one in the lowest byte; nil when it is none of this version.
    @inline(__always)
    init?(packed: UInt64) {
        switch packed {
        case 0x4D_5347: self = .message
        case 0x41_434B: self = .acknowledge
        case 0x5049_4E47: self = .ping
        case 0x504F_4E47: self = .pong
        case 0x47_4150: self = .gap
        case 0x48_454C_4C4F: self = .hello
        case 0x57_454C_434F_4D45: self = .welcome
        case 0x4155_5448: self = .authenticate
        case 0x44_5241_494E: self = .drain
        case 0x42_5945: self = .bye
        case 0x45_5252_4F52: self = .error
        default: return nil
        }
    }

    /// How many bytes the keyword has.
    var count: Int { self.rawValue.utf8.count }
}
