/// What a person pressed.
enum TopKey: Hashable, Sendable {
    case character(Character)
    case up
    case down
    case first
    case last
    case escape
    case redraw
    case suspend
    case interrupt

    /// The keys that bytes of a terminal stand for; what is not known is left out.
    static func keys(_ bytes: [UInt8]) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x03: keys.append(.interrupt)
            case 0x0C: keys.append(.redraw)
            case 0x1A: keys.append(.suspend)
            case 0x1B where rest.first == UInt8(ascii: "[") || rest.first == UInt8(ascii: "O"): Self.sequence(&rest).map { keys.append($0) }
            case 0x1B: keys.append(.escape)
            case 0x20...0x7E: keys.append(.character(Character(Unicode.Scalar(byte))))
            default: break
            }
        }
        return keys
    }

    /// ECMA-48 §5.4: parameters, then a byte that ends and names it.
    private static func sequence(_ rest: inout ArraySlice<UInt8>) -> TopKey? {
        rest = rest.dropFirst()
        let parameters = rest.prefix { (0x20...0x3F).contains($0) }
        rest = rest[parameters.endIndex...]
        switch (rest.popFirst(), Array(parameters)) {
        case (UInt8(ascii: "A"), _): return .up
        case (UInt8(ascii: "B"), _): return .down
        case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), Array("1".utf8)), (UInt8(ascii: "~"), Array("7".utf8)): return .first
        case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), Array("4".utf8)), (UInt8(ascii: "~"), Array("8".utf8)): return .last
        default: return nil
        }
    }
}
