/// A setting that cannot work. Nothing was opened.
public struct ClientConfigurationError: Error, CustomStringConvertible, Sendable {
    /// The setting, such as `endpoints`.
    public let setting: String
    /// One sentence for people.
    public let message: String

    /// Joins the parts.
    package init(_ setting: String, _ message: String) {
        self.setting = setting
        self.message = message
    }

    /// The setting and the sentence.
    public var description: String { "\(self.setting): \(self.message)" }
}
