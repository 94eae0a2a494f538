import GaplessServer

/// A service as a user writes it, with no other import: that it compiles is the test. This target sees nothing that is not public.
enum ServerUse {
    static func configuration() -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.name = NodeName("a") ?? configuration.name
        configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
        configuration.admin = nil
        configuration.threads = 1
        configuration.moveTime = .milliseconds(500)
        configuration.newQueuesPerSecond = nil
        configuration.retention = RetentionPolicy(maxMessages: 100, maxAge: .seconds(60), onOverflow: .rejectNew)
        configuration.downlinkWindow = Window(messages: 8, bytes: UInt64(Limits.maxPayloadBytes))
        return configuration
    }

    static let authenticator = Authentication.custom { credentials in
        guard let client = credentials.client, credentials.bearer == "secret" else { throw AuthenticationError(.refused, "No.") }
        let end = Timestamp(milliseconds: 4_000_000_000_000).advanced(by: .seconds(3_600))
        return Identity(user: client.user, device: client.device == nil ? .any : .exactly(client.device), expires: end)
    }

    /// Gives a server its handler and hooks; `tell` hears what they saw.
    static func prepare(_ server: GaplessServer, tell: @escaping @Sendable (String) -> Void) {
        server.onMessage { message, session in
            guard message.sequence > .zero, message.client == session.client else { return }
            tell("message \(message.client.user) \(message.outbox) \(message.sequence.rawValue) \(message.payload.count)")
            switch message.payload.kind {
            case .text: session.send("echo \(message.text ?? "")", timeToLive: .seconds(30))
            case .binary: session.send(message.bytes.reversed(), timeToLive: .seconds(30))
            }
            session.send(message.payload.bytes, to: .user(message.client.user))
            session.send([1, 2, 3], to: .existing([message.client]))
            session.send(OutgoingMessage("seen", to: .clients([message.client]), timeToLive: .seconds(1), id: "\(message.outbox)-1"))
        }
        server.onFailure { message, error in error is SendError && message.sequence == .first ? .skip : .close }
        server.onAttached { tell("attached \($0.client) \($0.generation.rawValue) \($0.after == .zero) \($0.head >= $0.after)") }
        server.onDetached { tell("detached \($0.client) \($0.generation > .zero)") }
        server.onGap { tell("gap \($0.gap.range.first) \($0.gap.range.count) \($0.gap.reason == .overflow)") }
        server.onOverflow { tell("overflow \($0.discarded.last.next)") }
        server.onRemoved { tell("removed \($0.client) \($0.reason == .removed)") }
        server.onDelivered { tell("delivered \($0.through) \($0.epoch.incarnation)") }
    }

    static func send(_ server: GaplessServer) async throws -> String {
        guard let alice = UserID("alice") else { return "no name" }
        let client = ClientID(user: alice, device: UserID("phone"))
        let first = try await server.send("one", to: "alice/phone", timeToLive: .seconds(30), id: "k1")
        let again = try await server.send("one", to: .client(client), timeToLive: .seconds(30), id: "k1")
        let bytes = try await server.send([1, 2, 3], to: .user("alice"), id: "k2")
        let buffer = try await server.send(ByteBuffer(bytes: [4, 5]), to: .existing([client]))
        let payload = OutgoingMessage(Payload(binary: ByteBuffer(string: "six")), to: .client(client))
        let many = await server.send([payload, OutgoingMessage("seven", to: "alice/phone")])
        let ordered = try await server.send(inOrder: [OutgoingMessage("eight", to: "alice/phone")], id: "k3")
        let times = [first.time, again.time, bytes.time, buffer.time, ordered.stored[0].time].sorted()
        let span = times[0].duration(to: times[4].advanced(by: .milliseconds(5)))
        let numbers = [first, again, bytes, buffer, ordered.stored[0]].compactMap(\.sequence).map(\.rawValue)
        let results = many.map { result in
            switch result {
            case .success(let receipt): receipt.deliveries[0].sequence?.description ?? "-"
            case .failure(let error): error.code == .full ? "full" : error.message
            }
        }
        let isSame = first.deliveries[0].epoch == again.deliveries[0].epoch && again.isRepeat && span >= .milliseconds(5)
        return "\(numbers) \(results) \(isSame)"
    }

    static func look(_ server: GaplessServer) async throws -> String {
        guard let client = ClientID("alice/phone"), let queue = try await server.queue(of: client) else { return "none" }
        let age = queue.oldest.map { queue.created.duration(to: $0) >= .zero } ?? true
        let all = try await server.queues(of: client.user)
        let nodes = try await server.nodes()
        var refusal = ""
        do {
            try await server.send("x", to: .existing([ClientID(user: client.user, device: UserID("tablet"))]))
        } catch {
            refusal = error.code == .noSuchClient ? "refused" : error.message
        }
        let isRemoved = try await server.remove(client)
        return "\(queue.depth) \(queue.head) \(age) \(all.count) \(nodes.count) \(refusal) \(isRemoved)"
    }
}
