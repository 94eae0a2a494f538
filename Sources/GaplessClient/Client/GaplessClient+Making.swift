import GaplessCore
import Logging
import NIOCore

// The steps of making a client.
extension GaplessClient {
    /// What a client begins with, and who keeps what becomes of it.
    struct Past: Sendable {
        let record: ClientRecord
        /// Nil when nothing is kept beyond the process.
        let writer: StateWriter?
    }

    /// Opens, checks and locks the state file, if there is to be one, and saves the bookmark that the application wants to stand there.
    static func restore(
        _ configuration: ClientConfiguration,
        _ settings: ClientSettings,
        mailbox: ClientMailbox,
        logger: Logger,
        _ bookmark: (UInt64?) throws -> UInt64?,
        _ beforeFileStep: @escaping @Sendable (StateFile.Step) throws(StateFileError) -> Void
    ) throws -> Past {
        var random = SystemRandomNumberGenerator()
        var record = ClientRecord(client: settings.client, using: &random)
        guard case .file(let path) = configuration.state.kind else {
            record.progress.bookmark = try bookmark(nil)
            return Past(record: record, writer: nil)
        }
        var file = try StateFile.open(path, initial: record, using: &random, beforeStep: beforeFileStep)
        if file.tornBytes > 0 {
            logger.notice("State file ended in a write that was cut off", metadata: ["bytes": "\(file.tornBytes)"])
        }
        record = try settings.adopt(file.record, path: file.path)
        record.progress.bookmark = try bookmark(record.progress.bookmark)
        if record.progress != file.record.progress { try file.save(ClientRecordBatch(record.progress)) }
        return Past(record: record, writer: StateWriter(file) { result in mailbox.post(.perform { $0.saved(result) }) })
    }

    /// Makes the session and what runs it on the event loop.
    static func makeShell(
        _ past: Past,
        _ configuration: ClientConfiguration,
        _ settings: ClientSettings,
        eventLoop: any EventLoop,
        mailbox: ClientMailbox,
        events: EventBuffer,
        logger: Logger,
        requestToken: @escaping @Sendable (TokenPurpose) -> Void,
        publishState: @escaping @Sendable (GaplessClient.State) -> Void
    ) -> sending ClientShell {
        var random = SystemRandomNumberGenerator()
        return ClientShell(
            ClientSession(configuration: settings.session, record: past.record, random: &random),
            restored: past.record.outbox.messages.count,
            surroundings: ClientShell.Surroundings(
                eventLoop: eventLoop,
                clock: configuration.clock,
                connector: settings.connector(group: eventLoop),
                headers: settings.headers,
                mailbox: mailbox,
                events: events,
                writer: past.writer,
                logger: logger,
                leaveTimeout: configuration.leaveTimeout,
                requestToken: requestToken,
                publishState: publishState
            )
        )
    }
}
