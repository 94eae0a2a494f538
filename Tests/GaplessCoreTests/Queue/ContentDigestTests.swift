import GaplessCore
import NIOCore
import Testing

@Suite struct ContentDigestTests {
    private func append(
        _ text: String = "pay",
        to clients: [String] = ["alice"],
        existingOnly: Bool = false,
        timeToLive: Duration? = nil,
        key: String? = nil
    ) -> AppendOperation {
        AppendOperation(
            recipients: .clients(clients.map { Named.client($0) }, existingOnly: existingOnly),
            payload: Payload(text: text),
            timeToLive: timeToLive,
            idempotencyKey: key.flatMap { IdempotencyKey($0) }
        )
    }

    @Test func theSameContentHasTheSameDigestInEveryProcess() {
        // Stored beside keys: a change of the function would turn repetitions into conflicts during a deploy.
        let digest = ContentDigest(of: self.append())
        #expect(digest == ContentDigest(of: self.append(timeToLive: .seconds(1), key: "k")))
        #expect(String(digest.high, radix: 16) == "bcce86835d630399")
        #expect(String(digest.low, radix: 16) == "29ffa08e50bf45a9")
    }

    @Test func everyDifferenceOfContentShows() {
        var appends = [
            self.append(), self.append("pay "), self.append(""), self.append("pay\u{0}"), self.append(to: ["alice/pay"]),
            self.append(to: ["alice", "bob"]), self.append(to: ["bob", "alice"]), self.append(existingOnly: true), self.append(to: []),
            AppendOperation(recipients: .user(Named.client("alice").user), payload: Payload(text: "pay")),
            AppendOperation(recipients: self.append().recipients, payload: Payload(binary: ByteBuffer(string: "pay"))),
        ]
        for count in 0..<40 { appends.append(self.append(String(repeating: "\u{0}", count: count + 1))) }
        let single = appends.map { ContentDigest(of: $0) }
        let sequences = appends.map { ContentDigest(of: AppendSequenceOperation(appends: [$0])) }
        let pairs = appends.map { ContentDigest(of: AppendSequenceOperation(appends: [$0, $0])) }
        #expect(Set(single + sequences + pairs).count == appends.count * 3)
    }

    @Test func whereOnePartEndsAndTheNextBeginsShows() {
        let left = AppendSequenceOperation(appends: [self.append("ab"), self.append("c")])
        let right = AppendSequenceOperation(appends: [self.append("a"), self.append("bc")])
        #expect(ContentDigest(of: left) != ContentDigest(of: right))
    }
}
