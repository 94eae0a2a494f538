import Testing

@Suite("Vectors of the server's side")
struct ServerVectorTests {
    @Test("session, node and store do what the vectors say", arguments: Vector.of(kind: "server"))
    func play(vector: Vector) throws {
        try ServerVectorRun.run(vector)
    }

    @Test("every expectation of a vector of the server's side bites")
    func variants() {
        VectorVariants.expectDeath(kind: "server", of: ServerVectorRun.variants, running: ServerVectorRun.run)
    }
}
