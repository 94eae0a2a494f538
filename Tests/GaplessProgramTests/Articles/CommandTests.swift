import ArgumentParser
import Foundation
import Testing

@testable import gapless

/// Help texts are what they were, and documents name commands and options that exist.
@Suite struct CommandTests {
    /// The commands by the words that lead to them.
    private static var commands: [(words: [String], command: any ParsableCommand.Type)] {
        [
            ([], Gapless.self),
            (["serve"], ServeCommand.self),
            (["connect"], ConnectCommand.self),
            (["send"], SendCommand.self),
            (["queue"], QueueCommand.self),
            (["queue", "list"], QueueCommand.List.self),
            (["queue", "show"], QueueCommand.Show.self),
            (["queue", "remove"], QueueCommand.Remove.self),
            (["queue", "disconnect"], QueueCommand.Disconnect.self),
            (["node"], NodeCommand.self),
            (["node", "list"], NodeCommand.List.self),
            (["node", "cordon"], NodeCommand.Cordon.self),
            (["node", "uncordon"], NodeCommand.Uncordon.self),
            (["node", "drain"], NodeCommand.Drain.self),
            (["top"], TopCommand.self),
            (["store"], StoreCommand.self),
            (["store", "info"], StoreCommand.Information.self),
            (["store", "check"], StoreCommand.Check.self),
            (["store", "migrate"], StoreCommand.Migrate.self),
            (["store", "restored"], StoreCommand.Restored.self),
            (["conformance"], ConformanceCommand.self),
            (["conformance", "server"], ConformanceCommand.Server.self),
            (["conformance", "client"], ConformanceCommand.Client.self),
        ]
    }

    private static func help(_ command: any ParsableCommand.Type) -> String {
        Gapless.helpMessage(for: command, columns: 80)
    }

    /// The options that a help text tells, and those that every program of its kind has.
    private static func options(in help: String) -> Set<String> {
        Set(help.matches(of: #/--[a-z][a-z-]*[a-z]/#).map { String($0.output) }).union(["--help", "--version"])
    }

    @Test(arguments: Self.commands.map(\.words))
    func helpIsTheStoredText(_ words: [String]) throws {
        let command = try #require(Self.commands.first { $0.words == words }?.command)
        let name = words.isEmpty ? "gapless" : words.joined(separator: "-")
        let path = "Tests/GaplessProgramTests/Help/\(name).txt"
        let stored = (try? Documents.text(path)) ?? ""
        let help = Self.help(command).trimmingCharacters(in: .newlines)
        #expect(
            stored.trimmingCharacters(in: .newlines) == help,
            "if the new text reads well: gapless help \(words.joined(separator: " ")) > \(path)"
        )
    }

    @Test func eachHelpShowsAnExample() {
        for (words, command) in Self.commands {
            let example = "\n  " + (["gapless"] + words).joined(separator: " ") + " "
            #expect(Self.help(command).contains(example), "no example of \(words)")
        }
    }

    @Test func noLineOfHelpIsWiderThanATerminal() {
        for (words, command) in Self.commands {
            for line in Self.help(command).split(separator: "\n") where !line.hasPrefix("USAGE") {
                #expect(line.count <= 80, "\(words): \(line)")
            }
        }
    }

    @Test func documentsNameOptionsThatExist() throws {
        var documents = try Documents.articles()
        documents.append(("README.md", try Documents.text("README.md")))
        documents += Self.commands.map { ("help of \($0.words)", Self.help($0.command)) }
        let all = Set(Self.commands.flatMap { Self.options(in: Self.help($0.command)) }).union(["--generate-completion-script"])
        var found = 0
        for (path, text) in documents {
            let joined = text.replacing("\\\n", with: " ")
            for call in joined.matches(of: #/gapless ([^\n`|;&)]*)/#) {
                let words = call.output.1.split(separator: " ").map(String.init)
                guard let known = Self.commands.last(where: { words.starts(with: $0.words) && !$0.words.isEmpty }) else { continue }
                found += 1
                let options = Self.options(in: Self.help(known.command))
                for option in call.output.1.matches(of: #/--[a-z][a-z-]*[a-z]/#) {
                    #expect(options.contains(String(option.output)), "\(path): \(call.output.0)")
                }
            }
            for option in joined.matches(of: #/`(--[a-z][a-z-]*[a-z])[ `]/#) {
                found += 1
                #expect(all.contains(String(option.output.1)), "\(path): \(option.output.1)")
            }
        }
        #expect(found > 60, "the documents were read")
    }

    @Test func alertsNameOptionsOfNodesThatExist() throws {
        let options = Self.options(in: Self.help(ServeCommand.self))
        let named = Self.options(in: try Documents.text("Tools/alerts/gapless.yml"))
        #expect(named.count > 4)
        #expect(named.subtracting(options).sorted() == [])
    }

    @Test func documentsNameCommandsThatExist() throws {
        for (path, text) in try Documents.articles() + [("README.md", try Documents.text("README.md"))] {
            for call in text.matches(of: #/(?:^|[\n`|] ?)gapless ([a-z]+)(?: ([a-z]+))?/#) {
                let words = [call.output.1, call.output.2 ?? ""].map(String.init)
                if words[0] == "help" { continue }
                let isGroup = ["queue", "node", "store", "conformance"].contains(words[0])
                let wanted = isGroup && !words[1].isEmpty ? words : [words[0]]
                #expect(Self.commands.contains { $0.words == wanted }, "\(path): \(call.output.0)")
            }
        }
    }
}
