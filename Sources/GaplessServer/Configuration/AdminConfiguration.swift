/// The admin listener: the HTTP API to send messages and to look at queues. It has a port of its own and is never meant for clients.
///
/// It takes 256 connections at once - a sixteenth of the limit of open files when that is less, but four - and closes one that is idle for 75 s.
/// Further ones wait until one ends.
public struct AdminConfiguration: Sendable {
    /// Where it listens. Anything but a loopback address needs a `key`.
    public var listen: ListenAddress

    /// The key that calls carry as `Authorization: Bearer ...`; nil lets everybody in who reaches the port. At least 16 bytes.
    public var key: String?

    /// Which names calls may use in `Host`, without the port, so that a page in a browser on this machine cannot reach the API under a
    /// name of its own. The host of `listen` is always among them. Default: the names of loopback.
    public var hosts: Set<String>

    /// The most bytes of one request's body. Default 64 MiB, at most 1 GiB; bodies are read piece by piece.
    public var maxBodyBytes: Int

    /// The defaults, or other values.
    public init(
        listen: ListenAddress,
        key: String? = nil,
        hosts: Set<String> = ["localhost", "127.0.0.1", "[::1]"],
        maxBodyBytes: Int = 67_108_864
    ) {
        self.listen = listen
        self.key = key
        self.hosts = hosts
        self.maxBodyBytes = maxBodyBytes
    }

    func validate() throws(ConfigurationError) {
        guard self.listen.isLoopback || self.key != nil else {
            throw ConfigurationError("admin.listen", "\(self.listen) is not a loopback address, so the admin listener needs a key.")
        }
        if let key = self.key, key.utf8.count < 16 {
            throw ConfigurationError("admin.key", "The key is shorter than 16 bytes.")
        }
        guard (1...1_073_741_824).contains(self.maxBodyBytes) else {
            throw ConfigurationError("admin.maxBodyBytes", "\(self.maxBodyBytes) is not 1 through 1073741824.")
        }
    }
}
