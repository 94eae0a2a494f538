import GaplessCore
import GaplessStore
import Testing

@testable import GaplessServer

@Suite struct ClientTokensTests {
    private let now = Timestamp(milliseconds: 1_767_225_600_000)
    private let old = TokenKey(id: "k1", secret: Array(repeating: 1, count: 32), created: Timestamp(milliseconds: 0))
    private let new = TokenKey(id: "k2", secret: Array(repeating: 2, count: 32), created: Timestamp(milliseconds: 1))

    private func client() -> ClientID {
        var random = SystemRandomNumberGenerator()
        return ClientTokens.makeName(using: &random)
    }

    @Test func aTokenProvesItsClientAndNoOther() {
        // [R9.2-3]
        let tokens = ClientTokens(keys: [self.new, self.old])
        let (client, other) = (self.client(), self.client())
        let token = tokens.token(for: client, now: self.now)
        #expect(token.hasPrefix("1.k2.1767225600."))
        #expect(tokens.verify(token, for: client))
        #expect(!tokens.verify(token, for: other))
    }

    @Test func theLongestTokenHasTheRoomThatWelcomeKeepsForIt() {
        let key = TokenKey(id: "k\(UInt64.max)", secret: Array(repeating: 1, count: 32), created: Timestamp(milliseconds: 0))
        let longest = ClientTokens(keys: [key]).token(for: self.client(), now: Timestamp(milliseconds: Limits.maxInteger))
        #expect(longest.utf8.count <= Limits.maxClientTokenBytes)
        #expect(JSONWriter.encodedBytes(of: longest) == longest.utf8.count + 2)
    }

    @Test func twoKeysAreValidAndTheNewestMakesTokens() {
        let client = self.client()
        let token = ClientTokens(keys: [self.old]).token(for: client, now: self.now)
        #expect(ClientTokens(keys: [self.new, self.old]).verify(token, for: client))
        #expect(!ClientTokens(keys: [self.new]).verify(token, for: client))
    }

    @Test func aTokenThatIsChangedAnywhereIsRefused() {
        let tokens = ClientTokens(keys: [self.new, self.old])
        let client = self.client()
        let token = tokens.token(for: client, now: self.now)
        for index in token.indices {
            var changed = token
            changed.replaceSubrange(index...index, with: token[index] == "A" ? "B" : "A")
            #expect(!tokens.verify(changed, for: client), "\(changed)")
        }
        for wrong in ["", ".", "...", token + ".", "2" + token.dropFirst(), String(token.dropLast()), token + "A"] {
            #expect(!tokens.verify(wrong, for: client), "\(wrong)")
        }
    }

    @Test func namesAreClientsAndNeverTheSame() {
        let names = (0..<1_000).map { _ in self.client() }
        #expect(Set(names).count == 1_000)
        #expect(names.allSatisfy { $0.device == nil && $0.description.utf8.count == 22 })
    }
}
