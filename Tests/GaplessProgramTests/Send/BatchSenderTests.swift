import ArgumentParser
import GaplessCore
import GaplessServer
import GaplessTesting
import Testing

@testable import gapless

/// What `gapless send` does when a real node refuses a line in the middle of a batch.
@Suite(.serialized, .timeLimit(.minutes(10))) struct BatchSenderTests {
    /// How a run ended: its summary, and why it failed.
    private struct End {
        let summary: String
        let failure: ProgramError?
    }

    private static func send(_ texts: [String], to client: String, through server: TestServer) async throws -> End {
        let options = try AdminOptions.parse(["--admin", server.adminURL ?? ""])
        return try await AdminClient.with(options) { admin in
            var sender = BatchSender(client: admin, giveUpAfter: .seconds(60))
            do {
                try await sender.send(texts.map { MessageLine(Array($0.utf8), to: .client(client), timeToLive: nil) })
                return End(summary: sender.summary, failure: nil)
            } catch let error as ProgramError {
                return End(summary: sender.summary, failure: error)
            }
        }
    }

    @Test func aStoreThatFillsUpInsideABatchIsWaitedFor() async throws {
        let reader = try #require(ClientID("reader"))
        let other = try #require(ClientID("other"))
        var configuration = TestServer.configuration
        configuration.maxStoreBytes = 100
        try await TestServer.run(configuration: configuration) { server in
            try await server.server.send(String(repeating: "x", count: 70), to: .client(other))
            async let end = Self.send((1...5).map { String(repeating: "\($0)", count: 10) }, to: "reader", through: server)
            while try await server.server.queue(of: reader)?.depth != 3 { await Task.yield() }
            try await server.server.remove(other)
            let result = try await end
            #expect(result.failure == nil, "\(String(describing: result.failure))")
            #expect(result.summary.hasPrefix(#"{"sent":5,"#), "\(result.summary)")
            #expect(try await server.server.queue(of: reader)?.depth == 5)
        }
    }

    @Test func linesBeforeOneThatIsRefusedForGoodAreCounted() async throws {
        let reader = try #require(ClientID("reader"))
        var configuration = TestServer.configuration
        configuration.retention.maxBytes = 50
        try await TestServer.run(configuration: configuration) { server in
            let end = try await Self.send(["1", "2", String(repeating: "x", count: 60), "4"], to: "reader", through: server)
            #expect(end.failure?.kind == .wrongInput)
            #expect(end.failure?.description.hasPrefix("line 3 of the batch: ") == true, "\(String(describing: end.failure))")
            #expect(end.summary.hasPrefix(#"{"sent":2,"#), "\(end.summary)")
            #expect(try await server.server.queue(of: reader)?.depth == 2)
        }
    }
}
