import ArgumentParser
import Foundation

/// How a command reaches the nodes' HTTP API.
struct AdminOptions: ParsableArguments {
    @Option(
        name: .customLong("admin"),
        help: ArgumentHelp("Address of a node's admin listener; repeat it to name more nodes. Also GAPLESS_ADMIN.", valueName: "url")
    )
    var admins: [String] = []

    @Option(
        name: .customLong("admin-key-file"),
        help: ArgumentHelp("File that holds the admin key. Also GAPLESS_ADMIN_KEY_FILE.", valueName: "file")
    )
    var keyFile: String?

    /// The addresses, from the command line or the environment.
    ///
    /// - Throws: `ProgramError` when there is none or one is not an HTTP URL.
    func urls() throws -> [URL] {
        let environment = ProcessInfo.processInfo.environment
        let texts = self.admins.isEmpty ? (environment["GAPLESS_ADMIN"] ?? "").split(separator: ",").map(String.init) : self.admins
        guard !texts.isEmpty else {
            throw ProgramError(.misconfigured, "no node is named: say --admin http://127.0.0.1:8081 or set GAPLESS_ADMIN")
        }
        return try texts.map { text in
            let full = text.contains("://") ? text : "http://\(text)"
            guard let url = URL(string: full), url.scheme == "http" || url.scheme == "https", url.host != nil, url.query == nil else {
                throw ProgramError(.misconfigured, "'\(text)' is not the address of an admin listener, such as http://127.0.0.1:8081")
            }
            return url
        }
    }

    /// The admin key; nil when there is none.
    ///
    /// - Throws: `ProgramError` when the file cannot be read or is empty.
    func key() throws -> String? {
        guard let path = self.keyFile ?? ProcessInfo.processInfo.environment["GAPLESS_ADMIN_KEY_FILE"] else { return nil }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ProgramError(.misconfigured, "the admin key file '\(path)' cannot be read")
        }
        let key = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !key.isEmpty else { throw ProgramError(.misconfigured, "the admin key file '\(path)' is empty") }
        return key
    }
}
