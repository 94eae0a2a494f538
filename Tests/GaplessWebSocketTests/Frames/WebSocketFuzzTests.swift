import NIOCore
import NIOEmbedded
import Testing

@testable import GaplessWebSocket

/// Bytes that nobody would send on purpose: whatever comes, nothing crashes and nothing grows.
@Suite struct WebSocketFuzzTests {
    /// Right frames of all kinds, one after the other.
    private static func stream(_ random: inout SeededGenerator, role: WebSocketRole) -> [UInt8] {
        let mask: [UInt8]? = role == .server ? exampleMask : nil
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let payload = (0..<Int.random(in: 0...150, using: &random)).map { _ in UInt8.random(in: 0x20...0x7E, using: &random) }
            switch Int.random(in: 0...4, using: &random) {
            case 0: bytes += rawFrame(0x1, payload, mask: mask)
            case 1: bytes += rawFrame(0x2, payload, isFinal: false, mask: mask) + rawFrame(0x0, payload, mask: mask)
            case 2: bytes += rawFrame(0x9, Array(payload.prefix(125)), mask: mask)
            case 3: bytes += rawFrame(0xA, mask: mask)
            default: bytes += rawClose(1000, "x", mask: mask)
            }
        }
        return bytes
    }

    /// Flips, cuts, repeats and inserts.
    private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            guard let index = bytes.indices.randomElement(using: &random) else { return }
            switch Int.random(in: 0...3, using: &random) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
            default: bytes[index] = [0x00, 0x7E, 0x7F, 0x80, 0xFE, 0xFF].randomElement(using: &random) ?? 0
            }
        }
    }

    @Test(arguments: [WebSocketRole.server, .client])
    func theDecoderHoldsItsBounds(_ role: WebSocketRole) {
        let seed: UInt64 = 41
        var random = SeededGenerator(seed: seed)
        var messages = 0
        var violations = 0
        for round in 0..<4_000 {
            var bytes = Self.stream(&random, role: role)
            if round % 4 != 0 { Self.mutate(&bytes, &random) }
            var decoder = WebSocketFrameDecoder(role: role, maxMessageBytes: 300, maxFragments: 3)
            if Int.random(in: 0...9, using: &random) == 0 { decoder.discardMessages() }
            var rest = bytes[...]
            do {
                while !rest.isEmpty {
                    let count = min(rest.count, Int.random(in: 1...100, using: &random))
                    decoder.append(ByteBuffer(bytes: rest.prefix(count)))
                    rest = rest.dropFirst(count)
                    while let event = try decoder.next() {
                        if case .message(_, let payload) = event {
                            messages += 1
                            #expect(payload.readableBytes <= 300, "seed \(seed), round \(round)")
                        }
                    }
                    _ = decoder.reclaimInput()
                    #expect(decoder.heldBytes <= 300 + 14 + 125, "seed \(seed), round \(round)")
                }
            } catch {
                violations += 1
                #expect(round % 4 != 0, "seed \(seed), round \(round): right frames are refused: \(error)")
            }
        }
        // Both ways are trodden.
        #expect(messages > 1_000)
        #expect(violations > 1_000)
    }

    @Test func aConnectionEndsInOneWayWhateverComes() throws {
        let seed: UInt64 = 42
        var random = SeededGenerator(seed: seed)
        for round in 0..<1_000 {
            let connection = try EmbeddedConnection(prepare: { delegate in
                delegate.onMessage = { connection, message in connection.send(.text, ByteBuffer(string: message)) }
            })
            var bytes = Self.stream(&random, role: .server)
            Self.mutate(&bytes, &random)
            var rest = bytes[...]
            while !rest.isEmpty, connection.isActive {
                let count = min(rest.count, Int.random(in: 1...100, using: &random))
                try connection.receive(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            connection.receiveEnd()
            connection.advance(.seconds(5))
            let calls = connection.delegate.essentials
            let endings = calls.filter { if case .closed = $0 { true } else { false } }
            #expect(endings.count == 1 && calls.last == endings.first, "seed \(seed), round \(round): \(calls)")
            #expect(!connection.isActive, "seed \(seed), round \(round)")
            let closes = try connection.sentFrames().enumerated().filter { if case .close = $0.element { true } else { false } }
            #expect(closes.count <= 1, "seed \(seed), round \(round)")
        }
    }

    @Test func theListenerAnswersOrEndsWhateverComes() throws {
        let seed: UInt64 = 43
        var random = SeededGenerator(seed: seed)
        let parts = [
            "GET", "POST", "HEAD", " ", "/", "/gapless", "/live", "?a=b", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n\r\n", "\n", "Host: a",
            "Host:", ":",
            "Upgrade: websocket", "Connection: Upgrade", "Connection: close", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: gapless.v1",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Content-Length: 5", "Content-Length: -1", "Transfer-Encoding: chunked", "\0",
            "é", "\t",
        ]
        for round in 0..<1_000 {
            let delegate = RecordingDelegate()
            let server = try EmbeddedServer(delegate: delegate)
            var text = Array(round % 2 == 0 ? "" : (EmbeddedServer.upgrade + "\r\n"))
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let index = Int.random(in: 0...text.count, using: &random)
                text.insert(contentsOf: parts.randomElement(using: &random) ?? "", at: index)
            }
            try server.receive(String(text), rawText("hi"))
            server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            server.advance(.seconds(100))
            #expect(!server.channel.isActive, "seed \(seed), round \(round)")
            let isPaired = delegate.calls.isEmpty || delegate.calls.first == .opened && delegate.closure != nil
            #expect(isPaired, "seed \(seed), round \(round): \(delegate.calls)")
        }
    }
}
