import ArgumentParser

/// What `gapless serve` can be told. Each option is also an environment variable, `--max-messages` being `GAPLESS_MAX_MESSAGES`, and a field of
/// the file of `--config`, `"max-messages"`. The command line goes before the environment, and that before the file.
struct ServeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where clients connect (127.0.0.1:8400); port 0 is a free one.", valueName: "host:port"))
    var listen: String?

    @Option(help: ArgumentHelp("Where the HTTP API listens (127.0.0.1:8401), or 'none'.", valueName: "host:port"))
    var admin: String?

    @Option(help: ArgumentHelp("Where queues live: 'sqlite:PATH', or 'memory' to try things out.", valueName: "store"))
    var store: String?

    @Option(
        help: ArgumentHelp(
            "What becomes of the bytes of removed messages in the file: 'off', 'fast' (overwritten where it costs no writing) or 'on' (fast).",
            valueName: "way"
        )
    )
    var secureDelete: String?

    @Option(help: ArgumentHelp("The node's name (the name of the machine).", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Who may connect: 'none' (loopback only), 'anonymous', 'tokens:FILE', 'jwt:FILE' or 'webhook:URL'.",
            valueName: "way"
        )
    )
    var auth: String?

    @Option(help: ArgumentHelp("File that holds the key of the HTTP API, 16 bytes or more.", valueName: "file"))
    var adminKeyFile: String?

    @Option(help: ArgumentHelp("The most messages that a queue keeps (1000).", valueName: "count"))
    var maxMessages: String?

    @Option(help: ArgumentHelp("The most payload bytes that a queue keeps (4194304).", valueName: "bytes"))
    var maxBytes: String?

    @Option(help: ArgumentHelp("How long a message is kept (1h).", valueName: "duration"))
    var maxAge: String?

    @Option(help: ArgumentHelp("What a full queue does: 'discard-oldest' or 'reject-new' (discard-oldest).", valueName: "policy"))
    var onOverflow: String?

    @Option(help: ArgumentHelp("How long a queue is kept after its client went away (24h).", valueName: "duration"))
    var keep: String?

    @Option(help: ArgumentHelp("The largest payload of a message, at most 1048576 (65536).", valueName: "bytes"))
    var maxMessageBytes: String?

    @Option(help: ArgumentHelp("The most connections (what the limit of open files leaves).", valueName: "count"))
    var maxConnections: String?

    @Option(
        help: ArgumentHelp("How many queues the clients of one address may create each second (100), or 'none'.", valueName: "count")
    )
    var newQueuesPerSecond: String?

    @Option(
        help: ArgumentHelp(
            "How many clients attach each second (2000), or 'none'; the others are told when to come back.",
            valueName: "count"
        )
    )
    var attachesPerSecond: String?

    @Option(help: ArgumentHelp("A node that starts takes so long from a tenth of that to all of it (30s).", valueName: "duration"))
    var warmUp: String?

    @Option(help: ArgumentHelp("The most connections of one address, or 'none' (none).", valueName: "count"))
    var maxConnectionsPerAddress: String?

    @Option(
        help: ArgumentHelp(
            "Send new clients to other nodes from so many connections on, in percent of the most (90), or 'none'.",
            valueName: "percent"
        )
    )
    var readyMaxConnections: String?

    @Option(help: ArgumentHelp("The same when event loops let others wait so long (500ms), or 'none'.", valueName: "duration"))
    var readyMaxLoopLag: String?

    @Option(help: ArgumentHelp("The same when commits take so long (2s), or 'none'.", valueName: "duration"))
    var readyMaxCommitTime: String?

    @Option(
        help: ArgumentHelp(
            "The same when so much memory is in use, in percent of the limit of the control group (90), or 'none'.",
            valueName: "percent"
        )
    )
    var readyMaxMemory: String?

    @Option(help: ArgumentHelp("The same when so little is free on the disk of the store (268435456), or 'none'.", valueName: "bytes"))
    var readyMinFreeDisk: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("A web page's origin that may connect beside the own host; repeat it. 'any' for all.", valueName: "origin")
    )
    var allowOrigin: [String] = []

    @Option(parsing: .singleValue, help: ArgumentHelp("A URL of the service that clients are told; repeat it.", valueName: "url"))
    var endpoint: [String] = []

    @Option(help: ArgumentHelp("Certificate chain of the public listener (PEM).", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("The certificate's private key (PEM).", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("After so long without sending, the node sends a PING (20s).", valueName: "duration"))
    var heartbeat: String?

    @Option(help: ArgumentHelp("A connection that was silent for so long is dead (30s).", valueName: "duration"))
    var silence: String?

    @Option(
        help: ArgumentHelp(
            "A node that stops says so on /ready and takes clients for so long, until its balancer has noticed (15s).",
            valueName: "duration"
        )
    )
    var drainWait: String?

    @Option(help: ArgumentHelp("Then it asks its clients to move, one after the other over this time (30s).", valueName: "duration"))
    var drainTime: String?

    @Option(help: ArgumentHelp("Each client has so long to move (10s).", valueName: "duration"))
    var moveTime: String?

    @Option(
        help: ArgumentHelp(
            "After so long the node ends, whoever is left; at least --drain-wait, --drain-time, --move-time and 5s (60s).",
            valueName: "duration"
        )
    )
    var hardStop: String?

    @Option(
        help: ArgumentHelp(
            """
            What becomes of messages from clients: 'print' them on standard output as lines of JSON, 'echo' or 'discard' them, or post them to \
            the 'webhook' (print, or webhook where one is named).
            """,
            valueName: "way"
        )
    )
    var uplink: String?

    @Option(
        help: ArgumentHelp("A URL that messages from clients are posted to: https, or http on loopback.", valueName: "url")
    )
    var webhook: String?

    @Option(help: ArgumentHelp("File that holds the secret of webhooks, 32 bytes or more, or two in two lines.", valueName: "file"))
    var webhookSecretFile: String?

    @Option(
        help: ArgumentHelp(
            "What else is posted to --webhook, with commas between: attached, detached, gap, overflow, removed, or 'all'.",
            valueName: "events"
        )
    )
    var webhookEvents: String?

    @Option(help: ArgumentHelp("How long a call of a webhook may take (10s).", valueName: "duration"))
    var webhookTimeout: String?

    @Option(
        help: ArgumentHelp("How much is logged on standard error: trace, debug, info, notice, warning, error (info).", valueName: "level")
    )
    var logLevel: String?

    @Option(help: ArgumentHelp("A JSON file with these settings.", valueName: "file"))
    var config: String?

    /// The options that were given, under the names of their settings.
    var given: [String: String] {
        let options: [String: String?] = [
            "listen": self.listen, "admin": self.admin, "store": self.store, "secure-delete": self.secureDelete, "name": self.name,
            "auth": self.auth,
            "admin-key-file": self.adminKeyFile, "max-messages": self.maxMessages, "max-bytes": self.maxBytes, "max-age": self.maxAge,
            "on-overflow": self.onOverflow, "keep": self.keep, "max-message-bytes": self.maxMessageBytes,
            "max-connections": self.maxConnections, "new-queues-per-second": self.newQueuesPerSecond,
            "attaches-per-second": self.attachesPerSecond, "warm-up": self.warmUp,
            "max-connections-per-address": self.maxConnectionsPerAddress, "ready-max-connections": self.readyMaxConnections,
            "ready-max-loop-lag": self.readyMaxLoopLag, "ready-max-commit-time": self.readyMaxCommitTime,
            "ready-max-memory": self.readyMaxMemory, "ready-min-free-disk": self.readyMinFreeDisk,
            "tls-certificate": self.tlsCertificate, "tls-key": self.tlsKey,
            "heartbeat": self.heartbeat, "silence": self.silence, "drain-wait": self.drainWait,
            "drain-time": self.drainTime, "move-time": self.moveTime, "hard-stop": self.hardStop,
            "uplink": self.uplink, "webhook": self.webhook, "webhook-secret-file": self.webhookSecretFile,
            "webhook-events": self.webhookEvents, "webhook-timeout": self.webhookTimeout,
            "log-level": self.logLevel,
        ]
        return options.compactMapValues { $0 }
    }

    /// The names of all settings, those of `given` and the lists.
    static let names: Set<String> = [
        "listen", "admin", "store", "secure-delete", "name", "auth", "admin-key-file", "max-messages", "max-bytes", "max-age",
        "on-overflow", "keep",
        "max-message-bytes", "max-connections", "allow-origin", "endpoint", "tls-certificate", "tls-key", "heartbeat", "silence",
        "new-queues-per-second", "attaches-per-second", "warm-up", "max-connections-per-address", "ready-max-connections",
        "ready-max-loop-lag", "ready-max-commit-time", "ready-max-memory", "ready-min-free-disk",
        "drain-wait", "drain-time", "move-time", "hard-stop", "uplink", "webhook", "webhook-secret-file", "webhook-events",
        "webhook-timeout", "log-level",
    ]
}
