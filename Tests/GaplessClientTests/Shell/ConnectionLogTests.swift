import GaplessCore
import Logging
import NIOCore
import Synchronization
import Testing

@testable import GaplessClient

/// What a client logs of each connection, whatever its application is told of its state.
@Suite struct ConnectionLogTests {
    /// Keeps the lines about connections.
    private final class Recorder: Sendable {
        private let lines = Mutex<[String]>([])

        /// The lines since the last call: what happened, then id, role, code, who closed it, generation and node, as far as they are said.
        func take() -> [String] {
            self.lines.withLock { lines in
                defer { lines = [] }
                return lines
            }
        }

        func put(_ event: LogEvent) {
            let name = "\(event.message)"
            guard name.hasPrefix("Connection ") else { return }
            #expect(event.level == .debug)
            let keys = ["connection.id", "connection.role", "code", "closed.by", "generation", "node"]
            let words = keys.compactMap { key in event.metadata?[key].map { "\($0)" } }
            self.lines.withLock { $0.append(([String(name.dropFirst(11))] + words).joined(separator: " ")) }
        }
    }

    private struct Handler: LogHandler {
        let recorder: Recorder
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) { self.recorder.put(event) }
    }

    private let recorder = Recorder()

    /// A client that is attached by connection 1, whose lines are taken.
    private func attached() throws -> (rig: ShellRig, connection: RigConnection) {
        let recorder = self.recorder
        let rig = try ShellRig(logger: Logger(label: "test") { _ in Handler(recorder: recorder) })
        let connection = try rig.attach()
        #expect(self.recorder.take() == ["opens 1", "welcomed 1 opening 1 a"])
        return (rig, connection)
    }

    /// The same after `DRAIN`, with connection 2 welcomed.
    private func moved() throws -> (rig: ShellRig, first: RigConnection, second: RigConnection) {
        let (rig, first) = try self.attached()
        try first.send(.drain(Drain(within: .seconds(30), endpoints: nil)))
        let second = try rig.attach(.welcome(generation: 2))
        // The state is the same as before: the same node, by the same way.
        #expect(self.recorder.take() == ["opens 2", "welcomed 2 opening 2 a"])
        return (rig, first, second)
    }

    @Test func aMoveToANodeOfTheSameNameIsLogged() throws {
        let (rig, first, _) = try self.moved()
        try first.refuse(.superseded)
        #expect(self.recorder.take() == ["ended 1 older 4500 superseded server"])
        #expect(rig.state.map { if case .online = $0 { true } else { false } } == true)
    }

    @Test func aConnectionThatWasLeftOpenIsClosedByTheClient() throws {
        let (rig, _, _) = try self.moved()
        rig.advance(.seconds(5))
        #expect(self.recorder.take() == ["ended 1 older 1000 client"])
    }

    @Test func theEndOfTheOneThatIsInUseIsLoggedWithItsRole() throws {
        let (rig, _, second) = try self.moved()
        try second.refuse(.draining)
        #expect(self.recorder.take() == ["ended 2 newest 4000 draining server"])
        try rig.nextAttempt().fail()
        #expect(self.recorder.take() == ["opens 3", "could not be opened", "ended 3 opening - server"])
    }

    @Test("what ERROR says counts, whatever Close follows")
    func theCodeOfErrorCounts() throws {
        let (_, connection) = try self.attached()
        try connection.send(.error(ErrorFrame(code: .draining, message: "No.")))
        try connection.close(1_000)
        #expect(self.recorder.take() == ["ended 1 newest 4000 draining server"])
    }

    @Test func aConnectionThatTheClientGivesUpIsLogged() throws {
        let (rig, _) = try self.attached()
        rig.ask { $0.leave(.impatient) }
        #expect(self.recorder.take() == ["ended 1 newest 1000 client"])
    }
}
