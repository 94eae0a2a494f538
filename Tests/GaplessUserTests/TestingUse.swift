import GaplessTesting

/// A test of a service as a user writes it: what the service needs comes with the test kit.
enum TestingUse {
    static func run(
        _ authenticator: Authentication,
        _ configuration: ServerConfiguration,
        prepare: (GaplessServer) -> Void,
        _ body: @Sendable (_ url: String, _ server: GaplessServer) async throws -> Void
    ) async throws {
        let clock = ManualClock(Timestamp(milliseconds: 1_767_225_600_000).advanced(by: .seconds(1)))
        let store = try TemporaryStore()
        try await TestServer.run(
            store: store.configuration,
            authenticator: authenticator,
            configuration: configuration,
            clock: clock,
            prepare: prepare
        ) { server in
            clock.advance(by: .seconds(1))
            try await body(server.url, server.server)
        }
    }
}
