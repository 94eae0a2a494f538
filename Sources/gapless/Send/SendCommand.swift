import ArgumentParser
import Foundation

/// `gapless send`: texts or lines of standard input, in order, through any of several nodes.
struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send messages to a client or a user.",
        discussion: """
              gapless send --admin http://127.0.0.1:8401 --to alice/phone "Good day"
              gapless send --admin http://127.0.0.1:8401 --user alice --ttl 30s "Ring"

            Without TEXT each line of standard input is a message:

              tail -F log | gapless send --to ops/screen \\
                --admin http://127.0.0.1:8401 --admin http://127.0.0.1:8411

            A batch is sent again under the same idempotency key, to another node if there is one, until a node says that it is committed: so \
            a killed node neither loses nor doubles a line. When the queue is full and refuses new messages, or the store is full, the command \
            waits and goes on in order.

            Ends with a line on standard error, {"sent":..,"requests":..,"retries":..,"waits":..}. Exit codes beside the common ones: 75 nothing \
            was accepted for as long as --give-up says; "sent" tells how many lines are known to be committed. Nodes know a batch \
            again for an hour: so --give-up is at most 50m.
            """
    )

    @OptionGroup var admin: AdminOptions

    @Option(name: .long, help: ArgumentHelp("The client that gets the messages; its queue is created if need be.", valueName: "client"))
    var to: String?

    @Option(name: .long, help: ArgumentHelp("The user whose clients, as they exist then, get the messages.", valueName: "user"))
    var user: String?

    @Option(name: .long, help: ArgumentHelp("How long a message is worth delivering.", valueName: "duration"))
    var ttl: DurationArgument?

    @Option(name: .long, help: ArgumentHelp("The most lines in one request, 1 to 10000.", valueName: "count"))
    var batch: Int = 500

    @Option(name: .long, help: ArgumentHelp("Give up when nothing was accepted for so long, at most 50m.", valueName: "duration"))
    var giveUp: DurationArgument = DurationArgument(.seconds(300))

    @Flag(name: .long, help: "Say nothing but errors.")
    var quiet = false

    @Argument(help: ArgumentHelp("Messages. Without any, each line of standard input is one.", valueName: "text"))
    var texts: [String] = []

    func validate() throws {
        guard (self.to == nil) != (self.user == nil) else { throw ValidationError("say either --to CLIENT or --user USER") }
        guard (1...10_000).contains(self.batch) else { throw ValidationError("--batch is 1 to 10000") }
        guard self.giveUp.duration <= BatchSender.longestGiveUp else {
            throw ValidationError("--give-up is at most 50m, since nodes know a batch again for an hour")
        }
    }

    func run() async throws {
        try await self.reportingFailure {
            let recipient = self.to.map { MessageLine.Recipient.client($0) } ?? .user(self.user ?? "")
            try await AdminClient.with(self.admin) { client in
                var sender = BatchSender(client: client, giveUpAfter: self.giveUp.duration)
                do {
                    if self.texts.isEmpty {
                        try await self.sendInput(to: recipient, with: &sender)
                    } else {
                        try await self.send(self.texts.map { Array($0.utf8) }, to: recipient, with: &sender)
                    }
                } catch {
                    StandardError.write(sender.summary)
                    throw error
                }
                if !self.quiet { StandardError.write(sender.summary) }
            }
        }
    }

    private func sendInput(to recipient: MessageLine.Recipient, with sender: inout BatchSender) async throws {
        var reader = LineReader(chunkBytes: 262_144)
        while let lines = try await reader.next(maxLineBytes: 1_048_576) {
            try await self.send(lines, to: recipient, with: &sender)
        }
    }

    /// Sends the lines in requests of at most `batch`.
    private func send(_ lines: [[UInt8]], to recipient: MessageLine.Recipient, with sender: inout BatchSender) async throws {
        var rest = lines[...]
        while !rest.isEmpty {
            try await sender.send(rest.prefix(self.batch).map { MessageLine($0, to: recipient, timeToLive: self.ttl?.duration) })
            rest = rest.dropFirst(self.batch)
        }
    }
}
