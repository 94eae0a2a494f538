import GaplessClient
import Logging

func listen() async throws {
    var configuration = ClientConfiguration(endpoints: ["ws://a.example/gapless", "ws://b.example/gapless"], client: "alice/phone")
    configuration.state = .file("alice.state")  // goes on where it was, even after a crash
    let client = try GaplessClient(configuration, logger: Logger(label: "example"))
    async let running: Void = client.run()
    for try await event in client.events {
        switch event {
        case .message(let message): print(message.text ?? "")
        case .gap(let gap): print("messages \(gap.range) are gone: \(gap.reason)")
        case .reset: print("the numbering is new; fetch the state anew")
        default: break
        }
    }
    try await running
}
