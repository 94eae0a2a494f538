import Foundation
import GaplessClient
import Logging

/// The examples of the article on delivery.
struct ClientDelivery {
    func store(_ text: String) async throws {}

    // snippet: side by side
    func workSideBySide(_ client: GaplessClient) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for try await event in client.events {
                switch event {
                case .message(let message):
                    tasks.addTask {
                        try await store(message.text ?? "")
                        message.acknowledge()
                    }
                case .gap(let gap):
                    gap.acknowledge()
                default:
                    break
                }
            }
            try await tasks.waitForAll()
        }
    }
    // snippet end

    // snippet: bookmarks
    func append(to output: FileHandle, _ configuration: ClientConfiguration, logger: Logger) throws -> GaplessClient {
        try GaplessClient(configuration, logger: logger) { bookmark in
            if let bookmark { try output.truncate(atOffset: bookmark) }
            return try output.seekToEnd()
        }
    }

    func keep(_ message: GaplessClient.Message, in output: FileHandle) throws {
        try output.write(contentsOf: message.bytes + [0x0a])
        message.acknowledge(bookmark: try output.offset())
    }
    // snippet end
}
