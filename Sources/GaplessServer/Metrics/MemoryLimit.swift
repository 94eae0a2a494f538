/// How much memory this process may have, where it runs in a group with a limit, as containers do.
enum MemoryLimit {
    /// What counts as none: more than any machine has, and how older systems write that there is no limit.
    private static let most = 1 << 62

    /// The limit in bytes; nil when there is none, or the system does not tell.
    static func ofProcess() -> Int? {
        #if os(Linux)
        SystemFile.text("/proc/self/cgroup").flatMap { self.limit(groups: $0, read: SystemFile.text) }
        #else
        nil
        #endif
    }

    /// The least limit of the process' control groups and all that they lie in.
    ///
    /// - Parameters:
    ///   - groups: Linux' `/proc/self/cgroup`.
    ///   - read: the text of a file; nil when there is none.
    static func limit(groups: String, read: (String) -> String?) -> Int? {
        var limits: [Int] = []
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let files: (folder: String, name: String)
            if fields[1].isEmpty {
                files = ("/sys/fs/cgroup", "memory.max")
            } else if fields[1].split(separator: ",").contains("memory") {
                files = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            } else {
                continue
            }
            limits += self.places(of: String(fields[2])).compactMap { place in
                read("\(files.folder)\(place)/\(files.name)").flatMap { Int($0.filter(\.isNumber)) }
            }
        }
        return limits.filter { $0 > 0 && $0 < self.most }.min()
    }

    /// A group and all that it lies in, without a slash behind them: `/a/b` is `/a/b`, `/a` and nothing.
    private static func places(of group: String) -> [String] {
        let names = group.split(separator: "/")
        return (0...names.count).map { count in names.prefix(count).map { "/\($0)" }.joined() }
    }
}
