import Foundation
import GaplessServer
import Testing

@Suite struct TokenFileTests {
    private func file(_ content: String) throws -> TemporaryFile {
        try TemporaryFile(content)
    }

    private func credentials(_ token: String?) -> Credentials {
        Credentials(token: token)
    }

    @Test func aTokenProvesItsUserAndEveryDevice() async throws {
        let file = try file(#"{"tokens":[{"token":"3mNqv0Zb1rXk8LqC","user":"alice"},{"token":"another token of it","user":"bob"}]}"#)
        let tokens = try TokenFile(path: file.path)
        let alice = try #require(UserID("alice"))
        #expect(try await tokens.authenticate(self.credentials("3mNqv0Zb1rXk8LqC")) == Identity(user: alice))
        let header = Credentials(authorization: "Bearer 3mNqv0Zb1rXk8LqC")
        #expect(try await tokens.authenticate(header) == Identity(user: alice))
    }

    @Test func aDigestStandsForItsToken() async throws {
        let file = try self.file(#"{"tokens":[{"sha256":"\#(Digest.hexadecimal("a long enough token"))","user":"bob","device":"phone"}]}"#)
        let identity = try await TokenFile(path: file.path).authenticate(self.credentials("a long enough token"))
        #expect(identity == Identity(user: try #require(UserID("bob")), device: .exactly(UserID("phone"))))
    }

    @Test(arguments: ["", "3mNqv0Zb1rXk8LqD", "3mNqv0Zb1rXk8Lq", "3mNqv0Zb1rXk8LqC "])
    func anotherTokenIsRefused(_ token: String) async throws {
        // [R9.1-4]
        let file = try file(#"{"tokens":[{"token":"3mNqv0Zb1rXk8LqC","user":"alice"}]}"#)
        let tokens = try TokenFile(path: file.path)
        await #expect(throws: AuthenticationError.self) { try await tokens.authenticate(self.credentials(token)) }
    }

    @Test func noTokenIsRefused() async throws {
        let file = try file(#"{"tokens":[{"token":"3mNqv0Zb1rXk8LqC","user":"alice"}]}"#)
        let tokens = try TokenFile(path: file.path)
        await #expect(throws: AuthenticationError(.refused, "A token is needed.")) { try await tokens.authenticate(Credentials()) }
    }

    @Test(arguments: [
        ("", "not well-formed"),
        ("[]", "wrong type"),
        (#"{"tokens":[]}"#, "no token"),
        (#"{"tokens":[{"token":"3mNqv0Zb1rXk8LqC"}]}"#, "tokens[0].user is missing"),
        (#"{"tokens":[{"token":"3mNqv0Zb1rXk8LqC","user":"al/ice"}]}"#, "allowed characters"),
        (#"{"tokens":[{"token":"3mNqv0Zb1rXk8LqC","user":"alice","device":"a b"}]}"#, "allowed characters"),
        (#"{"tokens":[{"token":"3mNqv0Zb1rXk8LqC","user":"alice","devcie":"phone"}]}"#, "not known"),
        (#"{"tokens":[{"token":"short","user":"alice"}]}"#, "16 to 4096"),
        (#"{"tokens":[{"user":"alice"}]}"#, "one of them"),
        (#"{"tokens":[{"sha256":"12","user":"alice"}]}"#, "64 hexadecimal digits"),
        (#"{"tokens":[{"token":"3mNqv0Zb1rXk8LqC","user":"a"},{"token":"3mNqv0Zb1rXk8LqC","user":"b"}]}"#, "twice"),
    ])
    func aFileThatIsNotWellFormedIsRefusedWithASentence(_ content: String, _ sentence: String) throws {
        let file = try file(content)
        let error = #expect(throws: ConfigurationError.self) { try TokenFile(path: file.path) }
        #expect(error?.setting == file.path)
        #expect(error?.message.contains(sentence) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("3mNqv0Zb1rXk8LqC") == false)
    }

    @Test func aMissingFileIsRefused() {
        #expect(throws: ConfigurationError.self) { try TokenFile(path: "/nonexistent/tokens.json") }
    }
}
