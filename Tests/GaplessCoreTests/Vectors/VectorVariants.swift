import Testing

/// Proves that vectors bite: each of them with one expectation changed must fail.
enum VectorVariants {
    /// Every vector that differs from this one in one leaf of one of these fields.
    static func of(_ vector: Vector, fields keys: [String]) -> [Vector] {
        guard case .object(let fields) = vector.body else { return [] }
        return keys.flatMap { key -> [Vector] in
            (fields[key]?.mutations ?? []).map { mutation in
                var fields = fields
                fields[key] = mutation
                return vector.with(body: .object(fields))
            }
        }
    }

    static func expectDeath(kind: String, of variants: (Vector) -> [Vector], running run: (Vector) throws -> Void) {
        let vectors = Vector.of(kind: kind)
        #expect(!vectors.isEmpty)
        for vector in vectors {
            let variants = variants(vector)
            #expect(!variants.isEmpty, "\(vector.testDescription) expects nothing")
            for variant in variants where (try? run(variant)) != nil {
                Issue.record("\(vector.testDescription) says the same of \(variant.body)")
            }
        }
    }
}
