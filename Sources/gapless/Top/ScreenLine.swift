/// A line of a screen: pieces of text in styles. Every character in it takes one column.
struct ScreenLine: Hashable, Sendable {
    /// A piece in one style.
    struct Span: Hashable, Sendable {
        var text: String
        let style: TextStyle
    }

    private(set) var spans: [Span] = []
    /// How many columns it takes.
    private(set) var width = 0

    /// An empty line.
    init() {}

    /// A line of one piece.
    init(_ text: String, _ style: TextStyle = .plain) {
        self.append(text, style)
    }

    /// Adds a piece. What is not printable ASCII becomes a question mark: nobody knows how wide it is.
    mutating func append(_ text: String, _ style: TextStyle = .plain) {
        guard !text.isEmpty else { return }
        let clean = String(text.map { (" "..."~").contains($0) ? $0 : "?" })
        self.spans.append(Span(text: clean, style: style))
        self.width += clean.count
    }

    /// Adds spaces up to a width.
    mutating func pad(to width: Int, _ style: TextStyle = .plain) {
        self.append(String(repeating: " ", count: max(0, width - self.width)), style)
    }

    /// The line without what is beyond a width, where a tilde stands for it.
    func cut(to width: Int) -> ScreenLine {
        guard self.width > width else { return self }
        var line = ScreenLine()
        for span in self.spans {
            line.append(String(span.text.prefix(max(0, width - 1 - line.width))), span.style)
        }
        if width > 0 { line.append("~") }
        return line
    }

    /// The line in one style.
    func styled(_ style: TextStyle) -> ScreenLine {
        ScreenLine(self.text, style)
    }

    /// The text without styles.
    var text: String { self.spans.map(\.text).joined() }

    /// The text as a terminal takes it.
    func painted(_ ink: Ink) -> String {
        self.spans.map { ink.paint($0.text, $0.style) }.joined()
    }
}
