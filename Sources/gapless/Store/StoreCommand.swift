import ArgumentParser
import Foundation
import GaplessCore
import GaplessSQLite
import GaplessStore

/// `gapless store`: what is done with the file itself.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Look into a store's file, check it, raise its schema, or begin a new life after a restore.",
        discussion: """
              gapless store info gapless.db
              gapless store check gapless.db
              gapless store migrate gapless.db
              gapless store restored gapless.db
            """,
        subcommands: [Information.self, Check.self, Migrate.self, Restored.self]
    )

    /// `gapless store info`
    struct Information: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "info",
            abstract: "Tell what is in the file.",
            discussion: """
                  gapless store info gapless.db
                  gapless store info --json gapless.db

                Nothing is changed; nodes may work with the file meanwhile.
                """
        )

        @Argument(help: ArgumentHelp("The database file.", valueName: "path"))
        var path: String

        @Flag(name: .long, help: "As a JSON object, for programs.")
        var json = false

        func run() async throws {
            try await self.reportingFailure {
                let found = try StoreCommand.explaining { () throws(QueueStoreError) in
                    try StoreFile.information(self.path, now: StoreCommand.now())
                }
                let facts: [(name: String, value: String, isNumber: Bool)] = [
                    ("path", found.path, false),
                    ("schema", String(found.schema), true),
                    ("minimum reader", String(found.minimumReader), true),
                    ("incarnation", found.incarnation.description, false),
                    ("commits", String(found.commits), true),
                    ("clock", String(found.clock.milliseconds), true),
                    ("queues", String(found.queues), true),
                    ("attached", String(found.attachedQueues), true),
                    ("messages", String(found.messages), true),
                    ("payload bytes", String(found.bytes), true),
                    ("idempotency keys", String(found.keys), true),
                    ("file bytes", String(found.fileBytes), true),
                    ("live nodes", found.aliveNodes.map(\.name.description).joined(separator: " "), false),
                ]
                if self.json {
                    let fields = facts.map { fact in
                        let name = fact.name.replacingOccurrences(of: " ", with: "-")
                        return "\"\(name)\":\(fact.isNumber ? fact.value : StoreCommand.quoted(fact.value))"
                    }
                    try StandardOutput.write("{\(fields.joined(separator: ","))}")
                } else {
                    for fact in facts {
                        try StandardOutput.write(
                            fact.name.padding(toLength: 18, withPad: " ", startingAt: 0) + (fact.value.isEmpty ? "-" : fact.value)
                        )
                    }
                }
            }
        }
    }

    /// `gapless store check`
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the file: SQLite's own examination, and what the store promises of its rows.",
            discussion: """
                  gapless store check gapless.db

                Prints a sentence for each fault, and ends with 0 when the file is sound and with 65 when it is not. Nothing is changed; nodes \
                may work with the file meanwhile.
                """
        )

        @Argument(help: ArgumentHelp("The database file.", valueName: "path"))
        var path: String

        func run() async throws {
            try await self.reportingFailure {
                let report = try StoreCommand.explaining { () throws(QueueStoreError) in try StoreFile.check(self.path) }
                for problem in report.problems { try StandardOutput.write(problem) }
                guard report.isSound else { throw ProgramError(.wrongInput, "'\(self.path)' is damaged") }
                try StandardOutput.write("sound: \(report.queues) queues, \(report.messages) messages")
            }
        }
    }

    /// `gapless store migrate`
    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Raise the schema to the newest that this program knows.",
            discussion: """
                  gapless store migrate gapless.db

                Nodes do it by themselves as soon as every one that is alive knows the newer schema; one that was killed counts as alive for a \
                minute. This is for those who want to choose the moment. Nodes may work with the file meanwhile. There is no way back to an \
                older schema. Ends with 75 while a node is alive whose program is too old.
                """
        )

        @Argument(help: ArgumentHelp("The database file.", valueName: "path"))
        var path: String

        func run() async throws {
            try await self.reportingFailure {
                let schema = try StoreCommand.explaining { () throws(QueueStoreError) in
                    try StoreFile.migrate(self.path, now: StoreCommand.now())
                }
                let former = schema.before == schema.after ? "as before" : "was \(schema.before)"
                try StandardOutput.write("schema \(schema.after), \(former)")
            }
        }
    }

    /// `gapless store restored`
    struct Restored: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin a new life of the store; to be run after a copy was put back, while no node works with it.",
            discussion: """
                  gapless store restored gapless.db

                Clients that come back with a position from before learn by a reset that some of their messages may be gone. Nodes notice most \
                restores by themselves; this makes it certain. Ends with 75 while a node has the store open.
                """
        )

        @Argument(help: ArgumentHelp("The database file.", valueName: "path"))
        var path: String

        func run() async throws {
            try await self.reportingFailure {
                let incarnation = try StoreCommand.explaining { () throws(QueueStoreError) in try StoreFile.restored(self.path) }
                try StandardOutput.write("incarnation \(incarnation)")
            }
        }
    }

    /// Runs the body and turns a store's failure into a sentence and an exit code.
    static func explaining<Result>(_ body: () throws(QueueStoreError) -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            switch error.code {
            case .unavailable: throw ProgramError(.tryAgain, error.message)
            case .foreign, .newerSchema, .corrupt: throw ProgramError(.wrongInput, error.message)
            default: throw ProgramError(.inputOutput, error.message)
            }
        }
    }

    /// The wall clock.
    private static func now() -> Timestamp {
        Timestamp(milliseconds: UInt64(max(0, Date().timeIntervalSince1970 * 1_000)))
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
