extension Plan {
    /// The plan as Swift source, for a test that outlives every change of how plans are drawn.
    package var source: String {
        var lines = ["Plan(", "    seed: \(self.seed),", "    numbers: \(self.steps.map(\.number)),", "    steps: ["]
        lines += self.steps.map { "        (\($0.at), .\($0.step))," }
        lines += ["    ]", ") {"]
        lines += self.options.differences.map { name, value in "    $0.\(name) = \(value)" }
        lines.append("}")
        return lines.joined(separator: "\n")
    }
}

extension PlanOptions {
    /// What is not as in a calm world: names and values.
    fileprivate var differences: [(String, String)] {
        let calm = Mirror(reflecting: PlanOptions()).children.map { String(describing: $0.value) }
        return zip(Mirror(reflecting: self).children, calm).compactMap { child, calm in
            let value = String(describing: child.value)
            return value == calm ? nil : (child.label ?? "", value)
        }
    }
}
