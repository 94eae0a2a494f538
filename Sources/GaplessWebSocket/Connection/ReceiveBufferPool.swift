import NIOCore
import Synchronization

/// The spare receive buffer of an event loop, lent to each of its connections while that one reads.
///
/// An idle connection then holds no buffer, and the buffer of a read has one owner, so that frames are unmasked in it without a copy.
/// Used on its event loop only.
package final class ReceiveBufferPool {
    /// How much is read at once. A slice that a delegate keeps holds so much memory.
    static let capacity = 16_384

    private var spare: ByteBuffer?

    package init() {}

    /// Lends the buffer, or a new one if it is out.
    func take(allocator: ByteBufferAllocator) -> ByteBuffer {
        self.spare.take() ?? allocator.buffer(capacity: Self.capacity)
    }

    /// Takes a buffer back, unless it is another's or somebody kept a slice of it.
    func giveBack(_ buffer: consuming ByteBuffer) {
        guard self.spare == nil, buffer.capacity == Self.capacity else { return }
        if buffer.modifyIfUniquelyOwned({ $0.clear() }) != nil { self.spare = buffer }
    }
}

/// The pool of each event loop.
final class ReceiveBufferPools: Sendable {
    private let pools = Mutex<[ObjectIdentifier: NIOLoopBound<ReceiveBufferPool>]>([:])

    /// The pool of this loop. On the loop.
    func pool(of eventLoop: any EventLoop) -> NIOLoopBound<ReceiveBufferPool> {
        self.pools.withLock { pools in
            if let pool = pools[ObjectIdentifier(eventLoop)] { return pool }
            let pool = NIOLoopBound(ReceiveBufferPool(), eventLoop: eventLoop)
            pools[ObjectIdentifier(eventLoop)] = pool
            return pool
        }
    }
}

/// Makes a channel read into the buffer of its loop's pool.
///
/// NIO keeps the first buffer that it was given for the life of the channel and uses it again unless told that the next would be larger.
/// So the first is small, at the price of one more read in the handshake, and the next is always "larger". With `maxMessagesPerRead` at 1
/// NIO keeps no other.
struct LentReceiveBufferAllocator: RecvByteBufferAllocator {
    private static let firstCapacity = 64

    let pool: NIOLoopBound<ReceiveBufferPool>
    private var isFirst = true

    init(pool: NIOLoopBound<ReceiveBufferPool>) {
        self.pool = pool
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        self.isFirst ? allocator.buffer(capacity: Self.firstCapacity) : self.pool.value.take(allocator: allocator)
    }

    mutating func record(actualReadBytes: Int) -> Bool {
        self.isFirst = false
        return true
    }
}
