import GaplessCore
import Testing

@Suite("Names and ids")
struct NameTests {
    // [R3.6-1]
    @Test("A client is one part or two, of a small alphabet, and is never trimmed, folded or split to fit")
    func clients() throws {
        for text in ["alice", "alice/phone", "A", "...", "a/...", ".a", "a.", "a|b", "~@+:=-_.", "a/b"] {
            let client = try #require(ClientID(text), "\(text)")
            #expect(client.description == text)
            #expect(client == ClientID(user: client.user, device: client.device))
        }
        for text in [
            "", "/", "a/", "/a", "a//b", "a/b/c", ".", "..", "./a", "../a", "a/.", "a/..", " a", "a ", "a b", "a\n", "a\u{0}", "é",
            "e\u{301}", "a%2Fb", "ａ", "a,b",
        ] {
            #expect(ClientID(text) == nil, "\(text)")
        }
        #expect(ClientID("Alice") != ClientID("alice"))
    }

    @Test("Every byte of ASCII is allowed or not, as Protocol.md §3.6 lists")
    func alphabets() {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        for byte in 0..<128 as Range<UInt8> {
            let character = Character(Unicode.Scalar(byte))
            #expect((UserID("x\(character)") != nil) == (letters + "._~@+:=-|").contains(character), "\(byte)")
            #expect((EpochToken("x\(character)") != nil) == (letters + "._~-").contains(character), "\(byte)")
            #expect((InstanceID("x\(character)") != nil) == (letters + "._~-").contains(character), "\(byte)")
            #expect((OutboxID("x\(character)") != nil) == (letters + "._~-").contains(character), "\(byte)")
        }
    }

    @Test("A user is the part before the slash, a device the one behind it")
    func parts() throws {
        let client = try #require(ClientID("alice/phone"))
        #expect(client.user == UserID("alice"))
        #expect(client.device == UserID("phone"))
        #expect(ClientID("alice")?.device == nil)
        #expect(ClientID("alice")?.user == UserID("alice"))
        #expect(UserID("alice/phone") == nil)
    }

    // [R3.6-3]
    @Test("A drawn instance or outbox has 128 bits and is never drawn twice")
    func draws() {
        var luck = SeededLuck(7)
        let instances = (0..<100).map { _ in InstanceID(using: &luck).description }
        let outboxes = (0..<100).map { _ in OutboxID(using: &luck).description }
        #expect(Set(instances + outboxes).count == 200)
        for name in instances + outboxes {
            #expect(name.utf8.count == 32)
            #expect(InstanceID(name) != nil)
        }
    }

    @Test("An epoch is read from what it writes, and from nothing else", arguments: [0, 1, 0xFF, UInt64.max])
    func epochs(_ part: UInt64) throws {
        let epoch = Epoch(incarnation: Incarnation(rawValue: part), queue: ~part)
        #expect(epoch.description.utf8.count == 33)
        #expect(Epoch(epoch.token) == epoch)
        #expect(EpochToken(epoch.description) == epoch.token)
    }

    @Test("An epoch of another server is none of ours")
    func foreignEpochs() throws {
        let zeros = String(repeating: "0", count: 16)
        #expect(Epoch(Named.epoch("\(zeros).\(zeros)")) != nil)
        for text in [
            "7Qm2xV9c.1", "\(zeros)-\(zeros)", "\(zeros).\(zeros)0", "\(zeros)0.\(zeros)", "\(zeros)\(zeros)",
            "\(zeros).\(zeros.dropLast())A", "x",
        ] {
            #expect(Epoch(Named.epoch(text)) == nil, "\(text)")
        }
    }
}
