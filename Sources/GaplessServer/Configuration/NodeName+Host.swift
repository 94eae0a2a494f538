import Foundation
import GaplessCore

extension NodeName {
    /// The machine's host name, with what a node's name cannot hold left out; `node` when nothing is left.
    static var ofHost: NodeName {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return Self.fallback }
        let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let name = String(decoding: text, as: UTF8.self).filter { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) }
        return NodeName(String(name.prefix(64))) ?? Self.fallback
    }

    private static var fallback: NodeName {
        guard let name = NodeName("node") else { preconditionFailure("'node' is the name of a node") }
        return name
    }
}
