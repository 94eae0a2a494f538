import GaplessCore
import NIOCore

extension ServerFrame: ReportedFrame {
    var acknowledged: UInt64? { if case .acknowledge(let through) = self { through.rawValue } else { nil } }
    var answeredPing: UInt64? { if case .pong(let number) = self { number } else { nil } }

    var told: String {
        switch self {
        case .welcome(let welcome): "WELCOME \(welcome.resume), after \(welcome.after), epoch \(welcome.epoch)"
        case .message(let message): "MSG \(message.sequence) … \(message.payload.bytes.told)"
        case .acknowledge(let through): "ACK \(through)"
        case .gap(let gap): "GAP \(gap.range.first) \(gap.range.last) \(gap.reason)"
        case .ping(let number): "PING \(number)"
        case .pong(let number): "PONG \(number)"
        case .authenticate(let within): "AUTH within \(within)"
        case .authenticated: "AUTH ok"
        case .drain(let drain): "DRAIN within \(drain.within)"
        case .error(let error): "ERROR \(error.code)"
        }
    }
}

extension ByteBuffer {
    /// The beginning of the bytes as text, for a report.
    var told: String {
        let text = String(decoding: self.readableBytesView.prefix(80), as: UTF8.self)
        return self.readableBytes > 80 ? text + "…" : text
    }

    /// The keyword that the bytes begin with.
    var keyword: String {
        String(decoding: self.readableBytesView.prefix { $0 != 0x20 }.prefix(16), as: UTF8.self)
    }
}
