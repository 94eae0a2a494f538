import DequeModule
import GaplessCore

/// One WebSocket: two ordered pipes that may die, each for itself.
final class SimulatedLink {
    /// What travels, and when it arrives at the earliest.
    struct Parcel<Frame> {
        enum Content {
            case frame(Frame)
            /// The Close frame with its code.
            case close(CloseCode)
            /// The first part of a message whose rest was lost.
            case part
            /// The end of the TCP connection.
            case end
        }

        let content: Content
        let bytes: Int
        let arrival: Instant
    }

    /// One direction.
    struct Pipe<Frame> {
        /// How bytes fare.
        enum Mode {
            case flowing
            /// They stay where they are, in a clogged or dead path; nobody is told.
            case stuck
            /// Torn or ended: nothing new is taken.
            case ended
        }

        private(set) var parcels: Deque<Parcel<Frame>> = []
        private(set) var bytes = 0
        var mode = Mode.flowing
        var isArrivalScheduled = false
        /// Nothing arrives before, though nobody is clogged: the path is long.
        var heldUntil = Instant(nanoseconds: 0)
        private var lastArrival = Instant(nanoseconds: 0)

        var first: Parcel<Frame>? { self.parcels.first }

        mutating func append(_ content: Parcel<Frame>.Content, bytes: Int, notBefore arrival: Instant) {
            guard self.mode != .ended else { return }
            self.lastArrival = max(self.lastArrival, arrival)
            self.parcels.append(Parcel(content: content, bytes: bytes, arrival: self.lastArrival))
            self.bytes += bytes
        }

        mutating func popFirst() -> Parcel<Frame>? {
            let parcel = self.parcels.popFirst()
            self.bytes -= parcel?.bytes ?? 0
            return parcel
        }

        /// Loses everything but the first few, and takes nothing more but the end.
        ///
        /// - Parameter isTorn: whether a part of the first message that is lost arrives all the same.
        mutating func tear(keeping count: Int, isTorn: Bool = false, endingAt arrival: Instant) {
            guard self.mode != .ended else { return }
            var hasLostFrame = false
            while self.parcels.count > count {
                let lost = self.parcels.removeLast()
                self.bytes -= lost.bytes
                if case .frame = lost.content { hasLostFrame = true } else { hasLostFrame = false }
            }
            self.mode = .flowing
            if isTorn, hasLostFrame { self.append(.part, bytes: 0, notBefore: arrival) }
            self.append(.end, bytes: 0, notBefore: arrival)
            self.mode = .ended
        }

        /// Takes nothing more; what is in it still arrives, and then the end.
        mutating func end(at arrival: Instant) {
            self.tear(keeping: self.parcels.count, endingAt: arrival)
        }
    }

    let id: UInt64
    let opened: Instant
    let client: ClientProcess
    let connection: ConnectionID
    let node: NodeProcess
    var up = Pipe<ClientFrame>()
    var down = Pipe<ServerFrame>()
    var random: SeededRandom
    /// The server's side, once it is opened there.
    var served: SimulatedConnection?
    /// What the client said first, once it did.
    var hello: Hello?
    /// When that took the queue over, while nobody has answered it; for the checker.
    var forced: Instant?
    /// What the client has in flight, for the checker.
    var uplink = SentWindow()
    /// Whether the server's side is gone.
    var isServerOver = false
    /// Whether the client's side is gone: the client closed it, or was told of its end.
    var isClientOver = false
    /// Whether the Close that the server sends vanishes, and with it everything after.
    var losesClose = false

    init(id: UInt64, client: ClientProcess, connection: ConnectionID, node: NodeProcess, random: SeededRandom) {
        self.id = id
        self.opened = client.world.now
        self.client = client
        self.connection = connection
        self.node = node
        self.random = random
    }
}
