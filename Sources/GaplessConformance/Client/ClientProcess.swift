import Foundation
import NIOCore
import NIOPosix

/// The command under test: takes lines on its standard input and reports on its standard output.
package final class ClientProcess: Sendable {
    /// The command itself cannot be run.
    package struct NotStarted: Error, CustomStringConvertible {
        package let description: String
    }

    let reports: Mailbox<ClientReport>
    private let identifier: pid_t
    private let pipe: any Channel

    private init(identifier: pid_t, pipe: any Channel, reports: Mailbox<ClientReport>) {
        self.identifier = identifier
        self.pipe = pipe
        self.reports = reports
    }

    /// Starts the command, in a process group of its own.
    ///
    /// - Throws: `NotStarted`.
    static func start(_ command: [String]) async throws -> ClientProcess {
        let (input, output) = (try Self.pipe(), try Self.pipe())
        let identifier: pid_t
        do {
            defer {
                close(input.reading)
                close(output.writing)
            }
            identifier = try Self.spawn(command, input: input.reading, output: output.writing)
        } catch {
            close(input.writing)
            close(output.reading)
            throw error
        }
        let reports = Mailbox<ClientReport>()
        let pipe = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(LineHandler(reports))
                }
            }
            .takingOwnershipOfDescriptors(input: output.reading, output: input.writing).get()
        return ClientProcess(identifier: identifier, pipe: pipe, reports: reports)
    }

    /// Tells it something.
    func tell(_ line: String) {
        self.pipe.writeAndFlush(ByteBuffer(string: line + "\n"), promise: nil)
    }

    /// Ends it and what it started, without a word.
    func kill() {
        _ = Foundation.kill(-self.identifier, SIGKILL)
        self.pipe.close(promise: nil)
        var status: Int32 = 0
        while waitpid(self.identifier, &status, 0) < 0, errno == EINTR {}
    }

    /// Stops it in its tracks, or lets it go on.
    func setStopped(_ isStopped: Bool) {
        _ = Foundation.kill(-self.identifier, isStopped ? SIGSTOP : SIGCONT)
    }

    // MARK: Starting

    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard Foundation.pipe(&ends) == 0 else { throw NotStarted(description: "no pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func spawn(_ command: [String], input: Int32, output: Int32) throws -> pid_t {
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGDEF))
        posix_spawnattr_setpgroup(&attributes, 0)

        let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        var identifier: pid_t = 0
        let result = Self.withPointers(command) { arguments in
            Self.withPointers(environment) { variables in
                posix_spawnp(&identifier, command[0], &actions, &attributes, arguments, variables)
            }
        }
        guard result == 0 else {
            throw NotStarted(description: "'\(command.joined(separator: " "))' cannot be started: \(String(cString: strerror(result)))")
        }
        return identifier
    }

    /// The texts as C wants a list of them: pointers, and nil at the end.
    private static func withPointers<Result>(
        _ texts: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) throws -> Result
    ) rethrows -> Result {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return try body(pointers + [nil])
    }

    private final class LineHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let reports: Mailbox<ClientReport>
        private var rest: [UInt8] = []

        init(_ reports: Mailbox<ClientReport>) {
            self.reports = reports
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.rest += Self.unwrapInboundIn(data).readableBytesView
            while let end = self.rest.firstIndex(of: UInt8(ascii: "\n")) {
                self.reports.put(ClientReport(String(decoding: self.rest[..<end], as: UTF8.self)))
                self.rest.removeSubrange(...end)
            }
        }
    }
}
