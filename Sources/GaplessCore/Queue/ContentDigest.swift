import NIOCore

/// 128 bits that stand for the recipients and payloads of a send, kept with its idempotency key to notice another content under the same key.
///
/// It guards against mistakes, not against attackers: keys and contents come from the service itself. It is the same in every process and
/// release, since several work on one store.
package struct ContentDigest: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    /// The parts, as a store reads them.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The digest of one send. Time to live and key do not count.
    package init(of append: AppendOperation) {
        var hasher = DigestHasher(kind: 1)
        hasher.combine(append)
        self = hasher.digest
    }

    /// The digest of a sequence of sends.
    package init(of sequence: AppendSequenceOperation) {
        var hasher = DigestHasher(kind: 2)
        hasher.combine(UInt64(sequence.appends.count))
        for append in sequence.appends {
            hasher.combine(append)
        }
        self = hasher.digest
    }
}

/// Two lanes of multiply-and-rotate over words of eight bytes; every part is preceded by its length, so that no two contents run together.
private struct DigestHasher {
    private var high: UInt64
    private var low: UInt64

    init(kind: UInt64) {
        self.high = 0x9e37_79b9_7f4a_7c15 ^ kind
        self.low = 0xcbf2_9ce4_8422_2325 ^ (kind << 32)
    }

    var digest: ContentDigest {
        ContentDigest(high: Self.finish(self.high &+ self.low), low: Self.finish(self.low ^ (self.high &>> 1)))
    }

    mutating func combine(_ append: AppendOperation) {
        switch append.recipients {
        case .clients(let clients, let existingOnly):
            self.combine(existingOnly ? 2 : 1)
            self.combine(UInt64(clients.count))
            for client in clients {
                self.combine(bytes: client.description.utf8)
            }
        case .user(let user):
            self.combine(3)
            self.combine(bytes: user.description.utf8)
        }
        self.combine(UInt64(append.payload.kind.rawValue))
        self.combine(bytes: append.payload.bytes.readableBytesView)
    }

    mutating func combine(_ word: UInt64) {
        let mixed = word &* 0x87c3_7b91_1142_53d5
        self.high = (self.high ^ (mixed &<< 31 | mixed &>> 33)) &* 0x4cf5_ad43_2745_937f
        self.high = self.high &<< 27 | self.high &>> 37
        self.low = (self.low ^ word) &* 0x0000_0100_0000_01b3
        self.low = (self.low &<< 33 | self.low &>> 31) &+ self.high
    }

    private mutating func combine(bytes: some Collection<UInt8>) {
        self.combine(UInt64(bytes.count))
        var word: UInt64 = 0
        var filled: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) &<< (8 * filled)
            filled += 1
            if filled == 8 {
                self.combine(word)
                word = 0
                filled = 0
            }
        }
        if filled > 0 {
            self.combine(word)
        }
    }

    private static func finish(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z &>> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z &>> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z &>> 31)
    }
}
