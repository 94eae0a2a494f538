import Foundation

/// How a piece of text stands out on a terminal.
enum TextStyle: Hashable, Sendable {
    case plain
    case strong
    case faint
    case good
    case warning
    case bad
    /// The row that keys work on.
    case chosen

    /// What ECMA-48 §8.3.117 calls it; empty for plain text.
    fileprivate var rendition: String {
        switch self {
        case .plain: ""
        case .strong: "1"
        case .faint: "2"
        case .good: "32"
        case .warning: "33"
        case .bad: "1;31"
        case .chosen: "7"
        }
    }
}

/// Whether text is coloured: on a terminal only, and not where `NO_COLOR` says so.
struct Ink: Hashable, Sendable {
    private let isColoured: Bool

    /// Text as it is.
    static let none = Ink(isColoured: false)
    /// Text with colours.
    static let coloured = Ink(isColoured: true)

    /// What standard output takes.
    static var standardOutput: Ink {
        Ink(isTerminal: StandardOutput.isTerminal, environment: ProcessInfo.processInfo.environment)
    }

    /// What fits a terminal, or something else, in an environment.
    init(isTerminal: Bool, environment: [String: String]) {
        let isRefused = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        self.init(isColoured: isTerminal && !isRefused)
    }

    private init(isColoured: Bool) {
        self.isColoured = isColoured
    }

    /// The text in a style.
    func paint(_ text: String, _ style: TextStyle) -> String {
        guard self.isColoured, style != .plain, !text.isEmpty else { return text }
        return "\u{1B}[\(style.rendition)m\(text)\u{1B}[0m"
    }
}
