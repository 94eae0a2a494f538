import GaplessClient
import GaplessServer
import Synchronization
import Testing

/// What users write against the SDKs compiles with one import each, and does what it says.
@Suite(.timeLimit(.minutes(10))) struct UserTests {
    @Test func aServiceAndItsClientTalk() async throws {
        let told = Mutex<[String]>([])
        try await TestingUse.run(
            ServerUse.authenticator,
            ServerUse.configuration(),
            prepare: { ServerUse.prepare($0) { line in told.withLock { $0.append(line) } } },
            { url, server in
                let sent = try await ServerUse.send(server)
                #expect(sent == #"[1, 1, 2, 3, 6] ["4", "5"] true"#)
                let client = try ClientUse.client(url)
                let running = Task { try await client.run() }
                let read = try await ClientUse.read(client, messages: 6)
                #expect(read.first == "attached alice 100 true")
                #expect(read.filter { $0.first?.isNumber ?? false }.map { $0.prefix(3) } == ["1 o", "2 [", "3 [", "4 [", "5 s", "6 e"])
                #expect(try await ClientUse.send(client) == [])
                running.cancel()
                try? await running.value
                let looked = try await ServerUse.look(server)
                #expect(looked.hasSuffix(" true 1 1 refused true"))
            }
        )
        #expect(told.withLock { $0 }.contains { $0.hasPrefix("message alice ") })
    }
}
