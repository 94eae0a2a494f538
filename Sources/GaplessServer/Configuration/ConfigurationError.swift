/// A setting that cannot be used: which, and why. Found before the server opens a port.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The setting, as it is named in `ServerConfiguration`, or the path of the file that holds it.
    public let setting: String

    /// One sentence for people; no secrets in it.
    public let message: String

    /// Joins the two.
    public init(_ setting: String, _ message: String) {
        self.setting = setting
        self.message = message
    }

    /// The setting and the sentence.
    public var description: String { "\(self.setting): \(self.message)" }
}
