/// The number in a Close frame that says why a connection ends (RFC 6455 §7.4).
package struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package init(_ rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let normal = Self(1000)
    package static let goingAway = Self(1001)
    package static let protocolError = Self(1002)
    package static let unsupportedData = Self(1003)
    package static let invalidPayload = Self(1007)
    package static let policyViolation = Self(1008)
    package static let messageTooLarge = Self(1009)
    package static let internalError = Self(1011)

    /// Whether the code may stand in a Close frame: 1000-1003, 1007-1014 and 3000-4999.
    ///
    /// 1004 is reserved, 1005, 1006 and 1015 are for programs to say that there was no code, and the rest is unassigned.
    package var isAllowedOnWire: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    package var description: String { String(self.rawValue) }
}
