#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The terminal of standard input and output: a screen of its own, and keys one by one without an echo.
///
/// Whoever enters leaves, on every way out: a terminal that is left as it is here is of no use to anybody.
final class Terminal {
    private let ink: Ink
    /// How it was found; nil when standard input is no terminal, and there are no keys.
    private let original: termios?
    private var shown: [ScreenLine] = []
    private var isEntered = false

    /// Looks at the terminal and changes nothing.
    init(_ ink: Ink) {
        self.ink = ink
        var settings = termios()
        self.original = tcgetattr(STDIN_FILENO, &settings) == 0 ? settings : nil
    }

    /// Whether keys can be read.
    var hasKeys: Bool { self.original != nil }

    /// Columns and lines; 80 and 24 when it does not tell.
    var size: (width: Int, height: Int) {
        var window = winsize()
        let isTold = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0 && window.ws_col > 0 && window.ws_row > 0
        return isTold ? (Int(window.ws_col), Int(window.ws_row)) : (80, 24)
    }

    /// Takes the terminal: its second screen without a cursor, keys as they come. Again after somebody else had it.
    func enter() {
        if var settings = self.original {
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
            settings.c_iflag &= ~tcflag_t(IXON | ICRNL | INLCR | IGNCR)
            tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        }
        self.shown = []
        self.isEntered = true
        self.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
    }

    /// Gives it back as it was.
    func leave() {
        guard self.isEntered else { return }
        self.isEntered = false
        self.write("\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
        // What was typed and not read is not for the shell.
        if var settings = self.original { tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
    }

    /// Shows lines, writing only those that are new; false when the terminal is gone.
    @discardableResult
    func show(_ lines: [ScreenLine]) -> Bool {
        var text = ""
        if lines.count != self.shown.count {
            text += "\u{1B}[2J"
            self.shown = []
        }
        for (place, line) in lines.enumerated() where place >= self.shown.count || self.shown[place] != line {
            text += "\u{1B}[\(place + 1);1H\u{1B}[2K\(line.painted(self.ink))"
        }
        self.shown = lines
        return text.isEmpty || self.write(text)
    }

    /// Draws everything at the next `show`.
    func forget() {
        self.shown = []
        self.write("\u{1B}[2J")
    }

    /// Gives the terminal back, stops this process as the terminal would on ^Z, and goes on when somebody continues it.
    func suspend() {
        self.leave()
        SuspendSignal.stopProcess()
        self.enter()
    }

    @discardableResult
    private func write(_ text: String) -> Bool {
        writeAll(Array(text.utf8), to: STDOUT_FILENO)
    }
}
