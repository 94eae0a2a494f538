import Foundation
import Testing

@testable import GaplessServer

/// JSON files with settings and secrets: read strictly, and never quoted in an error.
@Suite struct SettingsFileTests {
    private struct Content: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable { case name, items, inner }
        let name: String
        let items: [Int]
        let inner: Inner?

        init(from decoder: any Decoder) throws {
            let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
            self.name = try container.decode(String.self, forKey: .name)
            self.items = try container.decode([Int].self, forKey: .items)
            self.inner = try container.decodeIfPresent(Inner.self, forKey: .inner)
        }
    }

    private struct Inner: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable { case secret }
        let secret: String

        init(from decoder: any Decoder) throws {
            self.secret = try decoder.strictContainer(keyedBy: CodingKeys.self).decode(String.self, forKey: .secret)
        }
    }

    @Test func aFileIsRead() throws {
        let file = try TemporaryFile(#"{"name":"a","items":[1,2],"inner":{"secret":"hush"}}"#)
        let content = try SettingsFile.read(file.path, as: Content.self)
        #expect(content.name == "a" && content.items == [1, 2] && content.inner?.secret == "hush")
    }

    @Test(arguments: [
        ("", "not well-formed"), ("{", "not well-formed"), ("[]", "wrong type"), (#""x""#, "wrong type"),
        (#"{"items":[]}"#, "name is missing"), (#"{"name":"a"}"#, "items is missing"), (#"{"name":null,"items":[]}"#, "name is null"),
        (#"{"name":7,"items":[]}"#, "name has the wrong type"), (#"{"name":"a","items":[1,"hush"]}"#, "items[1] has the wrong type"),
        (#"{"name":"a","items":[],"nmae":"hush"}"#, "nmae: The field is not known"),
        (#"{"name":"a","items":[],"inner":{}}"#, "inner.secret is missing"),
        (#"{"name":"a","items":[],"inner":{"secret":"hush","other":"hush"}}"#, "inner.other: The field is not known"),
    ])
    func whatIsWrongIsToldByItsPlaceAndNotByItsValue(_ text: String, _ sentence: String) throws {
        let file = try TemporaryFile(text)
        let error = #expect(throws: ConfigurationError.self) { try SettingsFile.read(file.path, as: Content.self) }
        #expect(error?.setting == file.path)
        #expect(error?.message.contains(sentence) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("hush") == false)
    }

    @Test func aFileThatIsNotThereIsToldSo() {
        for path in ["/nonexistent/settings.json", "/"] {
            let error = #expect(throws: ConfigurationError.self) { try SettingsFile.read(path, as: Content.self) }
            #expect(error?.message == "The file cannot be read.")
        }
    }

    @Test func aFileIsBounded() throws {
        let file = try TemporaryFile(String(repeating: " ", count: SettingsFile.maxBytes + 1))
        let error = #expect(throws: ConfigurationError.self) { try SettingsFile.read(file.path, as: Content.self) }
        #expect(error?.message.contains("larger than 16777216 bytes") == true)
    }
}
