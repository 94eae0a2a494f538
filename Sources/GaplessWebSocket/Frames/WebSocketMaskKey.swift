/// The four bytes that a client combines with each payload (RFC 6455 §5.3), kept in the order of the wire.
package struct WebSocketMaskKey: Hashable, Sendable {
    /// The key as a big-endian number: its first byte on the wire is the highest.
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// A key that the peer cannot foresee, as long as the generator is a good one.
    package init(using random: inout some RandomNumberGenerator) {
        self.rawValue = UInt32(truncatingIfNeeded: random.next() as UInt64)
    }

    /// Masks or unmasks the bytes in place, eight at a time.
    ///
    /// - Parameter offset: how many bytes of the same payload went before these.
    package func apply(to bytes: UnsafeMutableRawBufferPointer, offset: Int = 0) {
        guard let base = bytes.baseAddress else { return }
        let shift = UInt32(truncatingIfNeeded: (offset & 3) &* 8)
        let turned = (self.rawValue &<< shift) | (shift == 0 ? 0 : self.rawValue &>> (32 &- shift))
        let key = turned.bigEndian
        let wide = UInt64(key) | (UInt64(key) &<< 32)
        let count = bytes.count
        var index = 0
        while index &+ 8 <= count {
            let word = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            base.storeBytes(of: word ^ wide, toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        // `key` lies in memory as on the wire only on little-endian machines; shifting from the low end is right on both.
        var rest = UInt64(littleEndian: wide)
        while index < count {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            base.storeBytes(of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: index, as: UInt8.self)
            rest &>>= 8
            index &+= 1
        }
    }
}
