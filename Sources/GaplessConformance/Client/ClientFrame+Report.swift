import GaplessCore

extension ClientFrame: ReportedFrame {
    var acknowledged: UInt64? { if case .acknowledge(let through) = self { through.rawValue } else { nil } }
    var answeredPing: UInt64? { if case .pong(let number) = self { number } else { nil } }

    /// Whether the frame is a mere sign of life.
    var isLiveness: Bool {
        switch self {
        case .ping, .pong: true
        default: false
        }
    }

    var told: String {
        switch self {
        case .hello(let hello): "HELLO with attempt \(hello.attempt)"
        case .message(let number, let payload): "MSG \(number) \(payload.bytes.told)"
        case .acknowledge(let through): "ACK \(through)"
        case .ping(let number): "PING \(number)"
        case .pong(let number): "PONG \(number)"
        case .authenticate: "AUTH"
        case .bye: "BYE"
        }
    }
}
