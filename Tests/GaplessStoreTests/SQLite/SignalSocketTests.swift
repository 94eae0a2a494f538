import Foundation
import GaplessCore
import GaplessStore
import Synchronization
import Testing

@testable import GaplessSQLite

@Suite struct SignalSocketTests {
    private let folder = TemporaryFolder()

    private func node(_ incarnation: UInt64) throws -> NodeIdentity {
        NodeIdentity(name: try #require(NodeName("a")), incarnation: incarnation)
    }

    @Test(.timeLimit(.minutes(10))) func aWakeUpReachesTheOtherProcess() async throws {
        let path = self.folder.file()
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self)
        let node = try self.node(1)
        let receiver = try SignalReceiver(storeAt: path, node: node) { wake.yield() }
        defer { receiver.stop() }
        try SignalSender(storeAt: path).wake([node])
        var iterator = wakes.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }

    @Test func nobodyThereIsNoFault() throws {
        try SignalSender(storeAt: self.folder.file()).wake([try self.node(7), try self.node(8)])
    }

    @Test func aStoppedReceiverLeavesNoSocket() throws {
        let path = self.folder.file()
        let receiver = try SignalReceiver(storeAt: path, node: try self.node(2)) {}
        let signals = try StorePath(path).signals
        #expect(try FileManager.default.contentsOfDirectory(atPath: signals) == ["0000000000000002.sock"])
        receiver.stop()
        receiver.stop()
        #expect(try FileManager.default.contentsOfDirectory(atPath: signals).isEmpty)
    }

    /// Tells when nobody holds it any more.
    private final class Witness: Sendable {
        private let gone: @Sendable () -> Void

        init(gone: @escaping @Sendable () -> Void) {
            self.gone = gone
        }

        deinit {
            self.gone()
        }
    }

    private func receiver(at path: String, with witness: Witness) throws -> SignalReceiver {
        try SignalReceiver(storeAt: path, node: try self.node(9)) { withExtendedLifetime(witness) {} }
    }

    @Test(.timeLimit(.minutes(10))) func aReceiverStopsThoughNobodyCanReachItsSocket() async throws {
        let path = self.folder.file()
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let receiver = try self.receiver(at: path, with: Witness { end.yield() })
        try FileManager.default.removeItem(atPath: try StorePath(path).signals)
        receiver.stop()
        // The thread alone holds what it calls.
        var iterator = ends.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }

    @Test func socketsOfTheDeadAreRemovedAndThoseOfTheLivingStay() throws {
        let path = self.folder.file()
        let alive = try SignalReceiver(storeAt: path, node: try self.node(3)) {}
        defer { alive.stop() }
        let signals = SignalFolder(try StorePath(path))
        do {
            let dead = try #require(DatagramSocket())
            try dead.bind(to: signals.socket(of: try self.node(4)))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: signals.path).count == 2)
        try SignalSender(storeAt: path).removeStaleSockets()
        #expect(try FileManager.default.contentsOfDirectory(atPath: signals.path) == ["0000000000000003.sock"])
    }

    @Test(.timeLimit(.minutes(10))) func aPathTooLongForASocketGetsAFolderOfItsOwn() async throws {
        let long = self.folder.path + "/" + String(repeating: "x", count: 100)
        try FileManager.default.createDirectory(atPath: long, withIntermediateDirectories: true)
        let path = long + "/gapless.db"
        let folder = SignalFolder(try StorePath(path))
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        #expect(folder.path.hasPrefix("/tmp/gapless-"))
        #expect(folder.socket(of: try self.node(.max)).utf8.count <= SignalFolder.maxPathBytes)
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self)
        let receiver = try SignalReceiver(storeAt: path, node: try self.node(5)) { wake.yield() }
        defer { receiver.stop() }
        try SignalSender(storeAt: path).wake([try self.node(5)])
        var iterator = wakes.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }

    @Test func theLongestPathBesideTheDatabaseFits() throws {
        for length in 1...120 {
            let path = try StorePath("/tmp/" + String(repeating: "x", count: length))
            let socket = SignalFolder(path).socket(of: try self.node(.max))
            #expect(socket.utf8.count <= SignalFolder.maxPathBytes)
        }
    }

    @Test func aFolderThatOthersCanEnterIsRefused() throws {
        let path = self.folder.file()
        let signals = try StorePath(path).signals
        try FileManager.default.createDirectory(atPath: signals, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o777])
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: signals)
        let error = #expect(throws: QueueStoreError.self) { try SignalReceiver(storeAt: path, node: try self.node(6)) {} }
        #expect(error?.code == .misconfigured)
    }
}
