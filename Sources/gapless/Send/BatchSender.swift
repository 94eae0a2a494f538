import Foundation
import NIOCore
import NIOHTTP1

/// Sends batches in order and exactly once: the same batch under the same idempotency key until some node says that it is committed.
struct BatchSender {
    private var client: AdminClient
    private let giveUpAfter: Duration
    private let run = UUID().uuidString.lowercased()
    private var batches: UInt64 = 0
    private var sent = 0
    private var requests = 0
    private var retries = 0
    private var waits = 0

    /// The pauses between tries, with full jitter below these bounds.
    private static let firstPause: Duration = .milliseconds(50)
    private static let longestPause: Duration = .seconds(2)

    /// The longest time for which a batch may be tried: nodes forget a key after an hour, and would store the batch anew.
    static let longestGiveUp: Duration = .seconds(3_000)

    /// Sends through `client`; a batch of which nothing is accepted for `giveUpAfter` fails.
    init(client: AdminClient, giveUpAfter: Duration) {
        self.client = client
        self.giveUpAfter = giveUpAfter
    }

    /// What was done so far, as one line of JSON.
    var summary: String {
        "{\"sent\":\(self.sent),\"requests\":\(self.requests),\"retries\":\(self.retries),\"waits\":\(self.waits)}"
    }

    /// Sends the lines and returns when all are committed.
    ///
    /// - Throws: `ProgramError` when a line is refused for good, or when no node accepted anything for too long.
    mutating func send(_ lines: [MessageLine]) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        var rest = try lines.map { try encoder.encode($0) }[...]
        var pause = Self.firstPause
        var deadline = ContinuousClock.now + self.giveUpAfter
        var key = self.nextKey()
        while !rest.isEmpty {
            let reason: String
            switch try await self.attempt(rest, key: key) {
            case .accepted(let count):
                self.sent += count
                rest = rest.dropFirst(count)
                key = self.nextKey()
                pause = Self.firstPause
                deadline = ContinuousClock.now + self.giveUpAfter
                continue
            case .full(let count, let complaint):
                self.sent += count
                self.waits += 1
                rest = rest.dropFirst(count)
                key = self.nextKey()
                if count > 0 { deadline = ContinuousClock.now + self.giveUpAfter }
                reason = complaint
            case .unsettled(let complaint):
                self.retries += 1
                self.client.turn()
                reason = complaint
            case .refused(let count, let complaint):
                self.sent += count
                throw ProgramError(.wrongInput, complaint)
            }
            try await Task.sleep(for: pause * Double.random(in: 0...1))
            pause = min(pause * 2, Self.longestPause)
            // Behind the pause, so that a key is not used again by a machine that slept for longer than nodes know it.
            guard ContinuousClock.now < deadline else { throw ProgramError(.tryAgain, "gave up: \(reason)") }
        }
    }

    private mutating func nextKey() -> String {
        self.batches += 1
        return "\(self.run)-\(self.batches)"
    }

    private mutating func attempt(_ lines: ArraySlice<Data>, key: String) async throws -> BatchAnswer {
        var body = ByteBuffer()
        for line in lines {
            body.writeBytes(line)
            body.writeInteger(UInt8(ascii: "\n"))
        }
        self.requests += 1
        let answer: AdminClient.Answer
        do {
            answer = try await self.client.askOnce(
                .POST,
                "/v1/messages",
                headers: [("Content-Type", "application/x-ndjson"), ("Idempotency-Key", key)],
                body: body
            )
        } catch let error as ProgramError {
            throw error
        } catch {
            return .unsettled(reason: "\(self.client.currentAddress) does not answer (\(error))")
        }
        guard answer.status == .ok else {
            if answer.status.code >= 500 || answer.status == .tooManyRequests { return .unsettled(reason: answer.complaint) }
            try answer.requireSuccess()
            throw ProgramError(.unreachable, answer.complaint)  // No node answers so.
        }
        return BatchAnswer(answer.body.readableBytesView, of: lines.count)
    }
}
