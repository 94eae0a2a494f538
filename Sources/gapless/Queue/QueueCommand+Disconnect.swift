import ArgumentParser
import Foundation
import GaplessCore
import NIOCore
import NIOHTTP1

extension QueueCommand {
    /// `gapless queue disconnect`
    struct Disconnect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a client away for a while, or let it come again; its queue stays.",
            discussion: """
                  gapless queue disconnect --admin http://127.0.0.1:8401 alice/phone
                  gapless queue disconnect --admin http://127.0.0.1:8401 bob --for 0s
                  gapless queue disconnect --admin http://127.0.0.1:8401 alice/phone --lift

                Its connection is closed with the code, and its next ones are refused with it until the time is over. By the code the client \
                comes again by itself (4000 to 4199), gets a new token first (4300 to 4399), or stops and tells its application (4450 to 4499). \
                It need not be connected, nor have a queue. Exit codes beside the common ones: 65 there can be no such client, or the code is \
                none for operators; 75 no node can do it now, or one is alive whose program is too old for this.
                """
        )

        @OptionGroup var admin: AdminOptions

        @Argument(help: ArgumentHelp("The client, such as alice/phone.", valueName: "client"))
        var client: String

        @Option(name: .long, help: ArgumentHelp("The close code that it is told.", valueName: "code"))
        var code: UInt16 = 4_452

        @Option(
            name: .customLong("for"),
            help: ArgumentHelp("For how long, 1h by default, up to 1d; 0s only closes its connection.", valueName: "time"),
            transform: Self.time
        )
        var time = DurationArgument(.seconds(3_600))

        @Flag(name: .long, help: "Let the client come again.")
        var lift = false

        @Flag(name: .long, help: "What was done as a JSON object on standard output, for programs.")
        var json = false

        @Sendable private static func time(_ text: String) throws -> DurationArgument {
            guard let time = DurationArgument(argument: text, least: 0), time.duration <= SendAwayOperation.maxTime else {
                throw ValidationError("'\(text)' is no time up to 1d, such as 0s, 15m or 1h")
            }
            return time
        }

        func validate() throws { try QueueCommand.validate(self.client) }

        func run() async throws {
            try await self.reportingFailure {
                try await AdminClient.with(self.admin) { client in
                    let path = "/v1/clients/\(AdminClient.segment(self.client))/disconnect"
                    if self.lift {
                        let answer: LetIn = try Self.answer(try await client.ask(.DELETE, path))
                        try self.tell(answer)
                    } else {
                        let wish = #"{"code":\#(self.code),"for":\#(self.time.duration.milliseconds)}"#
                        let answer: SentAway = try Self.answer(try await client.ask(.POST, path, json: ByteBuffer(string: wish)))
                        try self.tell(answer)
                    }
                }
            }
        }

        /// What the answer describes.
        private static func answer<Answer: Decodable>(_ answer: AdminClient.Answer) throws -> Answer {
            try answer.requireSuccess()
            do {
                return try JSONDecoder().decode(Answer.self, from: Data(answer.body.readableBytesView))
            } catch {
                throw ProgramError(.unreachable, "the node's answer does not say what it did")
            }
        }

        private func tell(_ text: some Encodable & CustomStringConvertible) throws {
            if self.json { try StandardOutput.write(JSONLine.text(text)) } else { StandardError.write(text.description) }
        }
    }

    /// A client that was sent away, as the HTTP API tells it.
    struct SentAway: Codable, CustomStringConvertible {
        let client: String
        let code: UInt16
        /// Milliseconds.
        let `for`: UInt64
        let attached: Bool

        var description: String {
            let time = self.for == 0 ? "" : " for \(TextFormat.time(Double(self.for) / 1_000))"
            return "sent \(self.client) away with \(self.code)\(time); it was \(self.attached ? "" : "not ")connected"
        }
    }

    /// A client that may come again, as the HTTP API tells it.
    struct LetIn: Codable, CustomStringConvertible {
        let client: String
        let wasAway: Bool

        var description: String { self.wasAway ? "\(self.client) may come again" : "\(self.client) was not sent away" }
    }
}
