import GaplessCore
import GaplessTesting
import Hummingbird
import NIOCore
import Testing

@testable import GaplessServer

/// The description of the HTTP API against its calls.
@Suite struct OpenAPITests {
    static let api = Self.api(key: "a key of many bytes")
    static let judge = SchemaJudge(document: Self.api.description)

    private static func api(key: String?) -> AdminAPI {
        let configuration = AdminConfiguration(listen: ListenAddress(host: "127.0.0.1", port: 0), key: key)
        return AdminAPI(backend: FakeBackend(), configuration: configuration, maxMessageBytes: 65_536)
    }

    /// The calls of the admin listener; those of the public one name a server of their own.
    private static var operations: [(call: String, operation: JSONObject)] {
        (Self.judge.document["paths"]?.object?.fields ?? []).flatMap { path -> [(String, JSONObject)] in
            guard let item = path.value.object, item["servers"] == nil else { return [] }
            return item.fields.map { ("\($0.name.uppercased()) \(path.name)", $0.value.object ?? [:]) }
        }
    }

    @Test func theRouterTheTableAndTheDescriptionHaveTheSameCalls() {
        let table = Self.api.routes.map { "\($0.method.rawValue) \($0.path)" }
        let routed = Self.api.makeRouter().routes.map { route in
            "\(route.method.rawValue) \(route.path)".replacing(#/:([a-z]+)/#) { "{\($0.output.1)}" }
        }
        #expect(table.count > 10 && Set(table).count == table.count)
        #expect(routed.sorted() == table.sorted())
        #expect(Self.operations.map(\.call).sorted() == table.sorted())
        #expect(Set(Self.api.routes.map(\.operation.id)).count == table.count)
    }

    @Test func everyErrorCodeHasAPlaceAndItsStatus() {
        var found: Set<String> = []
        for (call, operation) in Self.operations {
            for answer in operation["responses"]?.object?.fields ?? [] {
                let error = answer.value.object?["content"]?.object?["application/json"]?.object?["schema"]?.object?["properties"]?.object?[
                    "error"
                ]
                let codes = error?.object?["properties"]?.object?["code"]?.object?["enum"]?.array ?? []
                for code in codes.compactMap(\.string) {
                    found.insert(code)
                    #expect(AdminError.Code(rawValue: code).map { "\($0.status)" } == answer.name, "\(call) \(code)")
                }
                #expect(answer.name < "400" || !codes.isEmpty, "\(call) \(answer.name)")
            }
        }
        // A line that is skipped stands in an answer with 200; and what is not described cannot describe its answer.
        #expect(found.union(["skipped", "notFound"]) == Set(AdminError.Code.allCases.map(\.rawValue)))
        #expect(Self.judge.document["info"]?.object?["description"]?.string?.contains("404 and notFound") == true)
        let lines = Self.judge.schema("LineError")
        #expect(!Self.judge.faults(.object(["error": .string("x")]), lines).isEmpty)
        #expect(Self.judge.faults(.object(["error": .object(["code": .string("skipped"), "message": .string("")])]), lines).isEmpty)
    }

    @Test func whatThePublicListenerAnswersBesidesTheWebSocketIsDescribed() async throws {
        let paths = OpenAPIPublicPaths.all.fields.map(\.name)
        #expect(Set(["/live", "/ready"]).isSubset(of: paths))
        try await TestServer.run { server in
            for path in paths {
                // `RawHTTP` judges the answer.
                let answer = try await RawHTTP.call("GET", path, port: server.addresses.listen.port)
                #expect([200, 503].contains(answer.status), "\(path)")
            }
        }
    }

    @Test func theParametersOfAPathAreDescribed() {
        for (call, operation) in Self.operations {
            let named = Set(call.matches(of: #/\{([a-z]+)\}/#).map { String($0.output.1) })
            let described = (operation["parameters"]?.array ?? []).compactMap(\.object).filter { $0["in"] == .string("path") }
            #expect(Set(described.compactMap { $0["name"]?.string }) == named, "\(call)")
            #expect(described.allSatisfy { $0["required"] == .bool(true) }, "\(call)")
        }
    }

    @Test func everySchemaIsUsedAndEveryReferenceLeadsSomewhere() {
        let schemas = Self.judge.document["components"]?.object?["schemas"]?.object ?? [:]
        var references: Set<String> = []
        func walk(_ value: JSONValue) {
            switch value {
            case .object(let object):
                if let reference = object["$ref"]?.string { references.insert(reference) }
                object.fields.forEach { walk($0.value) }
            case .array(let values): values.forEach(walk)
            default: break
            }
        }
        walk(.object(Self.judge.document))
        #expect(references == Set(schemas.fields.map { "#/components/schemas/\($0.name)" }))
    }

    @Test func theKeyIsAskedForWhereThereIsOne() {
        let open = SchemaJudge(document: Self.api(key: nil).description)
        #expect(Self.judge.document["security"] == .array([.object(["key": .array([])])]))
        #expect(open.document["security"] == .array([.object([:])]))
        #expect(Self.judge.operation("GET", "/v1/nodes")?["responses"]?.object?["401"] != nil)
        #expect(open.operation("GET", "/v1/nodes")?["responses"]?.object?["401"] == nil)
    }

    @Test(arguments: [
        #"{"to":"alice/phone","text":"x"}"#, #"{"to":["a","b"],"json":null,"ttl":1}"#, #"{"user":"u","base64":"AA==","id":"k"}"#,
        #"{"to":"a","text":"","existingOnly":true}"#,
    ])
    func aMessageThatTheDescriptionAllowsIsTaken(_ text: String) throws {
        let faults = try self.messageFaults(text)
        #expect(faults == [])
        _ = try AdminMessage.parse(ByteBuffer(string: text)).operation(maxMessageBytes: 100)
    }

    @Test(arguments: [
        "{}", #"{"to":"a"}"#, #"{"text":"x"}"#, #"{"to":"a","user":"b","text":"x"}"#, #"{"to":"a","text":"x","json":1}"#,
        #"{"to":"a/b/c","text":"x"}"#, #"{"to":"..","text":"x"}"#, #"{"to":"a/.","text":"x"}"#, #"{"to":[],"text":"x"}"#,
        #"{"to":["a",7],"text":"x"}"#, #"{"to":"a","text":"x","ttl":0}"#, #"{"to":"a","text":"x","ttl":31536000001}"#,
        #"{"to":"a","text":"x","id":""}"#, #"{"to":"a","text":"x","more":1}"#, #"{"to":"é","text":"x"}"#,
    ])
    func aMessageThatTheDescriptionForbidsIsRefused(_ text: String) throws {
        let faults = try self.messageFaults(text)
        #expect(!faults.isEmpty)
        #expect(throws: (any Error).self) { try AdminMessage.parse(ByteBuffer(string: text)).operation(maxMessageBytes: 100) }
    }

    private func messageFaults(_ text: String) throws -> [String] {
        let value = try JSONReader(maxDepth: 8).readValue(ByteBuffer(string: text))
        return Self.judge.faults(value, Self.judge.schema("Message"), isComplete: false)
    }

    @Test func theJudgeFindsWhatIsWrongWithAnAnswer() {
        func faults(_ method: String, _ path: String, _ status: Int, _ type: String?, _ body: String) -> [String] {
            Self.judge.faults(method: method, path: path, status: status, type: type, body: body)
        }
        let node = #"{"name":"a","state":"serving","age":0}"#
        let json = "application/json"
        #expect(faults("GET", "/v1/nodes", 200, json, #"{"nodes":[\#(node)]}"# + "\n") == [])
        #expect(faults("GET", "/v1/nothing", 404, json, #"{"error":{"code":"notFound","message":""}}"#) == [])
        #expect(faults("DELETE", "/v1/clients/a%2Fb", 204, nil, "") == [])
        for (path, status, type, body) in [
            ("/v1/nodes", 200, "application/json", #"{"nodes":[]}"#), ("/v1/nodes", 200, "application/json", #"{"nodes":[{"name":"a"}]}"#),
            ("/v1/nodes", 200, "application/json", #"{"nodes":[\#(node)],"more":1}"#), ("/v1/nodes", 200, "text/plain", "x"),
            ("/v1/nodes", 201, "application/json", "{}"), ("/v1/nodes", 200, "application/json", #"{"nodes":["#),
            ("/v1/nodes", 404, "application/json", #"{"error":{"code":"noSuchNode","message":""}}"#),
            ("/v1/nodes", 503, "application/json", #"{"error":{"code":"full","message":""}}"#),
            ("/v1/nothing", 200, "application/json", "{}"), ("/v1/nothing", 404, "application/json", "{}"),
        ] {
            #expect(!faults("GET", path, status, type, body).isEmpty, "\(path) \(status) \(body)")
        }
    }
}
