import Hummingbird
import Logging
import NIOPosix
import Testing

@testable import GaplessServer

@Suite struct AdminListenerTests {
    @Test func itTakesSoManyConnectionsAndNoMore() throws {
        let configuration = AdminConfiguration(listen: ListenAddress(host: "127.0.0.1", port: 0))
        let listener = AdminListener(
            api: AdminAPI(backend: FakeBackend(), configuration: configuration, maxMessageBytes: 65_536),
            configuration: configuration,
            maxConnections: 3,
            group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test")
        )
        var bound = try #require(listener.makeApplication { _ in }.configuration.availableConnectionsDelegate)
        for _ in 1...3 {
            #expect(bound.isAcceptingNewConnections())
            bound.connectionOpened()
        }
        #expect(!bound.isAcceptingNewConnections())
        bound.connectionClosed()
        #expect(bound.isAcceptingNewConnections())
    }
}
