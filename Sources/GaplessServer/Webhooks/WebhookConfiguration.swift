import Foundation

/// A URL of a service, in any language, that a server posts to; and how it does that.
///
/// ```swift
/// let secrets = try WebhookConfiguration.secrets(file: "webhook.secret")
/// configuration.messageWebhook = WebhookConfiguration(url: "https://app.example.com/gapless", secrets: secrets)
/// ```
public struct WebhookConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What calls are posted to: a URL of `https:`, or of `http:` when its host is `localhost` or a loopback address. At most 2,048 bytes of ASCII,
    /// without a user, a password or a fragment.
    public var url: String

    /// What calls are signed with: one secret, or two while one takes the place of the other. Each has 32 to 1,024 bytes; its UTF-8 is the key.
    ///
    /// With two each call has two signatures, so that a receiver that knows either finds one of its own.
    public var secrets: [String]

    /// How long a call may take, from the connection to the end of the answer. Default 10 s; 100 ms through 120 s.
    ///
    /// A call that asks who a client is has 12 s at most, the wait for its turn included, since the client waits too.
    public var timeout: Duration = .seconds(10)

    /// The most calls at once; further ones wait for their turn, in order. Default 256; 1 through 4,096. All webhooks together have at most an
    /// eighth of the open files that the process may have.
    ///
    /// An answer of up to 1 MiB is held in memory for each.
    public var maxCalls: Int = 256

    /// A webhook with the defaults.
    public init(url: String, secrets: [String]) {
        self.url = url
        self.secrets = secrets
    }

    /// What there is, without the URL and the secrets.
    public var description: String {
        "webhook(secrets: \(self.secrets.count), timeout: \(self.timeout), maxCalls: \(self.maxCalls))"
    }

    /// The same as `description`.
    public var debugDescription: String { self.description }

    /// What `dump` shows, also of a configuration that holds this one: neither the URL nor the secrets.
    public var customMirror: Mirror {
        Mirror(self, children: ["secrets": self.secrets.count, "timeout": self.timeout, "maxCalls": self.maxCalls])
    }

    /// Reads secrets from a file: one a line, at most two, the newest first.
    ///
    /// - Throws: `ConfigurationError` when the file cannot be read, or holds no text.
    public static func secrets(file path: String) throws(ConfigurationError) -> [String] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ConfigurationError(path, "The file cannot be read as text.")
        }
        let secrets = text.split(whereSeparator: \.isNewline).map(String.init)
        guard !secrets.isEmpty else { throw ConfigurationError(path, "There is no secret in the file.") }
        return secrets
    }

    /// Checks everything against its bounds.
    ///
    /// - Parameter setting: what the webhook is called where it is set.
    func validate(as setting: String) throws(ConfigurationError) {
        guard Self.isAllowed(self.url) else {
            throw ConfigurationError("\(setting).url", "Must be https:, or http: with a loopback host; without a user or a fragment.")
        }
        guard (1...2).contains(self.secrets.count) else {
            throw ConfigurationError("\(setting).secrets", "There must be one secret, or two while one takes the place of the other.")
        }
        guard self.secrets.allSatisfy({ WebhookSignature.secretBytes.contains($0.utf8.count) }) else {
            throw ConfigurationError("\(setting).secrets", "A secret must have 32 through 1024 bytes.")
        }
        guard (.milliseconds(100)...(.seconds(120))).contains(self.timeout) else {
            throw ConfigurationError("\(setting).timeout", "Must be 100 ms through 120 s.")
        }
        guard (1...4_096).contains(self.maxCalls) else {
            throw ConfigurationError("\(setting).maxCalls", "Must be 1 through 4096.")
        }
    }

    /// Signatures prove who calls and hide nothing, so what goes over a network is encrypted.
    private static func isAllowed(_ text: String) -> Bool {
        guard text.utf8.count <= 2_048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let url = URLComponents(string: text), let host = url.host, !host.isEmpty,
            url.user == nil, url.password == nil, url.fragment == nil
        else { return false }
        switch url.scheme?.lowercased() {
        case "https": return true
        case "http":
            let name = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
            return !name.isEmpty && ListenAddress(host: name, port: 0).isLoopback
        default: return false
        }
    }
}

/// What an event webhook can be told of; the name is the one in the call.
public enum WebhookEventKind: String, Hashable, Sendable, CaseIterable {
    /// A client attached to this node: `AttachedEvent`.
    case attached
    /// A client's connection ended and nobody took its place: `DetachedEvent`.
    case detached
    /// A client was told that messages are gone: `GapEvent`.
    case gap
    /// A full queue dropped its oldest messages: `OverflowEvent`.
    case overflow
    /// A queue ended: `RemovedEvent`.
    case removed
}

extension WebhookEventKind {
    /// Reads names.
    ///
    /// - Throws: `ConfigurationError` when one of them is none.
    package static func parse(_ names: [String], setting: String) throws(ConfigurationError) -> Set<WebhookEventKind> {
        var kinds: Set<WebhookEventKind> = []
        for name in names {
            guard let kind = WebhookEventKind(rawValue: name) else {
                throw ConfigurationError(setting, "Known are \(Self.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            kinds.insert(kind)
        }
        return kinds
    }
}
