import Testing

@Suite("Vectors of the client's side")
struct ClientVectorTests {
    @Test("the session does what the vectors say", arguments: Vector.of(kind: "client"))
    func play(vector: Vector) throws {
        try ClientVectorRun.run(vector)
    }

    @Test("every expectation of a vector of the client's side bites")
    func variants() {
        VectorVariants.expectDeath(kind: "client", of: ClientVectorRun.variants, running: ClientVectorRun.run)
    }
}
