import GaplessClient
import GaplessTesting
import Logging
import Testing

@testable import gapless

/// What `gapless crowd --times` says of connections. It hears that in the log of real clients, whose words these tests hold on to.
@Suite struct CrowdLogTests {
    private let welcomes = CrowdLog.Welcomes()

    /// Runs a client and gives its lines without the times, up to the first that begins with `last`.
    private func lines(of url: String, through last: String) async throws -> [String] {
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let logger = Logger(label: "test") { _ in CrowdLog(client: "alice/phone", welcomes: self.welcomes) { line.yield($0) } }
        let client = try GaplessClient(ClientConfiguration(endpoints: [url], client: "alice/phone"), logger: logger)
        return await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await client.run() }
            var heard: [String] = []
            for await line in lines {
                var words = line.split(separator: " ").map(String.init)
                #expect(1_700_000_000_000_000_000 < (Int(words.remove(at: 1)) ?? 0), "\(line)")
                heard.append(words.joined(separator: " "))
                if line.hasPrefix(last) { break }
            }
            tasks.cancelAll()
            return heard
        }
    }

    @Test func aWelcomeIsTold() async throws {
        try await TestServer.run { server in
            let lines = try await self.lines(of: server.url, through: "welcome")
            #expect(lines.first == "connecting alice/phone")
            #expect(lines.last?.hasPrefix("welcome alice/phone 1 ") == true)
            #expect(lines.last?.split(separator: " ").count == 4)
            #expect(self.welcomes.count == 1)
        }
    }

    @Test func aClientWithoutAConnectionIsTold() async throws {
        // Nobody may listen on port 1 of a machine that runs tests.
        let lines = try await self.lines(of: "ws://127.0.0.1:1/gapless", through: "offline")
        #expect(lines == ["connecting alice/phone", "offline alice/phone lost -"])
        #expect(self.welcomes.count == 0)
    }

    @Test func warningsAreToldAndSmallTalkIsNot() async {
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let logger = Logger(label: "test") { _ in CrowdLog(client: "alice/phone", welcomes: self.welcomes) { line.yield($0) } }
        logger.debug("Connection broke")
        logger.warning("Server broke the protocol")
        line.finish()
        var heard: [String] = []
        for await line in lines { heard.append(line) }
        #expect(heard.count == 1)
        #expect(heard.first?.hasPrefix("warning ") == true)
        #expect(heard.first?.hasSuffix(" alice/phone Server broke the protocol") == true)
    }
}
