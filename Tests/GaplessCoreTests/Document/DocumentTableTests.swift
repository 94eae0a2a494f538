import NIOCore
import Testing

@testable import GaplessCore

@Suite("The tables of Protocol.md are the code's")
struct DocumentTableTests {
    static let document = ProtocolDocument.shared

    // [R4.11-3]
    @Test("The frame table names the frames of each direction, and no others")
    func frames() {
        let rows = Self.document.table("4.0", "Frame", "Direction", "Kind", "Limit")
        let keywords = rows.map { Self.keyword($0) }
        #expect(Set(keywords) == Set(FrameKeyword.allCases.map(\.rawValue)))
        let up = Set(GoldenFrames.up.map { Self.keyword($0.testDescription) })
        let down = Set(GoldenFrames.down.map { Self.keyword($0.testDescription) })
        #expect(Set(rows.filter { ["up", "both"].contains(Self.direction($0)) }.map { Self.keyword($0) }) == up)
        #expect(Set(rows.filter { ["down", "both"].contains(Self.direction($0)) }.map { Self.keyword($0) }) == down)
        for row in rows { #expect(row[2] == (Self.keyword(row) == "MSG" ? "text or binary" : "text"), "\(row[0])") }
    }

    @Test("The limits of the frame table are the code's")
    func limits() {
        let last = SequenceRange(.max, through: .max)
        let longest: [String: Int] = [
            "ACK": ClientFrame.acknowledge(through: .max).encodedSize,
            "GAP": GapReason(String(repeating: "z", count: 32)).map { ServerFrame.gap(Gap(last, reason: $0)).encodedSize } ?? 0,
            "PING": ClientFrame.ping(Limits.maxInteger).encodedSize,
            "PONG": ClientFrame.pong(Limits.maxInteger).encodedSize,
            "BYE": ClientFrame.bye.encodedSize,
        ]
        for row in Self.document.table("4.0", "Frame", "Direction", "Kind", "Limit") {
            let expected =
                switch Self.keyword(row) {
                case "MSG": "`limits.message` bytes of payload"
                case "HELLO": "8,192 bytes of JSON"
                case "WELCOME", "AUTH", "DRAIN", "ERROR": "4,096 bytes of JSON"
                default: "\(longest[Self.keyword(row)] ?? 0) bytes, by its grammar"
                }
            #expect(row[3] == expected, "\(row[0])")
        }
        #expect(Limits.maxHelloBytes == 8_192 && Limits.maxJSONBytes == 4_096)
    }

    // [R11.1-1]
    @Test("The code table and the code have the same codes with the same names, both ways")
    func codes() throws {
        let rows = Self.document.table("11.1", "Code", "Name", "Range action")
        #expect(rows.map { "\($0[0]) \($0[1])" } == CloseCode.named.map { "\($0.code.rawValue) \($0.name)" })
        for (code, name) in CloseCode.named {
            #expect(code.name == name)
            #expect(code.description == "\(code.rawValue) \(name)")
        }
        #expect(CloseCode(rawValue: 4_999).name == nil)
        #expect(CloseCode(rawValue: 4_999).description == "4999")
    }

    @Test("The action of a code is the one of its range")
    func actions() throws {
        let actions = [
            40: "resume at once", 41: "resume after backoff", 42: "start without position", 43: "new token, then resume",
            45: "stop quietly",
        ]
        for row in Self.document.table("11.1", "Code", "Name", "Range action") {
            let code = try #require(Int(row[0]))
            let expected = code / 100 == 44 ? (code < 4_450 ? "stop, client at fault" : "stop, policy") : actions[code / 100]
            #expect(row[2] == expected, "\(row[0])")
        }
    }

    @Test("Every code that the examples and rules name exists")
    func codesInExamples() {
        for line in Self.document.lines("transcript") {
            guard let match = line.text.wholeMatch(of: /[CS]! close ([0-9]+)/), let code = UInt16(match.1), code >= 4_000 else { continue }
            #expect(CloseCode(rawValue: code).name != nil, "\(line.testDescription)")
        }
        for rule in Self.document.rules {
            // Neither sizes, nor ranges of codes, of which the table has the members.
            for match in rule.line.text.replacing(/4[0-9]{3}-4[0-9]{3}/, with: "").matches(of: /\b(4[0-9]{3})\b/) {
                guard let code = UInt16(match.1) else { continue }
                #expect(CloseCode(rawValue: code).name != nil, "\(rule.line.testDescription)")
            }
        }
    }

    @Test("The fields of HELLO, WELCOME and ERROR are those of the tables, in this order")
    func fields() throws {
        for (section, headings, text) in [
            ("4.1", ["Field", "Type", "Needed"], GoldenFrames.fullHelloText),
            ("4.2", ["Field", "Type", "Always"], GoldenFrames.fullWelcomeText),
            ("4.10", ["Field", "Type", "Always"], #"ERROR {"code":4000,"name":"","message":"","retryAfter":1,"jitter":1,"forget":true}"#),
        ] {
            let names = Self.document.table(section, headings[0], headings[1], headings[2]).map { $0[0].unquoted }
            let json = try #require(text.firstIndex(of: "{"))
            #expect(try JSONReader().readObject(ByteBuffer(substring: text[json...])).fields.map(\.name) == names, "\(section)")
        }
    }

    @Test("The table of gap reasons is the code's")
    func gapReasons() {
        let reasons: [GapReason] = [.expired, .overflow, .removed, .acknowledged]
        #expect(Self.document.table("4.5", "Reason").map { $0[0].unquoted } == reasons.map(\.description))
    }

    @Test("The defaults of what WELCOME tells are the code's")
    func welcomeDefaults() throws {
        let welcome = GoldenFrames.shortWelcome
        let json = try #require(GoldenFrames.shortWelcomeText.firstIndex(of: "{"))
        #expect(ServerFrame.welcome(welcome).encoded == Array(GoldenFrames.shortWelcomeText.utf8))
        let object = try JSONReader().readObject(ByteBuffer(substring: GoldenFrames.shortWelcomeText[json...]))
        let rows = Self.document.table("13.1", "Name in `WELCOME`", "Default", "Bounds")
        #expect(rows.count == 14)
        for row in rows {
            var value: JSONValue = .object(object)
            for name in row[0].unquoted.split(separator: ".") { value = value.object?[String(name)] ?? .null }
            #expect(value.integer.map(String.init) ?? value.string == row[1], "\(row[0])")
        }
        let message = try #require(rows.first { $0[0] == "`limits.message`" })
        #expect(message[2] == "1 to \(Limits.maxPayloadBytes) bytes")
    }

    @Test("The other times and counts are the code's")
    func otherDefaults() throws {
        let server = ServerSessionConfiguration(node: NodeIdentity(name: Named.node("a"), incarnation: 1))
        let node = NodeConfiguration(node: server.node)
        let pace = try #require(node.creations)
        let attaches = AttachPace.Limit()
        let start = attaches.first * 10 == attaches.perSecond ? "a tenth" : "\(attaches.first)"
        let policy = StorePolicy()
        let backoff = Backoff()
        let expected: [String: String] = [
            "hello deadline": "\(Self.text(server.helloDeadline)), a setting",
            "authentication grace, `within` in `AUTH`": "\(Self.text(server.authenticationGrace)), a setting",
            "time to move, `within` in `DRAIN`": "\(Self.text(DrainPlan().within)), a setting",
            "a draining node takes clients for / spreads its `DRAIN`s over":
                "\(Self.text(DrainPlan().wait)) / \(Self.text(DrainPlan().spread)), settings",
            "a client is moved by load no sooner than after / when the nodes have not changed for":
                "\(Self.text(RebalancePolicy().minAge)) / \(Self.text(RebalancePolicy().calm))",
            "nobody counts on a node to take clients that has given no sign for": Self.text(node.freshness),
            "wait for the peer's Close after `ERROR`": Self.text(server.closeTime),
            "slow consumer": "\(Self.text(server.slowConsumerTime)) without a byte taken",
            "outboxes remembered per client": "\(Limits.maxOutboxes), a setting",
            "queues that the clients of one address create":
                "\(Int(Duration.seconds(1) / pace.interval)) each second, \(pace.burst) at once, a setting",
            "clients per user": "\(policy.maxClientsPerUser), a setting",
            "a client is sent away for":
                "\(SendAwayOperation.hour.milliseconds / 3_600_000) h unless the operator says otherwise",
            "clients that attach to a node": "\(attaches.perSecond) each second, \(start) of that at its start, a setting",
            "connections of one address": "no bound, a setting",
            "a node's attachments count as alive after its last sign": Self.text(policy.nodeLifetime),
            "a queue that never had a message is kept after detach": Self.text(policy.emptyKeep),
            "acknowledge at the latest after": "1/8 of the window's messages or bytes, or \(Self.text(ClientTimes.acknowledgement))",
            "backoff": "\(Self.text(backoff.base)), doubled up to \(Self.text(backoff.cap)), full jitter",
            "a connection counts as healthy after": "\(Self.text(ClientTimes.healthy)) since `WELCOME`",
            "a second 4501 is believed within": "\(Self.text(ClientTimes.force)) since the last `force`",
            "failed resumes before a `HELLO` without position": "\(ClientTimes.failedResumes)",
            "lateness that asks for a probe / wait for its answer":
                "\(Self.text(Heartbeat.maxLateness)) / \(Self.text(Heartbeat.probeTime))",
        ]
        let rows = Self.document.table("13.2", "What", "Value", "Whose")
        #expect(rows.count == expected.count)
        for row in rows { #expect(row[1] == expected[row[0]], "\(row[0])") }
    }

    /// A duration as the document writes it.
    private static func text(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        if milliseconds % 1_000 == 0 { return "\(milliseconds / 1_000) s" }
        return milliseconds % 100 == 0 ? "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s" : "\(milliseconds) ms"
    }

    private static func keyword(_ row: [String]) -> String { Self.keyword(row[0].unquoted) }
    private static func keyword(_ frame: String) -> String { String(frame.prefix { $0 != " " }) }
    private static func direction(_ row: [String]) -> String { String(row[1].prefix { $0 != "," }) }
}
