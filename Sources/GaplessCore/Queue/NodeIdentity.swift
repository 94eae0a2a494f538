/// One running process of a node: its name, and a random value that tells it from an earlier process of the same name.
package struct NodeIdentity: Hashable, Sendable {
    /// The name from the configuration, for people and commands.
    package let name: NodeName
    /// Random, drawn when the process starts.
    package let incarnation: UInt64

    /// Joins the two.
    package init(name: NodeName, incarnation: UInt64) {
        self.name = name
        self.incarnation = incarnation
    }
}

/// The name of a node: 1 to 64 characters of `A-Z a-z 0-9 . _ ~ -`.
public struct NodeName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The text.
    public let description: String

    /// Parses a name; nil when it is empty, too long, or holds another character.
    public init?(_ text: String) {
        guard isToken(text) else { return nil }
        self.description = text
    }

    /// Orders names by their bytes.
    public static func < (left: NodeName, right: NodeName) -> Bool {
        left.description < right.description
    }
}

/// Who is attached to a queue, as its row says.
package struct Holder: Hashable, Sendable {
    /// What the attachment does things under.
    package let fence: Fence
    /// The client object that attached.
    package let instance: InstanceID
    /// The process that its connection ends in.
    package let node: NodeIdentity

    /// Joins the parts.
    package init(fence: Fence, instance: InstanceID, node: NodeIdentity) {
        self.fence = fence
        self.instance = instance
        self.node = node
    }
}
