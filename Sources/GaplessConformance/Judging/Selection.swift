/// Which rules are to be judged: all, or those that were named, by their id or by their section.
package struct Selection: Hashable, Sendable {
    private let names: [String]

    /// Everything.
    package static let all = Selection([])

    /// `R5.3-2` stands for one rule, `R5.3` and `§5.3` for a section with what is below it.
    package init(_ names: [String]) {
        self.names = names.map { Self.place($0) }
    }

    /// Whether a check is wanted.
    package func includes(_ rule: String) -> Bool {
        let place = Self.place(rule)
        return self.names.isEmpty
            || self.names.contains { place == $0 || place.hasPrefix($0 + "-") || place.hasPrefix($0 + ".") }
    }

    /// The names that stand for none of the rules.
    package func unknown(among rules: [String]) -> [String] {
        self.names.filter { name in !rules.contains { Selection([name]).includes($0) } }
    }

    private static func place(_ name: String) -> String {
        name.hasPrefix("R") || name.hasPrefix("§") ? String(name.dropFirst()) : name
    }
}
