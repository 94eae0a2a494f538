import Configuration
import Foundation
import GaplessCore
import GaplessServer
import Logging

/// Reads the settings of a node from the command line, the environment and a file, in this order, and turns them into a configuration.
struct ServeSettings {
    private let reader: ConfigReader

    /// Collects the sources.
    ///
    /// - Throws: `ProgramError` when the file cannot be read or holds a setting that nobody knows.
    init(_ options: ServeOptions, environment: [String: String] = ProcessInfo.processInfo.environment) async throws {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (name, text) in options.given { values[AbsoluteConfigKey([name])] = ConfigValue(.string(text), isSecret: false) }
        for (name, list) in [("allow-origin", options.allowOrigin), ("endpoint", options.endpoint)] where !list.isEmpty {
            values[AbsoluteConfigKey([name])] = ConfigValue(.stringArray(list), isSecret: false)
        }
        var providers: [any ConfigProvider] = [
            InMemoryProvider(name: "command line", values: values),
            EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "gapless"),
        ]
        if let path = options.config ?? environment["GAPLESS_CONFIG"] {
            try Self.check(path)
            do {
                let place = InMemoryProvider(values: [AbsoluteConfigKey(["filePath"]): ConfigValue(.string(path), isSecret: false)])
                providers.append(try await FileProvider<JSONSnapshot>(config: ConfigReader(provider: place)))
            } catch {
                throw ProgramError(.misconfigured, "the configuration file '\(path)' is not well-formed JSON")
            }
        }
        self.reader = ConfigReader(providers: providers)
    }

    /// A value in a file, of one of the types that settings have.
    private enum Value: Decodable {
        case text
        case list

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if (try? container.decode([String].self)) != nil {
                self = .list
            } else if (try? container.decode(String.self)) != nil {
                self = .text
            } else {
                _ = try container.decode(Int.self)
                self = .text
            }
        }
    }

    /// The settings that hold lists.
    private static let lists: Set<String> = ["allow-origin", "endpoint"]

    /// A setting in a file that is misspelt, or of another type, would be silently without effect; so it is refused.
    private static func check(_ path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw ProgramError(.misconfigured, "the configuration file '\(path)' cannot be read")
        }
        guard let object = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any] else {
            throw ProgramError(.misconfigured, "the configuration file '\(path)' does not hold one JSON object")
        }
        if let unknown = object.keys.sorted().first(where: { !ServeOptions.names.contains($0) }) {
            throw ProgramError(.misconfigured, "the configuration file '\(path)' holds '\(unknown)', which is no setting")
        }
        for name in object.keys.sorted() {
            let value = (try? JSONSerialization.data(withJSONObject: [object[name]])).flatMap {
                try? JSONDecoder().decode([Value].self, from: $0)
            }
            switch (value?.first, Self.lists.contains(name)) {
            case (.list, true), (.text, false): continue
            case (_, true): throw ProgramError(.misconfigured, "'\(name)' in the configuration file '\(path)' is a list of texts")
            case (_, false): throw ProgramError(.misconfigured, "'\(name)' in the configuration file '\(path)' is a text or a whole number")
            }
        }
    }

    // MARK: What they say

    /// Where queues live.
    func store() throws -> StoreConfiguration {
        guard let text = self.text("store") else {
            throw ProgramError(.misconfigured, "no store is named: say --store sqlite:PATH (or --store memory to try things out)")
        }
        if text == "memory" {
            guard self.text("secure-delete") == nil else {
                throw ProgramError(.misconfigured, "--secure-delete is for a store in a file, not for one in memory")
            }
            return .memory()
        }
        guard text.hasPrefix("sqlite:"), text.utf8.count > 7 else {
            throw ProgramError(.misconfigured, "--store is sqlite:PATH or memory, not '\(text)'")
        }
        return .sqlite(path: String(text.dropFirst(7)), secureDelete: try self.secureDelete())
    }

    /// What becomes of the bytes of removed messages in the file.
    private func secureDelete() throws -> SecureDelete {
        guard let text = self.text("secure-delete") else { return .fast }
        guard let setting = SecureDelete(text) else {
            throw ProgramError(.misconfigured, "--secure-delete is off, fast or on, not '\(text)'")
        }
        return setting
    }

    /// How clients prove who they are.
    func authentication() throws -> Authentication {
        let text = self.text("auth") ?? "none"
        switch text {
        case "none": return .none
        case "anonymous": return .anonymous
        case _ where text.hasPrefix("tokens:"): return try .tokens(file: String(text.dropFirst(7)))
        case _ where text.hasPrefix("jwt:"): return try .jwt(file: String(text.dropFirst(4)))
        case _ where text.hasPrefix("webhook:"): return .webhook(try self.webhook(String(text.dropFirst(8))))
        default: throw ProgramError(.misconfigured, "--auth is none, anonymous, tokens:FILE, jwt:FILE or webhook:URL, not '\(text)'")
        }
    }

    /// Everything else about the node.
    func configuration() throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        if let text = self.text("name") {
            guard let name = NodeName(text) else {
                throw ProgramError(.misconfigured, "--name is 1 to 64 characters of A-Z a-z 0-9 . _ ~ -, not '\(text)'")
            }
            configuration.name = name
        }
        if let address = try self.address("listen") { configuration.listen = address }
        try self.setAdmin(&configuration)
        try self.setRetention(&configuration.retention)
        try self.set("max-message-bytes", \.maxMessageBytes, of: &configuration)
        if let count = try self.count("max-connections") { configuration.maxConnections = count }
        try self.setOrNone("new-queues-per-second", \.newQueuesPerSecond, of: &configuration)
        try self.setLoad(&configuration)
        let origins = self.reader.stringArray(forKey: "allow-origin") ?? []
        if !origins.isEmpty { configuration.origins = origins == ["any"] ? .any : .allowing(origins) }
        configuration.endpoints = self.reader.stringArray(forKey: "endpoint") ?? []
        switch (self.text("tls-certificate"), self.text("tls-key")) {
        case (let certificate?, let key?): configuration.tls = TLSFiles(certificate: certificate, privateKey: key)
        case (nil, nil): break
        default: throw ProgramError(.misconfigured, "--tls-certificate and --tls-key go together")
        }
        try self.set("heartbeat", \.heartbeat, of: &configuration)
        try self.set("silence", \.silence, of: &configuration)
        try self.set("drain-wait", \.drainWait, of: &configuration)
        try self.set("drain-time", \.drainTime, of: &configuration)
        try self.set("move-time", \.moveTime, of: &configuration)
        try self.set("hard-stop", \.hardStop, of: &configuration)
        try self.setWebhooks(&configuration)
        return configuration
    }

    /// What becomes of messages from clients.
    func uplink() throws -> UplinkWay {
        guard let text = self.text("uplink") else { return self.text("webhook") == nil ? .print : .webhook }
        guard let way = UplinkWay(rawValue: text) else {
            throw ProgramError(.misconfigured, "--uplink is print, echo, discard or webhook, not '\(text)'")
        }
        return way
    }

    /// How much is logged.
    func logLevel() throws -> Logger.Level {
        guard let text = self.text("log-level") else { return .info }
        guard let level = Logger.Level(rawValue: text) else {
            throw ProgramError(.misconfigured, "--log-level is trace, debug, info, notice, warning or error, not '\(text)'")
        }
        return level
    }

    private func setAdmin(_ configuration: inout ServerConfiguration) throws {
        if self.text("admin") == "none" {
            configuration.admin = nil
            return
        }
        if let address = try self.address("admin") { configuration.admin = AdminConfiguration(listen: address) }
        guard let path = self.text("admin-key-file") else { return }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ProgramError(.misconfigured, "the admin key file '\(path)' cannot be read")
        }
        configuration.admin?.key = text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func setLoad(_ configuration: inout ServerConfiguration) throws {
        try self.setOrNone("attaches-per-second", \.attachesPerSecond, of: &configuration)
        try self.set("warm-up", \.warmUp, of: &configuration)
        try self.setOrNone("max-connections-per-address", \.maxConnectionsPerAddress, of: &configuration)
        try self.setOrNone("ready-max-connections", \.readiness.maxConnections, of: &configuration)
        try self.setOrNone("ready-max-loop-lag", \.readiness.maxLoopLag, of: &configuration)
        try self.setOrNone("ready-max-commit-time", \.readiness.maxCommitTime, of: &configuration)
        try self.setOrNone("ready-max-memory", \.readiness.maxMemory, of: &configuration)
        try self.setOrNone("ready-min-free-disk", \.readiness.minFreeDisk, of: &configuration)
    }

    private func setRetention(_ retention: inout RetentionPolicy) throws {
        try self.set("max-messages", \.maxMessages, of: &retention)
        try self.set("max-bytes", \.maxBytes, of: &retention)
        try self.set("max-age", \.maxAge, of: &retention)
        try self.set("keep", \.keep, of: &retention)
        switch self.text("on-overflow") {
        case nil: break
        case "discard-oldest": retention.onOverflow = .discardOldest
        case "reject-new": retention.onOverflow = .rejectNew
        case let text?: throw ProgramError(.misconfigured, "--on-overflow is discard-oldest or reject-new, not '\(text)'")
        }
    }

    // MARK: How they are read

    /// A setting as text, however its source wrote it.
    func text(_ name: String) -> String? {
        let key = ConfigKey([name])
        return self.reader.string(forKey: key) ?? self.reader.int(forKey: key).map(String.init)
    }

    private func address(_ name: String) throws -> ListenAddress? {
        guard let text = self.text(name) else { return nil }
        guard let address = ListenAddress(text) else {
            throw ProgramError(.misconfigured, "--\(name) is HOST:PORT, such as 127.0.0.1:8400, not '\(text)'")
        }
        return address
    }

    private func count(_ name: String) throws -> Int? {
        guard let text = self.text(name) else { return nil }
        guard let count = Int(text), count >= 1 else {
            throw ProgramError(.misconfigured, "--\(name) is a whole number from 1, not '\(text)'")
        }
        return count
    }

    private func set<Root>(_ name: String, _ path: WritableKeyPath<Root, Int>, of root: inout Root) throws {
        if let count = try self.count(name) { root[keyPath: path] = count }
    }

    private func setOrNone<Root>(_ name: String, _ path: WritableKeyPath<Root, Int?>, of root: inout Root) throws {
        if self.text(name) == "none" {
            root[keyPath: path] = nil
        } else if let count = try self.count(name) {
            root[keyPath: path] = count
        }
    }

    private func setOrNone<Root>(_ name: String, _ path: WritableKeyPath<Root, Duration?>, of root: inout Root) throws {
        if self.text(name) == "none" {
            root[keyPath: path] = nil
        } else if let duration = try self.duration(name) {
            root[keyPath: path] = duration
        }
    }

    func set<Root>(_ name: String, _ path: WritableKeyPath<Root, Duration>, of root: inout Root) throws {
        if let duration = try self.duration(name) { root[keyPath: path] = duration }
    }

    private func duration(_ name: String) throws -> Duration? {
        guard let text = self.text(name) else { return nil }
        // Whether nothing is within the bounds is for the configuration to say.
        guard let argument = DurationArgument(argument: text, least: 0) else {
            throw ProgramError(.misconfigured, "--\(name) is a duration such as 250ms, 30s, 15m or 1h, not '\(text)'")
        }
        return argument.duration
    }
}
