import Foundation
import GaplessCore
import NIOCore
import Synchronization
import Testing

@testable import GaplessClient

/// A client that goes on where its predecessor was.
@Suite struct PersistentClientTests {
    private let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
    }

    private func configuration(_ server: FakeServer) -> ClientConfiguration {
        var configuration = ClientConfiguration.test(server)
        configuration.state = .file(self.folder.file("alice.state"))
        return configuration
    }

    /// What a process would find if this one were killed now.
    private func record() throws -> ClientRecord {
        try StateJournal.read(ByteBuffer(bytes: try self.folder.read("alice.state"))).record
    }

    @Test("[R5.5-1] [R4.1-7] a restarted client goes on as the same instance, with the next attempt, where it was")
    func restart() async throws {
        let server = try await FakeServer.start()
        var hellos: [Hello] = []
        for round in UInt64(0)..<3 {
            let error = try await withClient(self.configuration(server)) { client in
                let (connection, hello) = try await server.greeted()
                hellos.append(hello)
                connection.send(try .welcome(generation: round + 1, after: round, head: round + 1), .message(round + 1))
                #expect(try await client.text() == "message \(round + 1)")
            }
            #expect(error == nil)
        }
        #expect(hellos.map(\.instance) == Array(repeating: hellos[0].instance, count: 3))
        #expect(hellos.map(\.outbox) == Array(repeating: hellos[0].outbox, count: 3))
        #expect(hellos.map(\.attempt) == [Attempt(1), Attempt(2), Attempt(3)])
        #expect(hellos.map { $0.position?.handled.rawValue } == [nil, 1, 2])
        #expect(hellos.map { $0.held?.rawValue } == [nil, 1, 2])
        #expect(try self.folder.names() == ["alice.state"])
        try await server.stop()
    }

    @Test("[R4.1-7] [R6.3-2] [R7.1-2] attempt, position and number are on the disk before the server hears of them")
    func savedBeforeSaid() async throws {
        let server = try await FakeServer.start()
        try await withClient(self.configuration(server)) { client in
            let (connection, hello) = try await server.greeted()
            #expect(try self.record().identity.attempt == hello.attempt)
            #expect(try self.record().identity.instance == hello.instance)
            // A window of eight makes each message due at once.
            connection.send(try .welcome(head: 20, window: Window(messages: 8, bytes: 1_000_000)))
            for number in UInt64(1)...20 {
                connection.send(.message(number))
                try await connection.acknowledged(through: number)
                #expect(try #require(self.record().progress.position).handled >= SequenceNumber(number))
            }
            for number in UInt64(1)...5 {
                try await client.client.enqueue(Payload(text: "\(number)"))
                #expect(try self.record().outbox.messages.last == Payload(text: "\(number)"))
                #expect(try await connection.next() == .message(number, "\(number)"))
                #expect(try self.record().outbox.assigned >= SequenceNumber(number))
            }
        }
        try await server.stop()
    }

    @Test("[R7.1-2] [R7.1-3] what was not confirmed is sent by the next process, with the numbers it had, and what was confirmed is not")
    func outboxSurvives() async throws {
        let server = try await FakeServer.start()
        try await withClient(self.configuration(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(uplinkWindow: Window(messages: 2, bytes: 1_000)))
            let tickets = try await client.client.enqueue(contentsOf: (1...4).map { Payload(text: "\($0)") })
            #expect(try await connection.next() == .message(1, "1"))
            connection.send(.acknowledge(1))
            try await tickets[0].confirmed()
        }
        try await withClient(self.configuration(server)) { client in
            try await client.client.enqueue(Payload(text: "5"))
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(generation: 2, mark: 1))
            for number in UInt64(2)...5 { #expect(try await connection.next() == .message(number, "\(number)")) }
            connection.send(.acknowledge(5))
            try await client.client.flush()
        }
        #expect(try self.record().outbox.messages.isEmpty)
        try await server.stop()
    }

    @Test("The bookmark belongs to what is handled")
    func bookmarkIsSavedWithThePosition() async throws {
        let server = try await FakeServer.start()
        var configuration = self.configuration(server)
        configuration.acknowledgement = .explicit
        configuration.leaveTimeout = .milliseconds(100)
        #expect(try GaplessClient(configuration, logger: .quiet).bookmark == nil)
        try await withClient(configuration) { client in
            #expect(client.client.bookmark == nil)
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 4), .message(1), .message(2), .message(3), .message(4))
            var messages: [GaplessClient.Message] = []
            for _ in 1...4 { messages.append(try await client.message()) }
            messages[1].acknowledgeThrough(bookmark: 200)
            // 3 is not handled, so what belongs to 4 does not count yet.
            messages[3].acknowledge(bookmark: 400)
            try await connection.acknowledged(through: 2)
        }
        let client = try GaplessClient(configuration, logger: .quiet)
        #expect(client.bookmark == 200)
        try await server.stop()
    }

    @Test("The bookmark that the application wants to begin with is on the disk before anything is connected")
    func bookmarkToBeginWith() throws {
        struct Refusal: Error {}
        let configuration = ClientConfiguration(endpoints: ["ws://127.0.0.1:1"], client: "alice")
        var persistent = configuration
        persistent.state = .file(self.folder.file("alice.state"))
        #expect(throws: Refusal.self) { _ = try GaplessClient(persistent, logger: .quiet) { _ in throw Refusal() } }
        for round in UInt64(0)..<3 {
            var given: UInt64?
            let client = try GaplessClient(persistent, logger: .quiet) { bookmark in
                given = bookmark
                return round + 7
            }
            #expect(given == (round == 0 ? nil : round + 6))
            #expect(client.bookmark == round + 7)
            #expect(try self.record().progress.bookmark == round + 7)
        }
        #expect(try GaplessClient(configuration, logger: .quiet) { $0.map { $0 + 1 } ?? 3 }.bookmark == 3)
    }

    @Test("[R5.5-2] a state is used by one client at a time, and free when the client has ended")
    func oneClientAtATime() async throws {
        let server = try await FakeServer.start()
        let configuration = self.configuration(server)
        try await withClient(configuration) { _ in
            do {
                _ = try GaplessClient(configuration, logger: .quiet)
                Issue.record("it was opened twice")
            } catch let error as StateFileError {
                #expect(error.code == .locked)
            }
        }
        _ = try GaplessClient(configuration, logger: .quiet)
        _ = try GaplessClient(configuration, logger: .quiet)
        try await server.stop()
    }

    @Test("A state of another client is refused")
    func stateOfAnotherClient() async throws {
        let server = try await FakeServer.start()
        var configuration = self.configuration(server)
        _ = try GaplessClient(configuration, logger: .quiet)
        configuration.client = "bob"
        do {
            _ = try GaplessClient(configuration, logger: .quiet)
            Issue.record("it was adopted")
        } catch let error as StateFileError {
            #expect(error.code == .otherClient)
            #expect(error.description.contains("alice/phone"))
        }
        try await server.stop()
    }

    @Test("A damaged state is refused, and nothing is connected")
    func damagedState() async throws {
        let server = try await FakeServer.start()
        let configuration = self.configuration(server)
        _ = try GaplessClient(configuration, logger: .quiet)
        var bytes = try self.folder.read("alice.state")
        bytes[bytes.count / 2] ^= 0x20
        try self.folder.write(bytes, to: "alice.state")
        do {
            _ = try GaplessClient(configuration, logger: .quiet)
            Issue.record("it was started anew")
        } catch let error as StateFileError {
            #expect(error.code == .corrupt)
        }
        #expect(try self.folder.read("alice.state") == bytes)
        #expect(!server.hasUnexpectedConnection)
        try await server.stop()
    }

    @Test("A state that cannot be saved any more ends the client with an error")
    func stateThatCannotBeSaved() async throws {
        let server = try await FakeServer.start()
        let error = try await withClient(self.configuration(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            try await client.online()
            try FileManager.default.removeItem(atPath: self.folder.file("alice.state"))
        }
        #expect((error as? ClientError)?.code == .stateFile)
        #expect(((error as? ClientError)?.cause as? StateFileError)?.code == .replaced)
        try await server.stop()
    }

    /// A client whose disk can be filled.
    private func clientOnDisk(_ configuration: ClientConfiguration, isFullAt step: StateFile.Step, _ isFull: Switch) throws -> GaplessClient
    {
        try GaplessClient(configuration, logger: .quiet) { current throws(StateFileError) in
            if current == step, isFull.isOn { throw StateFileError(.full, path: "alice.state", "cannot be written: no room") }
        }
    }

    @Test(
        "[R6.3-2] on a full disk nothing is acknowledged that is not saved; with room again the client goes on",
        arguments: [
            StateFile.Step.appendRecord, .syncRecord,
        ]
    )
    func fullDiskDown(step: StateFile.Step) async throws {
        let server = try await FakeServer.start()
        let isFull = Switch()
        let error = try await withClient(try self.clientOnDisk(self.configuration(server), isFullAt: step, isFull)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 1, window: Window(messages: 8, bytes: 1_000_000)))
            try await client.online()
            // What came with the welcome is saved before the disk is full.
            try await client.client.flush()
            try await client.client.enqueue(Payload(text: "x"))
            #expect(try await connection.next() == .message(1, "x"))
            isFull.isOn = true
            connection.send(.message(1))
            #expect(try await connection.ended().code == 1000)
            #expect(connection.isSilent)
        }
        #expect((error as? ClientError)?.code == .stateFile)
        #expect(((error as? ClientError)?.cause as? StateFileError)?.code == .full)
        isFull.isOn = false
        try await withClient(try self.clientOnDisk(self.configuration(server), isFullAt: step, isFull)) { client in
            let (connection, hello) = try await server.greeted()
            // What could not be brought to the disk may be there all the same.
            let handled = try #require(hello.position?.handled.rawValue)
            #expect(handled <= (step == .appendRecord ? 0 : 1))
            connection.send(try .welcome(generation: 2, after: handled, head: 1, mark: 1))
            if handled == 0 {
                connection.send(.message(1))
                #expect(try await client.text() == "message 1")
                try await connection.acknowledged(through: 1)
            }
        }
        try await server.stop()
    }

    @Test("[R7.1-2] on a full disk no message is taken, and none is sent")
    func fullDiskUp() async throws {
        let server = try await FakeServer.start()
        let isFull = Switch()
        let error = try await withClient(try self.clientOnDisk(self.configuration(server), isFullAt: .appendRecord, isFull)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
            try await client.online()
            isFull.isOn = true
            await #expect(throws: SendError.self) { try await client.client.enqueue(Payload(text: "x")) }
            _ = try await connection.ended()
            #expect(connection.isSilent)
        }
        #expect(((error as? ClientError)?.cause as? StateFileError)?.code == .full)
        try await server.stop()
    }

    @Test("[R5.3-11] a state that went back gets a new instance and goes on")
    func stateThatWentBack() async throws {
        let server = try await FakeServer.start()
        let old: [UInt8]
        do {
            _ = try GaplessClient(self.configuration(server), logger: .quiet)
            old = try self.folder.read("alice.state")
        }
        try await withClient(self.configuration(server)) { _ in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome())
        }
        try self.folder.write(old, to: "alice.state")
        try await withClient(self.configuration(server)) { client in
            let (connection, hello) = try await server.greeted()
            #expect(hello.attempt == .first)
            connection.refuse(.superseded)
            let (second, again) = try await server.greeted()
            #expect(again.instance != hello.instance)
            second.send(try .welcome(generation: 2))
            try await client.online()
            #expect(try self.record().identity.instance == again.instance)
        }
        try await server.stop()
    }

    @Test("After the end of a session the file holds a client without a past")
    func endedSessionIsForgotten() async throws {
        let server = try await FakeServer.start()
        try await withClient(self.configuration(server)) { client in
            let (connection, _) = try await server.greeted()
            connection.send(try .welcome(head: 1), .message(1))
            _ = try await client.text()
            async let end: Void = client.client.end()
            while try await connection.next() != .bye {}
            connection.refuse(.ended)
            try await end
        }
        let record = try self.record()
        #expect(record.progress.position == nil)
        #expect(record.outbox.messages.isEmpty)
        #expect(record.identity.client?.description == "alice/phone")
        try await server.stop()
    }
}

/// Something that a test turns on and off.
private final class Switch: Sendable {
    private let state = Mutex(false)

    var isOn: Bool {
        get { self.state.withLock { $0 } }
        set { self.state.withLock { $0 = newValue } }
    }
}
