/// Where a connection comes from, as limits count it: what one party can have many of counts as one.
package enum RemoteAddress: Hashable, Sendable {
    /// An IPv4 address, or one written as IPv6.
    case v4(UInt32)
    /// The first 64 bits of an IPv6 address: a subscriber has at least all of the rest.
    case v6(UInt64)
    /// Not known, or no address of the Internet; all such connections count as one party.
    case unknown

    /// Reads the bytes of an address in network order, 4 or 16; any other count is no address.
    package init(bytes: some Collection<UInt8>) {
        func integer(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4:
            self = .v4(UInt32(truncatingIfNeeded: integer(bytes)))
        case 16 where bytes.prefix(10).allSatisfy({ $0 == 0 }) && bytes.dropFirst(10).prefix(2).allSatisfy({ $0 == 0xFF }):
            self = .v4(UInt32(truncatingIfNeeded: integer(bytes.suffix(4))))
        case 16:
            self = .v6(integer(bytes.prefix(8)))
        default:
            self = .unknown
        }
    }
}
