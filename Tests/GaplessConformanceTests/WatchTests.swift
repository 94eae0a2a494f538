import GaplessCore
import NIOCore
import Testing

@testable import GaplessConformance

/// Each law that is judged in passing: what keeps it and what breaks it.
@Suite("The watches of the conformance kit")
struct WatchTests {
    /// Plays frames of a server, with the kit's `ACK`s among them; the verdict on a rule.
    private func downlink(_ rule: String, _ frames: [String], window: Int = 256) throws -> Verdict {
        let book = ObservationBook()
        var watch = DownlinkWatch(book)
        var welcome: Welcome?
        var error: ErrorFrame?
        for text in frames {
            if text.hasPrefix("ours ACK ") {
                watch.acknowledged(try #require(UInt64(text.dropFirst(9))))
                continue
            }
            if text.hasPrefix("close ") {
                watch.closed(UInt16(text.dropFirst(6)), after: error)
                continue
            }
            let (kind, bytes): (PayloadKind, ByteBuffer) =
                text.hasPrefix("binary ") ? (.binary, ByteBuffer(string: String(text.dropFirst(7)))) : (.text, ByteBuffer(string: text))
            guard watch.comesInTime(bytes, welcome: welcome, error: error) else { continue }
            do {
                guard let frame = try ServerFrameDecoder().decode(kind, bytes) else {
                    watch.unknown(bytes)
                    continue
                }
                watch.readable(frame)
                if case .welcome(let came) = frame { welcome = came }
                if case .error(let came) = frame { error = came }
            } catch {
                try? watch.unreadable(kind, bytes, error)
            }
        }
        return book.verdict(on: rule)
    }

    private static func welcome(_ change: (inout WelcomeText) -> Void = { _ in }) -> String {
        var welcome = WelcomeText(resume: "new")
        change(&welcome)
        return welcome.frame(for: "alice")
    }

    private static let narrow = Self.welcome { $0.setWindow(down: (2, 10)) }
    private static let refusal = #"ERROR {"code":4400,"name":"malformed","message":"x"}"#

    private static let serverKeepers: [(rule: String, frames: [String])] = [
        ("R3.2-2", [Self.welcome(), "binary MSG 1 0 x"]), ("R3.3-1", [Self.welcome(), "PING 1"]),
        ("R3.7-1", [Self.refusal, "close 4400"]),
        ("R3.7-2", [Self.refusal, "close 4400"]), ("R4.0-4", ["PING 1", Self.welcome()]), ("R4.0-5", [Self.welcome()]),
        ("R4.2-1", [Self.welcome()]), ("R4.11-3", [Self.welcome()]),
        ("R6.1-1", [Self.welcome(), "MSG 1 0 x", "GAP 2 4 expired", "MSG 5 0 x"]),
        ("R6.1-1", [Self.welcome(), "MSG 1 0 x", "ours ACK 7", "MSG 8 0 x"]), ("R6.1-1", [Self.welcome(), "ours ACK 7", "MSG 1 0 x"]),
        ("R6.2-2", [Self.welcome(), "MSG 1 0 x", "GAP 2 2 expired"]), ("R6.4-1", [Self.narrow, "MSG 1 0 x", "MSG 2 0 x"]),
        ("R6.4-1", [Self.narrow, "MSG 1 0 x", "MSG 2 0 x", "ours ACK 1", "MSG 3 0 x"]),
        ("R6.4-2", [Self.narrow, "MSG 1 0 12345678901"]),
        ("R11.1-1", [Self.refusal]),
    ]

    @Test("a server that keeps the law passes", arguments: Self.serverKeepers)
    func serverKeeps(rule: String, frames: [String]) throws {
        #expect(try self.downlink(rule, frames) == .passed)
    }

    private static let serverBreakers: [(rule: String, frames: [String])] = [
        ("R3.2-2", [Self.welcome(), "binary PING 1"]), ("R3.3-1", [Self.welcome(), "PING x"]), ("R3.7-1", ["close 4400"]),
        ("R3.7-1", [Self.refusal, "close 4401"]), ("R3.7-1", [Self.refusal, "close 1000"]), ("R3.7-2", [Self.refusal, "PING 1"]),
        ("R4.0-4", ["ACK 1"]), ("R4.0-5", [Self.welcome(), Self.welcome()]), ("R4.2-1", [Self.welcome { $0["head"] = "" }]),
        ("R4.11-3", [Self.welcome(), "NOOP"]), ("R6.1-1", [Self.welcome(), "MSG 2 0 x"]),
        ("R6.1-1", [Self.welcome(), "MSG 1 0 x", "MSG 1 0 x"]),
        ("R6.1-1", [Self.welcome(), "GAP 2 3 expired"]), ("R6.2-2", [Self.welcome(), "MSG 1 0 x", "GAP 1 2 expired"]),
        ("R6.4-1", [Self.narrow, "MSG 1 0 x", "MSG 2 0 x", "MSG 3 0 x"]), ("R6.4-2", [Self.narrow, "MSG 1 0 123456", "MSG 2 0 12345"]),
        ("R11.1-1", [#"ERROR {"code":4400,"name":"bad","message":"x"}"#]),
        ("R11.1-1", [#"ERROR {"code":4444,"name":"x","message":"x"}"#]),
    ]

    @Test("a server that breaks the law fails", arguments: Self.serverBreakers)
    func serverBreaks(rule: String, frames: [String]) throws {
        guard case .failed = try self.downlink(rule, frames) else { return #expect(Bool(false), "\(rule) \(frames)") }
    }

    /// Plays frames of a client, with those of the kit among them, on one connection after the other; the verdict on a rule.
    private func uplink(_ rule: String, _ frames: [String]) throws -> Verdict {
        let history = ClientHistory(ObservationBook())
        var watch = UplinkWatch(history)
        for text in frames {
            if text == "--" {
                watch = UplinkWatch(history)
            } else if text.hasPrefix("ours ") {
                let bytes = ByteBuffer(string: String(text.dropFirst(5)))
                if let frame = try ServerFrameDecoder().decode(.text, bytes) { watch.sends(frame) }
            } else if text.hasPrefix("close ") {
                watch.closed(UInt16(text.dropFirst(6)), answersOurs: false)
            } else {
                let kind: PayloadKind = text.hasPrefix("binary ") ? .binary : .text
                let bytes = ByteBuffer(string: kind == .binary ? String(text.dropFirst(7)) : text)
                do {
                    watch.readable(try ClientFrameDecoder().decode(kind, bytes))
                } catch {
                    watch.unreadable(kind, bytes, error)
                }
            }
        }
        return history.book.verdict(on: rule)
    }

    private static func hello(_ change: (inout HelloText) -> Void = { _ in }) -> String {
        HelloText("alice", instance: "i").with { $0.outbox = "o" }.with(change).frame
    }

    private static let begun = [Self.hello(), "ours \(Self.welcome { $0.setWindow(up: (2, 10)) })"]
    private static let takenOver = #"ours ERROR {"code":4501,"name":"taken-over","message":"x"}"#
    private static let forced = Self.hello { ($0.attempt, $0.isForced) = (2, true) }

    private static let clientKeepers: [(rule: String, frames: [String])] = [
        ("R3.2-2", Self.begun + ["binary MSG 1 x"]), ("R3.3-1", Self.begun), ("R3.7-6", ["close 4105"]), ("R4.0-1", [Self.hello()]),
        ("R4.0-2", [Self.hello(), "PING 1"]), ("R4.1-7", [Self.hello(), "--", Self.hello { $0.attempt = 2 }]), ("R4.11-3", Self.begun),
        ("R5.3-13", [Self.hello(), Self.takenOver, "--", Self.forced]), ("R6.3-1", Self.begun + ["ours MSG 1 0 x", "ACK 1"]),
        ("R7.1-4", Self.begun + ["MSG 1 x", "--"] + [Self.hello { $0.attempt = 2 }, "ours \(Self.welcome())", "MSG 1 x"]),
        ("R7.1-5", Self.begun + ["MSG 1 x"]), ("R7.1-6", Self.begun + ["MSG 1 x", "MSG 2 x"]), ("R7.1-7", Self.begun + ["MSG 1 x"]),
        ("R7.3-1", Self.begun + ["MSG 1 x", "MSG 2 x", "ours ACK 1", "MSG 3 x"]), ("R7.3-1", Self.begun + ["MSG 1 12345678901"]),
        ("R10.3-3", Self.begun + ["BYE"]),
    ]

    @Test("a client that keeps the law passes", arguments: Self.clientKeepers)
    func clientKeeps(rule: String, frames: [String]) throws {
        #expect(try self.uplink(rule, frames) == .passed)
    }

    private static let clientBreakers: [(rule: String, frames: [String])] = [
        ("R3.2-2", Self.begun + ["binary PING 1"]), ("R3.3-1", Self.begun + ["ACK 0"]), ("R3.7-6", ["close 1001"]),
        ("R3.7-6", ["close "]),
        ("R4.0-1", ["PING 1"]), ("R4.0-1", [Self.hello(), Self.hello()]), ("R4.0-2", [Self.hello(), "MSG 1 x"]),
        ("R4.1-7", [Self.hello(), "--", Self.hello()]), ("R4.11-3", Self.begun + ["NOOP 1"]), ("R5.3-13", [Self.forced]),
        ("R5.3-13", [Self.hello(), Self.takenOver, "--", Self.forced, "ours \(Self.welcome())", "--", Self.forced]),
        ("R6.3-1", Self.begun + ["ours MSG 1 0 x", "ACK 2"]),
        ("R7.1-4", Self.begun + ["MSG 1 x", "--"] + [Self.hello { $0.attempt = 2 }, "ours \(Self.welcome())", "MSG 1 y"]),
        ("R7.1-5", Self.begun + ["MSG 2 x"]), ("R7.1-6", Self.begun + ["MSG 1 x", "MSG 3 x"]),
        ("R7.1-7", [Self.hello { $0.outbox = nil }, "ours \(Self.welcome())", "MSG 1 x"]),
        ("R7.3-1", Self.begun + ["MSG 1 x", "MSG 2 x", "MSG 3 x"]), ("R7.3-1", Self.begun + ["MSG 1 123456", "MSG 2 12345"]),
        ("R10.3-3", Self.begun + ["BYE", "PING 1"]),
    ]

    @Test("a client that breaks the law fails", arguments: Self.clientBreakers)
    func clientBreaks(rule: String, frames: [String]) throws {
        guard case .failed = try self.uplink(rule, frames) else { return #expect(Bool(false), "\(rule) \(frames)") }
    }
}
