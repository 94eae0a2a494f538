import GaplessClient
import GaplessCore
import Testing

/// Messages on their way to the application, over connections that break.
@Suite struct DownlinkTests {
    @Test("Messages come in order and are acknowledged [R6.3-5] [R6.3-6]")
    func messagesComeInOrder() async throws {
        let server = try await FakeServer.start()
        let error = try await withClient(.test(server)) { client in
            let (connection, hello) = try await server.greeted()
            #expect(hello.client?.description == "alice/phone")
            #expect(hello.position == nil)
            #expect(hello.attempt == .first)
            connection.send(try .welcome(resume: .new, head: 3), .message(1), .message(2), .message(3))
            for number in 1...3 { #expect(try await client.text() == "message \(number)") }
            try await connection.acknowledged(through: 3)
        }
        #expect(error == nil)
        try await server.stop()
    }
}
