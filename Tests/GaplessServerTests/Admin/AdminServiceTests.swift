import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@testable import GaplessServer

/// The end of the HTTP API: asked for, or a loss that the server has to hear of.
@Suite(.timeLimit(.minutes(10))) struct AdminServiceTests {
    private struct Failure: Error {}

    /// Listens or not, and then fails, ends or goes on until it is ended.
    private struct Listener: Service {
        enum End {
            case failure, silence, shutdown
        }

        let listens: Bool
        let end: End
        let listening: @Sendable (ListenAddress) async -> Void

        func run() async throws {
            if self.listens { await self.listening(ListenAddress(host: "127.0.0.1", port: 1)) }
            switch self.end {
            case .failure: throw Failure()
            case .silence: return
            case .shutdown: try? await gracefulShutdown()
            }
        }
    }

    private func service(listens: Bool = true, _ end: Listener.End) -> AdminService {
        AdminService(ListenAddress(host: "127.0.0.1", port: 1), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { _ in
        } service: {
            Listener(listens: listens, end: end, listening: $0)
        }
    }

    @Test(arguments: [true, false]) func anEndThatNobodyAskedForIsALoss(fails: Bool) async throws {
        #expect(try await self.service(fails ? .failure : .silence).run() != nil)
    }

    @Test func whatFailsBeforeItListensIsAFailureOfTheStart() async throws {
        await #expect(throws: (any Error).self) { _ = try await self.service(listens: false, .failure).run() }
    }

    @Test func theEndThatWasAskedForIsNone() async throws {
        let service = self.service(.shutdown)
        async let loss = service.run()
        await service.end(within: .seconds(60), on: MultiThreadedEventLoopGroup.singleton.any())
        #expect(try await loss == nil)
    }
}
