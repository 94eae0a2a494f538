import GaplessClient
import GaplessTesting
import Logging
import Testing

@testable import gapless

/// What `gapless crowd --times` says of connections. It hears that in the log of real clients, whose words these tests hold on to.
@Suite(.timeLimit(.minutes(5))) struct CrowdLogTests {
    private let log = AsyncStream.makeStream(of: String.self)

    private var logger: Logger {
        let log = self.log.continuation
        return Logger(label: "test") { _ in CrowdLog(client: "alice/phone") { log.yield($0) } }
    }

    /// Runs a client and gives its lines without the times, up to the first that begins with `last`.
    private func lines(of url: String, through last: String) async throws -> [String] {
        let client = try GaplessClient(ClientConfiguration(endpoints: [url], client: "alice/phone"), logger: self.logger)
        return await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await client.run() }
            var (heard, before): ([String], Int) = ([], MonotonicClock.nanoseconds)
            for await line in self.log.stream {
                var words = line.split(separator: " ").map(String.init)
                let moment = Int(words.remove(at: 1)) ?? 0
                #expect(before <= moment && moment <= MonotonicClock.nanoseconds, "\(line)")
                before = moment
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
            #expect(lines.first == "opens alice/phone 1")
            #expect(lines.last?.hasPrefix("welcome alice/phone 1 opening 1 ") == true)
            #expect(lines.last?.split(separator: " ").count == 6)
        }
    }

    @Test func aClientWithoutAConnectionIsTold() async throws {
        // Nobody may listen on port 1 of a machine that runs tests.
        let lines = try await self.lines(of: "ws://127.0.0.1:1/gapless", through: "ended")
        #expect(lines == ["opens alice/phone 1", "ended alice/phone 1 opening - server"])
    }

    @Test func aCodeIsOneWord() async {
        self.logger.debug(
            "Connection ended",
            metadata: ["connection.id": "3", "connection.role": "newest", "code": "4000 draining", "closed.by": "server"]
        )
        self.logger.notice("Client stopped", metadata: ["code": "4450 forbidden"])
        #expect(await self.heard() == ["ended alice/phone 3 newest 4000 server", "stopped alice/phone 4450"])
    }

    @Test func warningsAreToldAndSmallTalkIsNot() async {
        self.logger.debug("Connection broke")
        self.logger.info("Client attached")
        self.logger.warning("Server broke the protocol")
        #expect(await self.heard() == ["warning alice/phone Server broke the protocol"])
    }

    /// All lines, without the times.
    private func heard() async -> [String] {
        self.log.continuation.finish()
        var heard: [String] = []
        for await line in self.log.stream {
            var words = line.split(separator: " ")
            words.remove(at: 1)
            heard.append(words.joined(separator: " "))
        }
        return heard
    }
}
