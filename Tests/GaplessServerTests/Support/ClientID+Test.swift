import GaplessCore

extension ClientID {
    /// A client whose name the test knows to be one.
    static func test(_ text: StaticString) -> ClientID {
        guard let client = ClientID(text.description) else { preconditionFailure("'\(text)' is not the address of a client") }
        return client
    }
}

extension NodeName {
    /// Some node.
    static var test: NodeName {
        guard let name = NodeName("n") else { preconditionFailure("'n' is the name of a node") }
        return name
    }
}
