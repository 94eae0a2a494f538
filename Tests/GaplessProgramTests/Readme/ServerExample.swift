import GaplessServer
import Logging
import ServiceLifecycle
import UnixSignals

func serve() async throws {
    let server = try GaplessServer(store: .sqlite(path: "gapless.db"), authenticator: .none)
    server.onMessage { message, session in
        session.send("You said: \(message.text ?? "something in bytes")")  // committed together with the message's mark
    }
    let group = ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm], logger: Logger(label: "example"))
    async let running: Void = group.run()
    let receipt = try await server.send("Good morning", to: "alice/phone")  // durable when it returns
    print("alice's phone gets it as number \(receipt.deliveries[0].sequence.map(\.description) ?? "?")")
    try await running
}
