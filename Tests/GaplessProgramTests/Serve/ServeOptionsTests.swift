import ArgumentParser
import Foundation
import GaplessServer
import Testing

@testable import gapless

/// Options of `gapless serve`, and what they become.
@Suite struct ServeOptionsTests {
    private static func configuration(_ arguments: [String]) async throws -> ServerConfiguration {
        try await ServeSettings(try ServeOptions.parse(arguments), environment: [:]).configuration()
    }

    @Test func eachOptionIsASettingOfTheFile() throws {
        let options = ServeOptions.helpMessage(columns: 200).matches(of: #/\n +--([a-z-]+) </#).map { String($0.output.1) }
        #expect(options.count > 30)
        #expect(Set(options).subtracting(["config"]) == ServeOptions.names)
        let lists: Set<String> = ["allow-origin", "endpoint"]
        for name in options where !lists.contains(name) && name != "config" {
            #expect(try ServeOptions.parse(["--\(name)", "x"]).given == [name: "x"])
        }
    }

    @Test func thresholdsAndPacesAreSetAndSwitchedOff() async throws {
        let set = try await Self.configuration([
            "--attaches-per-second", "50", "--warm-up", "5s", "--max-connections-per-address", "7", "--ready-max-connections", "60",
            "--ready-max-loop-lag", "40ms", "--ready-max-commit-time", "3s", "--ready-max-memory", "70", "--ready-min-free-disk", "1000",
        ])
        #expect(set.attachesPerSecond == 50 && set.warmUp == .seconds(5) && set.maxConnectionsPerAddress == 7)
        #expect(set.readiness.maxConnections == 60 && set.readiness.maxMemory == 70 && set.readiness.minFreeDisk == 1_000)
        #expect(set.readiness.maxLoopLag == .milliseconds(40) && set.readiness.maxCommitTime == .seconds(3))
        let names = [
            "attaches-per-second", "max-connections-per-address", "ready-max-connections", "ready-max-loop-lag", "ready-max-commit-time",
            "ready-max-memory", "ready-min-free-disk", "new-queues-per-second",
        ]
        let off = try await Self.configuration(names.flatMap { ["--\($0)", "none"] })
        #expect(off.attachesPerSecond == nil && off.maxConnectionsPerAddress == nil && off.newQueuesPerSecond == nil)
        #expect(off.readiness == .none)
        for name in names {
            await #expect(throws: ProgramError.self) { try await Self.configuration(["--\(name)", "many"]) }
        }
    }
}
