/// The stable address of one queue: a user, or one device of a user, such as `alice` or `alice/phone`.
///
/// Each part is 1 to 64 bytes of `A-Z a-z 0-9 . _ ~ @ + : = - |`, case-sensitive, and neither `.` nor `..`
/// (Protocol.md §3.6). The user `alice` is the client `alice` together with all clients `alice/*`.
public struct ClientID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The whole address, `user` or `user/device`; at most 129 bytes of ASCII.
    public let description: String

    /// Parses an address; nil when a part is empty, too long, or holds a character that is not allowed.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 2, omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy(Self.isValidPart) else { return nil }
        self.description = text
    }

    /// Joins a user and a device of that user; without a device, the address of the user's one queue.
    public init(user: UserID, device: UserID? = nil) {
        self.description = device.map { "\(user)/\($0)" } ?? user.description
    }

    /// The part before the slash, or the whole address.
    public var user: UserID {
        let end = self.description.utf8.firstIndex(of: UInt8(ascii: "/")) ?? self.description.endIndex
        return UserID(unchecked: String(self.description[..<end]))
    }

    /// The part after the slash; nil when the address is a user's one queue.
    public var device: UserID? {
        guard let slash = self.description.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return UserID(unchecked: String(self.description[self.description.index(after: slash)...]))
    }

    /// Orders addresses by their bytes.
    public static func < (left: ClientID, right: ClientID) -> Bool {
        left.description < right.description
    }

    /// Whether the bytes may stand as one part of an address.
    static func isValidPart(_ part: some Collection<UInt8>) -> Bool {
        guard (1...Limits.maxClientIDPartBytes).contains(part.count), part.allSatisfy(Self.isAllowed) else { return false }
        return !(part.count <= 2 && part.allSatisfy { $0 == UInt8(ascii: ".") })
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "@"), UInt8(ascii: "+"): true
        case UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: "-"), UInt8(ascii: "|"): true
        default: false
        }
    }
}

/// The name of a user, or of a device of a user: one part of a `ClientID`.
public struct UserID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The name; 1 to 64 bytes of ASCII.
    public let description: String

    /// Parses a name; nil when it is empty, too long, or holds a character that is not allowed (a slash above all).
    public init?(_ text: String) {
        guard ClientID.isValidPart(text.utf8) else { return nil }
        self.description = text
    }

    init(unchecked text: String) {
        self.description = text
    }

    /// Orders names by their bytes.
    public static func < (left: UserID, right: UserID) -> Bool {
        left.description < right.description
    }
}
