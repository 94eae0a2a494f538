/// What steps of vectors for servers and for clients have in common.
enum VectorSteps {
    /// Plays one step after another; an error tells at which of them.
    static func play(_ steps: [VectorValue], _ play: (VectorValue) throws -> Void) throws {
        for (index, step) in steps.enumerated() {
            do {
                try play(step)
            } catch {
                throw VectorFailure("step \(index + 1) \(step): \(error)")
            }
        }
    }

    /// The one verb of a step.
    static func verb(of step: VectorValue, in verbs: Set<String>) throws -> String {
        let found = step.keys.filter { verbs.contains($0) }
        guard found.count == 1, let verb = found.first else { throw VectorFailure("a step has one verb, not \(found)") }
        return verb
    }

    /// Every vector that differs from this one in one leaf of one step that expects something.
    static func variants(of vector: Vector, expectations: Set<String>) -> [Vector] {
        guard case .object(let fields) = vector.body, case .array(let steps)? = fields["steps"] else { return [] }
        return steps.indices.flatMap { index -> [Vector] in
            guard steps[index].keys.contains(where: { expectations.contains($0) }) else { return [] }
            return self.mutations(of: steps[index]).map { mutation in
                var fields = fields
                var steps = steps
                steps[index] = mutation
                fields["steps"] = .array(steps)
                return vector.with(body: .object(fields))
            }
        }
    }

    private static func mutations(of step: VectorValue) -> [VectorValue] {
        guard case .object(let fields) = step else { return [] }
        return step.keys.flatMap { key -> [VectorValue] in
            guard let value = fields[key] else { return [] }
            return self.mutations(of: key, value).map { mutation in
                var fields = fields
                fields[key] = mutation
                return .object(fields)
            }
        }
    }

    private static func mutations(of key: String, _ value: VectorValue) -> [VectorValue] {
        switch (key, value) {
        // Bounds: another lowest value that no draw keeps, and another highest that no draw comes near.
        case ("within", .array(let bounds)):
            guard bounds.count == 2, case .int(let low) = bounds[0], case .int(let high) = bounds[1] else { return [] }
            return [.array([.int(high + 1), .int(3 * high + 1_000)]), .array([.int(low), .int(3 * high + 1_000)])]
        // What must be absent: the opposite cannot be said of an absent field.
        case ("without", _): return []
        // Whose queue is looked at is no expectation.
        case ("queue", _): return []
        default: return value.mutations
        }
    }
}

/// Values that a vector binds where they first come, under names that begin with `$`; two names never stand for the same value.
struct VectorVariables {
    private var values: [String: VectorValue] = [:]

    /// Compares, and binds what is not bound yet.
    mutating func match(_ expected: VectorValue, _ actual: VectorValue) throws {
        switch (expected, actual) {
        case (.object(let fields), .object(let others)):
            for key in expected.keys {
                guard let value = fields[key] else { continue }
                guard let other = others[key] else { throw VectorFailure("has no \(key): \(actual)") }
                try self.match(value, other)
            }
        case (.string(let name), _) where name.hasPrefix("$"):
            if let known = self.values[name] {
                guard known == actual else { throw VectorFailure("\(name) is \(known), not \(actual)") }
            } else {
                guard !self.values.values.contains(actual) else { throw VectorFailure("\(name) is not new: \(actual)") }
                self.values[name] = actual
            }
        default:
            guard expected == actual else { throw VectorFailure("is \(actual), not \(expected)") }
        }
    }

    /// The same with the values of names in their place.
    func substituted(_ value: VectorValue) -> VectorValue {
        switch value {
        case .string(let name): self.values[name] ?? value
        case .array(let items): .array(items.map { self.substituted($0) })
        case .object(let fields): .object(fields.mapValues { self.substituted($0) })
        case .null, .bool, .int: value
        }
    }
}
