import GaplessCore

extension ClientID {
    /// A client whose name the test knows to be one.
    static func test(_ text: StaticString) -> ClientID {
        guard let client = ClientID(text.description) else { preconditionFailure("'\(text)' is not the address of a client") }
        return client
    }
}
