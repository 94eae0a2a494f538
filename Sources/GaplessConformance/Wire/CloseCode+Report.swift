import GaplessCore

extension CloseCode {
    /// The code as a report writes it.
    static func told(_ code: UInt16?) -> String {
        code.map { CloseCode(rawValue: $0).description } ?? "no code"
    }
}
