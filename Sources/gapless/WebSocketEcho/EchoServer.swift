import GaplessServer
import GaplessWebSocket
import NIOCore
import NIOPosix
import UnixSignals

/// The server's side of `gapless websocket-echo`.
enum EchoServer {
    /// Serves until a signal asks to end, then closes all connections with 1001.
    ///
    /// - Throws: `ProgramError` when the port cannot be opened.
    static func run(on address: ListenAddress) async throws {
        let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
        let service = WebSocketService<WebSocketEcho>(
            handshake: ServerHandshake(path: "/", subprotocol: nil, origins: .any),
            connection: .echo,
            admit: { _, _ in .accept(WebSocketEcho()) }
        )
        let options = WebSocketListener.Options(host: address.host, port: address.port)
        let listener: WebSocketListener
        do {
            listener = try await WebSocketListener.bind(options, group: MultiThreadedEventLoopGroup.singleton, service: service).get()
        } catch {
            throw ProgramError(.unreachable, "cannot listen on \(address): \(error)")
        }
        try StandardOutput.write("{\"event\":\"ready\",\"listen\":\"\(ListenAddress(host: address.host, port: listener.port))\"}")
        for await _ in signals { break }
        try await listener.stopAccepting().get()
        listener.quiesce()
        try await listener.whenEmpty.get()
    }
}
