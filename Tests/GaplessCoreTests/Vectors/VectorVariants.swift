import Testing

/// Proves that vectors bite: each of them with one expectation changed must fail.
enum VectorVariants {
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
