import Foundation
import GaplessCore
import NIOCore
import Testing

@testable import GaplessClient

/// The promise itself, against a server that cuts connections in the middle of anything.
@Suite struct UnluckyServerTests {
    @Test("Nothing is lost, doubled or out of order, in either direction", arguments: UInt64(1)...4)
    func nothingIsLost(seed: UInt64) async throws {
        let server = try await ModelServer.start(seed: seed, window: Window(messages: 16, bytes: 1_000_000))
        var configuration = ClientConfiguration(endpoints: [server.url], client: "alice/phone")
        configuration.backoffBase = .milliseconds(1)
        configuration.backoffCap = .milliseconds(1)
        try await withClient(configuration) { client in
            async let sending: Void = {
                for number in 1...50 {
                    try await client.client.enqueue(contentsOf: (0..<10).map { Payload(text: "\(number)-\($0)") })
                    try await server.commit(20)
                }
                try await client.client.flush()
            }()
            for number in UInt64(1)...1_000 {
                let message = try await client.message()
                try #require(message.sequence == SequenceNumber(number), "seed \(seed)")
                #expect(message.text == "message \(number)")
            }
            try await sending
            // While the client runs it brings its ACK sooner or later; the one of a client that leaves may be cut off.
            while try await server.progress().floor < 1_000 { await Task.yield() }
        }
        let expected = (1...50).flatMap { number in (0..<10).map { "\(number)-\($0)" } }
        #expect(try await server.handled() == expected, "seed \(seed)")
        let (floor, cuts) = try await server.progress()
        #expect(floor == 1_000, "seed \(seed)")
        #expect(cuts > 5, "seed \(seed)")
        try await server.stop()
    }

    /// The state file is copied while the client works, as a kill would leave it, and the next client goes on from the copy: what the file
    /// says is never ahead of what was handled, and never behind what the server was told.
    @Test("A client that is killed at any moment goes on where its file says", arguments: UInt64(11)...13)
    func killedClients(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let server = try await ModelServer.start(seed: seed, window: Window(messages: 16, bytes: 1_000_000))
        var random = TestRandom(seed: seed)
        var lines: [UInt64] = []
        var path = folder.file("0")
        for life in 1...6 {
            var configuration = ClientConfiguration(endpoints: [server.url], client: "alice/phone")
            configuration.backoffBase = .milliseconds(1)
            configuration.backoffCap = .milliseconds(1)
            configuration.acknowledgement = .explicit
            configuration.leaveTimeout = .zero
            configuration.state = .file(path)
            let client = try GaplessClient(configuration, logger: .quiet) { bookmark in
                // What lies behind the bookmark was done for messages that come again.
                if let bookmark { lines.removeLast(lines.count - Int(bookmark)) } else { lines.removeAll() }
                return UInt64(lines.count)
            }
            let running = Task { try await client.run() }
            try await server.commit(100)
            try await client.enqueue(Payload(text: "life \(life)"))
            let last = life == 6 ? 600 : lines.count + Int.random(in: 1...100, using: &random)
            for try await event in client.events {
                guard case .message(let message) = event else { continue }
                lines.append(message.sequence.rawValue)
                message.acknowledgeThrough(bookmark: UInt64(lines.count))
                if lines.count >= last { break }
            }
            if life == 6 { try await client.flush() }
            // The kill: the server hears nothing more, and what is on the disk is all that the next life has.
            try await server.freeze(true)
            let copy = folder.file("\(life)")
            try FileManager.default.copyItem(atPath: path, toPath: copy)
            running.cancel()
            _ = await running.result
            path = copy
            try await server.freeze(false)
        }
        #expect(lines == Array(1...600), "seed \(seed)")
        #expect(try await server.handled() == (1...6).map { "life \($0)" }, "seed \(seed)")
        try await server.stop()
    }
}
