public import Configuration
import Foundation
import GaplessCore

extension ServerConfiguration {
    /// The defaults, changed by what a configuration says. It throws for a value that cannot be understood; bounds are checked by
    /// `GaplessServer.init`.
    ///
    /// | Key | Value |
    /// |---|---|
    /// | `name`, `listen`, `path` | text; an address is `host:port` |
    /// | `tlsCertificate`, `tlsKey` | paths of PEM files, both or none |
    /// | `allowOrigin`, `endpoints`, `adminHosts` | lists of text |
    /// | `admin` | the address of the admin listener, or `none` |
    /// | `adminKey`, `adminKeyFile` | the key, or the path of a file that holds it |
    /// | `maxMessages`, `maxBytes`, `maxAge`, `onOverflow`, `keep` | retention; `discard-oldest` or `reject-new` |
    /// | `maxKeep`, `keyLifetime`, `heartbeat`, `silence`, `helloDeadline`, `authenticationGrace`, `drainWait`, `drainTime`, `moveTime`, `hardStop`, `sendTimeout` | durations |
    /// | `maxClientsPerUser`, `maxQueues`, `maxStoreBytes`, `maxMessageBytes`, `maxUplinkBytes`, `handlerAttempts` | integers |
    /// | `downlinkMessages`, `downlinkBytes`, `uplinkMessages`, `uplinkBytes` | integers: the windows |
    /// | `newQueuesPerSecond`, `attachesPerSecond`, `maxConnectionsPerAddress` | an integer, or `none` for no limit |
    /// | `warmUp` | a duration |
    /// | `readyMaxConnections`, `readyMaxMemory` | `readiness`: percent, or `none` |
    /// | `readyMaxLoopLag`, `readyMaxCommitTime` | `readiness`: a duration, or `none` |
    /// | `readyMinFreeDisk` | `readiness`: bytes, or `none` |
    /// | `maxConnections`, `maxPendingSends`, `threads` | integers |
    /// | `rebalance` | `on` or `off` |
    /// | `webhook`, `webhookSecretFile` | the URL of `messageWebhook`, and the path of a file with one or two secrets; both or none |
    /// | `webhookEvents` | a list of events: `webhook` is told of them as well |
    /// | `webhookTimeout`, `webhookCalls` | a duration, an integer |
    ///
    /// A duration is an integer with a unit: `250ms`, `30s`, `5m`, `1h`, `7d`. In the environment a key is written in capitals, with
    /// underscores: scoped to `gapless`, `maxAge` is `GAPLESS_MAX_AGE`.
    public init(config: ConfigReader) throws(ConfigurationError) {
        self.init()
        let settings = SettingReader(config)
        try self.readListeners(settings)
        try self.readRetention(settings)
        try settings.integer("maxMessageBytes") { self.maxMessageBytes = $0 }
        try self.readWindow(settings, "downlink", &self.downlinkWindow)
        try self.readWindow(settings, "uplink", &self.uplinkWindow)
        try settings.integer("maxUplinkBytes") { self.maxUplinkBytes = $0 }
        try settings.duration("heartbeat") { self.heartbeat = $0 }
        try settings.duration("silence") { self.silence = $0 }
        try settings.duration("helloDeadline") { self.helloDeadline = $0 }
        try settings.duration("authenticationGrace") { self.authenticationGrace = $0 }
        try settings.duration("drainWait") { self.drainWait = $0 }
        try settings.duration("drainTime") { self.drainTime = $0 }
        try settings.duration("moveTime") { self.moveTime = $0 }
        try settings.text("rebalance", "on or off", { ["on": true, "off": false][$0] }) { self.rebalance = $0 }
        try settings.duration("hardStop") { self.hardStop = $0 }
        try settings.duration("sendTimeout") { self.sendTimeout = $0 }
        try settings.integer("handlerAttempts") { self.handlerAttempts = $0 }
        try settings.integer("maxConnections") { self.maxConnections = $0 }
        try settings.integer("maxPendingSends") { self.maxPendingSends = $0 }
        try settings.integer("threads") { self.threads = $0 }
        try self.readLoad(settings)
        try self.readWebhooks(settings)
    }

    private mutating func readWebhooks(_ settings: SettingReader) throws(ConfigurationError) {
        var webhook: WebhookConfiguration
        switch (settings.text("webhook"), settings.text("webhookSecretFile")) {
        case (let url?, let path?): webhook = WebhookConfiguration(url: url, secrets: try WebhookConfiguration.secrets(file: path))
        case (nil, nil): return
        case (.some, nil): throw ConfigurationError("webhookSecretFile", "It is missing beside webhook.")
        case (nil, .some): throw ConfigurationError("webhook", "It is missing beside webhookSecretFile.")
        }
        try settings.duration("webhookTimeout") { webhook.timeout = $0 }
        try settings.integer("webhookCalls") { webhook.maxCalls = $0 }
        self.messageWebhook = webhook
        guard let names = settings.list("webhookEvents") else { return }
        self.webhookEvents = try WebhookEventKind.parse(names, setting: "webhookEvents")
        self.eventWebhook = webhook
    }

    private mutating func readLoad(_ settings: SettingReader) throws(ConfigurationError) {
        try settings.integer("attachesPerSecond", orNone: { self.attachesPerSecond = $0 })
        try settings.duration("warmUp") { self.warmUp = $0 }
        try settings.integer("maxConnectionsPerAddress", orNone: { self.maxConnectionsPerAddress = $0 })
        try settings.integer("readyMaxConnections", orNone: { self.readiness.maxConnections = $0 })
        try settings.duration("readyMaxLoopLag", orNone: { self.readiness.maxLoopLag = $0 })
        try settings.duration("readyMaxCommitTime", orNone: { self.readiness.maxCommitTime = $0 })
        try settings.integer("readyMaxMemory", orNone: { self.readiness.maxMemory = $0 })
        try settings.integer("readyMinFreeDisk", orNone: { self.readiness.minFreeDisk = $0 })
    }

    private mutating func readListeners(_ settings: SettingReader) throws(ConfigurationError) {
        try settings.text("name", "a node's name: 1 to 64 characters of A-Z a-z 0-9 . _ ~ -", { NodeName($0) }) { self.name = $0 }
        try settings.text("listen", "host:port", { ListenAddress($0) }) { self.listen = $0 }
        try settings.text("path", "a path", { $0 }) { self.path = $0 }
        let certificate = settings.text("tlsCertificate")
        let key = settings.text("tlsKey")
        switch (certificate, key) {
        case (let certificate?, let key?): self.tls = TLSFiles(certificate: certificate, privateKey: key)
        case (nil, nil): break
        case (.some, nil): throw ConfigurationError("tlsKey", "It is missing beside tlsCertificate.")
        case (nil, .some): throw ConfigurationError("tlsCertificate", "It is missing beside tlsKey.")
        }
        if let origins = settings.list("allowOrigin") { self.origins = .allowing(origins) }
        if let endpoints = settings.list("endpoints") { self.endpoints = endpoints }
        try self.readAdmin(settings)
    }

    private mutating func readAdmin(_ settings: SettingReader) throws(ConfigurationError) {
        if settings.text("admin") == "none" {
            self.admin = nil
            return
        }
        guard var admin = self.admin else { return }
        try settings.text("admin", "host:port, or none", { ListenAddress($0) }) { admin.listen = $0 }
        if let hosts = settings.list("adminHosts") { admin.hosts = Set(hosts) }
        admin.key = settings.secret("adminKey") ?? admin.key
        if let path = settings.text("adminKeyFile") { admin.key = try AdminConfiguration.key(file: path) }
        self.admin = admin
    }

    private mutating func readRetention(_ settings: SettingReader) throws(ConfigurationError) {
        var values = (messages: self.retention.maxMessages, bytes: self.retention.maxBytes)
        var times = (age: self.retention.maxAge, keep: self.retention.keep)
        var overflow = self.retention.onOverflow
        try settings.integer("maxMessages") { values.messages = $0 }
        try settings.integer("maxBytes") { values.bytes = $0 }
        try settings.duration("maxAge") { times.age = $0 }
        try settings.duration("keep") { times.keep = $0 }
        try settings.text("onOverflow", "discard-oldest or reject-new", { OverflowPolicy(setting: $0) }) { overflow = $0 }
        self.retention.maxMessages = values.messages
        self.retention.maxBytes = values.bytes
        self.retention.maxAge = times.age
        self.retention.keep = times.keep
        self.retention.onOverflow = overflow
        try settings.duration("maxKeep") { self.maxKeep = $0 }
        try settings.integer("maxClientsPerUser") { self.maxClientsPerUser = $0 }
        try settings.integer("maxQueues") { self.maxQueues = $0 }
        try settings.integer("newQueuesPerSecond", orNone: { self.newQueuesPerSecond = $0 })
        try settings.integer("maxStoreBytes") { self.maxStoreBytes = $0 }
        try settings.duration("keyLifetime") { self.keyLifetime = $0 }
    }

    private func readWindow(_ settings: SettingReader, _ name: String, _ window: inout Window) throws(ConfigurationError) {
        var (messages, bytes) = (window.messages, window.bytes)
        try settings.integer("\(name)Messages") { messages = UInt64(max(0, $0)) }
        try settings.integer("\(name)Bytes") { bytes = UInt64(max(0, $0)) }
        guard messages >= 1, bytes >= 1, messages <= Limits.maxInteger, bytes <= Limits.maxInteger else {
            throw ConfigurationError("\(name)Window", "A window is never closed.")
        }
        window = Window(messages: messages, bytes: bytes)
    }
}

extension AdminConfiguration {
    /// Reads the admin key from a file; a line end behind it is no part of it.
    ///
    /// - Throws: `ConfigurationError` when the file cannot be read or holds no text.
    public static func key(file path: String) throws(ConfigurationError) -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ConfigurationError(path, "The file cannot be read as text.")
        }
        return text.trimmingCharacters(in: .newlines)
    }
}

extension OverflowPolicy {
    /// Reads `discard-oldest` or `reject-new`, or the same without the hyphen as the wire has it.
    public init?(setting text: String) {
        switch text {
        case "discard-oldest", "discardOldest": self = .discardOldest
        case "reject-new", "rejectNew": self = .rejectNew
        default: return nil
        }
    }
}

extension Duration {
    /// Reads an integer with a unit: `250ms`, `30s`, `5m`, `1h`, `7d`; nil for anything else and for more than 100 years.
    package init?(setting text: String) {
        let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let unit = text[digits.endIndex...]
        let milliseconds: [Substring: Int64] = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let count = Int64(String(digits) ?? ""), let factor = milliseconds[unit] else { return nil }
        let (product, isOver) = count.multipliedReportingOverflow(by: factor)
        guard !isOver, product <= 100 * 365 * 86_400_000 else { return nil }
        self = .milliseconds(product)
    }
}

/// Reads settings, and tells a value that cannot be understood from none.
private struct SettingReader {
    private let config: ConfigReader

    init(_ config: ConfigReader) {
        self.config = config
    }

    func text(_ key: String) -> String? {
        self.config.string(forKey: ConfigKey([key]))
    }

    func secret(_ key: String) -> String? {
        self.config.string(forKey: ConfigKey([key]), isSecret: true)
    }

    func list(_ key: String) -> [String]? {
        self.config.stringArray(forKey: ConfigKey([key]))
    }

    func text<Value>(
        _ key: String,
        _ form: String,
        _ parse: (String) -> Value?,
        _ set: (Value) -> Void
    ) throws(ConfigurationError) {
        guard let text = self.text(key) else { return }
        guard let value = parse(text) else { throw ConfigurationError(key, "It is not \(form).") }
        set(value)
    }

    func duration(_ key: String, _ set: (Duration) -> Void) throws(ConfigurationError) {
        guard self.config.int(forKey: ConfigKey([key])) == nil else { throw ConfigurationError(key, "It has no unit, such as 30s.") }
        try self.text(key, "a duration such as 30s", { Duration(setting: $0) }, set)
    }

    /// A duration, or `none`, which is told as nil.
    func duration(_ key: String, orNone set: (Duration?) -> Void) throws(ConfigurationError) {
        guard self.text(key) != "none" else { return set(nil) }
        try self.duration(key, { set($0) })
    }

    /// An integer, or `none`, which is told as nil.
    func integer(_ key: String, orNone set: (Int?) -> Void) throws(ConfigurationError) {
        guard self.text(key) != "none" else { return set(nil) }
        try self.integer(key, { set($0) })
    }

    func integer(_ key: String, _ set: (Int) -> Void) throws(ConfigurationError) {
        guard let value = self.config.int(forKey: ConfigKey([key])) else {
            guard self.text(key) == nil else { throw ConfigurationError(key, "It is not an integer.") }
            return
        }
        set(value)
    }
}
