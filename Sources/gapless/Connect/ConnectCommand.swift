import ArgumentParser
import Foundation
import GaplessClient
import GaplessCore
import Logging

/// `gapless connect`: a client for the terminal and for scripts.
struct ConnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Connect as a client, print messages, send standard input.",
        discussion: """
            Each message becomes one line of standard output; what else happens is told on standard error. Each line of standard input is \
            sent to the server. The client comes back by itself whatever happens to the connection, with any of the URLs.

              gapless connect ws://127.0.0.1:8400/gapless --client alice/phone

            With two nodes, a token, and a file that keeps the place:

              gapless connect wss://a.example/gapless wss://b.example/gapless \\
                --client alice/phone --token-file alice.token \\
                --state alice.state >> messages.txt

            With --state the position and what was not sent yet survive the program, even kill -9. When standard output is a regular file, \
            not a line of it is lost or doubled either: after a kill -9 the next run cuts off what stands behind the saved position when it \
            comes again. So let nothing else write to that file before that; after a run that ended in order, anything may. When more stands \
            there than a killed run can have written, nothing is cut off, and the run ends with 74. On a pipe the last lines may come twice \
            after a kill -9; the JSON form carries the number.

            A line of standard input is safe once it is in the state file: it reaches the server, in order, under one number of one outbox, \
            however often the program is killed. Which lines are is said with --report-input: {"taken":N} on standard error means the first \
            N lines that this process was given. Whoever feeds it again after a kill begins behind them; some more may be taken unsaid.

            The JSON form of a message is {"seq":..,"time":..,"text"|"base64":..}; gaps and resets are {"gap":{"from":..,"to":..,"reason":..}} \
            and {"reset":{"reason":..}}.

            Exit codes beside the common ones: 75 another instance took over, or --idle-exit ended a run in which no node took the \
            client; 77 the server refuses this client. SIGTERM and SIGINT end it with 0.
            """
    )

    @Argument(help: ArgumentHelp("Where to connect: ws:// or wss:// URLs of the service.", valueName: "url"))
    var urls: [String]

    @Option(help: ArgumentHelp("The client, such as alice/phone; leave it out where the server names clients.", valueName: "client"))
    var client: String?

    @Option(
        help: ArgumentHelp("Proof of identity. Better in a file, or in GAPLESS_TOKEN: others can see command lines.", valueName: "token")
    )
    var token: String?

    @Option(help: ArgumentHelp("File that holds the token; it is read anew whenever the server wants a new one.", valueName: "file"))
    var tokenFile: String?

    @Option(help: ArgumentHelp("File that keeps position and unsent input.", valueName: "file"))
    var state: String?

    @Option(help: ArgumentHelp("How messages are written: text or json.", valueName: "format"))
    var format: MessageFormat = .text

    @Flag(help: "Take the queue over at the start, whoever is attached.")
    var takeOver = false

    @Option(help: ArgumentHelp("Leave after so many messages.", valueName: "count"))
    var count: Int?

    @Option(help: ArgumentHelp("Leave when no message came for so long and nothing waits to be sent.", valueName: "seconds"))
    var idleExit: DurationArgument?

    @Option(
        help: ArgumentHelp(
            "The most messages under way at once, 1 to 1000000; the server may allow fewer. With --state 256 if not said.",
            valueName: "count"
        )
    )
    var window: Int?

    @Flag(help: "Say on standard error how many lines of standard input are safe: {\"taken\":N}.")
    var reportInput = false

    @Option(help: ArgumentHelp("File of certificates (PEM) to trust instead of the system's.", valueName: "file"))
    var tlsTrust: String?

    @Option(help: ArgumentHelp("How much is logged on standard error: trace, debug, info, notice, warning, error.", valueName: "level"))
    var logLevel: String = "warning"

    func validate() throws {
        guard !self.urls.isEmpty else { throw ValidationError("name at least one URL") }
        guard self.token == nil || self.tokenFile == nil else { throw ValidationError("say --token or --token-file, not both") }
        guard self.count.map({ $0 >= 1 }) ?? true else { throw ValidationError("--count is at least 1") }
        guard self.window.map({ (1...1_000_000).contains($0) }) ?? true else { throw ValidationError("--window is 1 to 1000000") }
        guard Logger.Level(rawValue: self.logLevel) != nil else { throw ValidationError("--log-level is no level") }
    }

    func run() async throws {
        try await self.reportingFailure {
            do {
                let level = Logger.Level(rawValue: self.logLevel) ?? .warning
                LoggingSystem.bootstrap { label in
                    var handler = StreamLogHandler.standardError(label: label)
                    handler.logLevel = level
                    return handler
                }
                let logger = Logger(label: "gapless")
                let configuration = try self.clientConfiguration()
                let maxTail = MessageOutput.maxTail(of: configuration.window ?? .defaultDownlink)
                var output = try MessageOutput(resumingAt: nil, isResumable: self.state != nil, maxTail: maxTail)
                // Where the output begins is saved before the first message, so that a kill before its acknowledgement doubles nothing.
                let client = try GaplessClient(configuration, logger: logger) { bookmark in
                    output = try MessageOutput(resumingAt: bookmark, isResumable: self.state != nil, maxTail: maxTail)
                    return output.bookmark
                }
                let session = TerminalSession(
                    client: client,
                    format: self.format,
                    count: self.count,
                    idleExit: self.idleExit?.duration,
                    inputReport: self.reportInput ? .taken : .silent
                )
                defer { self.forgetBookmark(of: output, configuration, logger: logger) }
                try await session.run(writingTo: &output, logger: logger)
            } catch let error as ClientConfigurationError {
                throw ProgramError(.misconfigured, error.description)
            } catch let error as StateFileError {
                throw ProgramError(.inputOutput, error.description)
            } catch let error as ClientError {
                throw ProgramError(error.exitKind, error.description)
            }
        }
    }

    /// Takes the bookmark out of the state file when all that was written is acknowledged: whatever is appended from now on is not ours.
    private func forgetBookmark(of output: MessageOutput, _ configuration: ClientConfiguration, logger: Logger) {
        guard self.state != nil, output.isWhole, let bookmark = output.bookmark else { return }
        do {
            _ = try GaplessClient(configuration, logger: logger) { $0 == bookmark ? nil : $0 }
        } catch {
            // The next run finds the bookmark, and looks at the file as after a kill.
            logger.info("Bookmark could not be taken out of the state file", metadata: ["error": "\(error)"])
        }
    }

    private func clientConfiguration() throws -> ClientConfiguration {
        var configuration = ClientConfiguration(endpoints: self.urls, client: self.client)
        configuration.acknowledgement = .explicit
        configuration.agent = "gapless-connect"
        if self.takeOver { configuration.start = .takeOver }
        if let path = self.state { configuration.state = .file(path) }
        // What a killed run can have written is bounded only where the window is known.
        if self.state != nil { configuration.window = .defaultDownlink }
        if let window = self.window { configuration.window = Window(messages: UInt64(window), bytes: Window.defaultDownlink.bytes) }
        configuration.tls.trustRootsFile = self.tlsTrust
        if let path = self.tokenFile {
            _ = try Self.readToken(path)
            configuration.token = .provider { try Self.readToken(path) }
        } else if let token = self.token ?? ProcessInfo.processInfo.environment["GAPLESS_TOKEN"] {
            configuration.token = .fixed(token)
        }
        return configuration
    }

    private static func readToken(_ path: String) throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ProgramError(.misconfigured, "the token file '\(path)' cannot be read")
        }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw ProgramError(.misconfigured, "the token file '\(path)' is empty") }
        return token
    }
}

extension ClientError {
    /// The exit code that tells why the client does not go on.
    fileprivate var exitKind: ProgramError.Kind {
        switch self.code {
        case .refused: .notAllowed
        case .stateFile: .inputOutput
        default: .tryAgain
        }
    }
}
