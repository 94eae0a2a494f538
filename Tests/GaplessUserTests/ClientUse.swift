import GaplessClient

/// A client as a user writes it, with no other import: that it compiles is the test. This target sees nothing that is not public.
enum ClientUse {
    static func client(_ url: String) throws -> GaplessClient {
        var configuration = ClientConfiguration(endpoints: [url], client: "alice/phone")
        configuration.token = .provider { "secret" }
        configuration.window = Window(messages: 4, bytes: 65_536)
        configuration.keep = .seconds(60)
        configuration.acknowledgement = .explicit
        configuration.state = .memory
        return try GaplessClient(configuration)
    }

    /// Reads events until so many messages came; tells what they were.
    static func read(_ client: GaplessClient, messages count: Int) async throws -> [String] {
        var told: [String] = []
        var last: Timestamp?
        for try await event in client.events {
            switch event {
            case .message(let message):
                let wait = last.map { $0.duration(to: message.time) } ?? .zero
                last = message.time.advanced(by: .zero)
                told.append(
                    "\(message.sequence.rawValue) \(message.text ?? "\(message.bytes)") \(wait >= .zero) \(message.payload.kind == .text)"
                )
                message.acknowledge()
            case .gap(let gap):
                told.append("gap \(gap.range.first)-\(gap.range.last) \(gap.reason == GapReason.expired) \(gap.epoch)")
                gap.acknowledge()
            case .reset(let reason): told.append("reset \(reason)")
            case .uplinkMayRepeat(let tickets): told.append("\(tickets.sorted().count) may repeat")
            case .state(let state):
                if case .online(let attachment) = state {
                    told.append(
                        "attached \(attachment.client.user) \(attachment.retention.maxMessages) \(attachment.retention.onOverflow == .rejectNew)"
                    )
                }
            @unknown default: break
            }
            if told.filter({ $0.first?.isNumber ?? false }).count == count { break }
        }
        return told
    }

    static func send(_ client: GaplessClient) async throws -> [String] {
        do {
            try await client.send("hello")
            try await client.send(bytes: [1, 2, 3])
            let ticket = try await client.enqueue(Payload(text: "later"))
            try await ticket.confirmed()
            return []
        } catch let error as SendError where error.code == .tooLarge {
            return [error.message]
        }
    }
}
