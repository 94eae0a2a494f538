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

    /// The keyword whose letters are `packed`; nil when it is none of this version.
    @inline(__always)
    init?(packed: UInt64) {
        switch packed {
        case Packed.message: self = .message
        case Packed.acknowledge: self = .acknowledge
        case Packed.ping: self = .ping
        case Packed.pong: self = .pong
        case Packed.gap: self = .gap
        case Packed.hello: self = .hello
        case Packed.welcome: self = .welcome
        case Packed.authenticate: self = .authenticate
        case Packed.drain: self = .drain
        case Packed.bye: self = .bye
        case Packed.error: self = .error
        default: return nil
        }
    }

    /// The letters, the last one in the lowest byte.
    @inline(__always)
    var packed: UInt64 {
        switch self {
        case .message: Packed.message
        case .acknowledge: Packed.acknowledge
        case .ping: Packed.ping
        case .pong: Packed.pong
        case .gap: Packed.gap
        case .hello: Packed.hello
        case .welcome: Packed.welcome
        case .authenticate: Packed.authenticate
        case .drain: Packed.drain
        case .bye: Packed.bye
        case .error: Packed.error
        }
    }

    /// How many bytes the keyword has.
    @inline(__always)
    var count: Int { (UInt64.bitWidth - self.packed.leadingZeroBitCount + 7) / 8 }

    /// Keywords as integers, so that a frame is told by one comparison.
    private enum Packed {
        static var message: UInt64 { 0x4D_5347 }
        static var acknowledge: UInt64 { 0x41_434B }
        static var ping: UInt64 { 0x5049_4E47 }
        static var pong: UInt64 { 0x504F_4E47 }
        static var gap: UInt64 { 0x47_4150 }
        static var hello: UInt64 { 0x48_454C_4C4F }
        static var welcome: UInt64 { 0x57_454C_434F_4D45 }
        static var authenticate: UInt64 { 0x4155_5448 }
        static var drain: UInt64 { 0x44_5241_494E }
        static var bye: UInt64 { 0x42_5945 }
        static var error: UInt64 { 0x45_5252_4F52 }
    }
}
