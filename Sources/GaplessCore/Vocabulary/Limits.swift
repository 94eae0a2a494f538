/// The bounds of the protocol that no setting moves, and the defaults of those that a setting moves (Protocol.md §4.0, §13).
public enum Limits {
    /// The highest integer on the wire, 2^53-1: what every JSON reader holds exactly.
    public static let maxInteger: UInt64 = 9_007_199_254_740_991

    /// The longest part of a client's address, in bytes.
    public static let maxClientIDPartBytes = 64

    /// The longest epoch, instance or outbox, in characters.
    public static let maxTokenCharacters = 64

    /// The longest token that proves an identity, in bytes.
    public static let maxCredentialBytes = 4_096

    /// The longest sentence in an `ERROR`, in bytes; a longer one is cut. However it is escaped, the frame fits into `maxJSONBytes`.
    public static let maxErrorMessageBytes = 512

    /// The longest token that a server makes for a client that it names, in bytes.
    public static let maxClientTokenBytes = 256

    /// The longest name of a client's software, in bytes.
    public static let maxAgentBytes = 128

    /// The most features that a hello may name.
    public static let maxFeatures = 32

    /// The longest name of a feature, in bytes.
    public static let maxFeatureBytes = 64

    /// The most JSON in a `HELLO`, in bytes.
    public static let maxHelloBytes = 8_192

    /// The most JSON in any other frame, in bytes.
    public static let maxJSONBytes = 4_096

    /// The deepest nesting of JSON, objects and arrays counted together.
    public static let maxJSONDepth = 8

    /// The largest payload by default, in bytes.
    public static let defaultMaxPayloadBytes = 65_536

    /// The largest payload that a setting can allow, in bytes.
    public static let maxPayloadBytes = 1_048_576

    /// The longest head of a `MSG` in either direction, in bytes: keyword, numbers and spaces.
    public static let maxMessageHeadBytes = 38

    /// How many outboxes of a client the server remembers.
    public static let maxOutboxes = 4
}
