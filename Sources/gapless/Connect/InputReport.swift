/// What `gapless connect` says of the lines of its standard input, for a program that feeds it and may have to feed it again.
enum InputReport {
    /// Nothing.
    case silent
    /// A line of JSON on standard error whenever more lines are safe.
    case taken

    /// The first `lines` lines are in the outbox, and in the state file, if there is one.
    func report(taken lines: Int) {
        switch self {
        case .silent: break
        case .taken: StandardError.write("{\"taken\":\(lines)}")
        }
    }
}
