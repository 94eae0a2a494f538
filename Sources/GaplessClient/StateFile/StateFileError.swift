/// Why a state file cannot be used. The file is left as it was: a client never starts anew where it should go on.
public struct StateFileError: Error, CustomStringConvertible, Sendable {
    /// What kind of thing went wrong; more kinds may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind's name.
        public let description: String

        /// Another process, or another client of this process, uses the file.
        public static let locked = Code(description: "locked")
        /// The file is damaged or was written only in part.
        public static let corrupt = Code(description: "corrupt")
        /// The file is something else than the state of a client.
        public static let foreign = Code(description: "foreign")
        /// The file was written by a newer version of this software.
        public static let newer = Code(description: "newer")
        /// The file keeps the state of another client than the one configured.
        public static let otherClient = Code(description: "otherClient")
        /// The file was removed, or another one was put in its place, while it was in use.
        public static let replaced = Code(description: "replaced")
        /// The path, the permissions or the kind of the file do not allow it.
        public static let inaccessible = Code(description: "inaccessible")
        /// The disk is full.
        public static let full = Code(description: "full")
        /// Reading or writing failed in another way.
        public static let failed = Code(description: "failed")
    }

    /// The kind.
    public let code: Code
    /// The file.
    public let path: String
    /// One sentence for people.
    public let message: String

    /// Joins the parts.
    package init(_ code: Code, path: String, _ message: String) {
        self.code = code
        self.path = path
        self.message = message
    }

    /// The file and the sentence.
    public var description: String { "state file \(self.path): \(self.message)" }
}
