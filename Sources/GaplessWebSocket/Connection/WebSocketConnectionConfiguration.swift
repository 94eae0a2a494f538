package import NIOCore

/// The bounds and deadlines of a WebSocket connection.
package struct WebSocketConnectionConfiguration: Sendable {
    /// The most bytes of an inbound message; can be changed on the open connection. Default 64 KiB.
    package var maxMessageBytes = 65_536

    /// The most fragments of an inbound message. Default 1,024.
    package var maxFragments = 1_024

    /// Above so many bytes that the socket has not taken, `isWritable` is false. Default 64 KiB.
    package var highWaterBytes = 65_536

    /// Below so many bytes that the socket has not taken, `isWritable` is true again. Default 32 KiB.
    package var lowWaterBytes = 32_768

    /// Above so many bytes that the socket has not taken, nothing is read from the peer: who does not read the answers asks no more
    /// questions. Well above `highWaterBytes`, so that acknowledgements still come in while a window is being sent. Default 256 KiB.
    package var maxOutstandingBytes = 262_144

    /// How long the peer may take to answer a Close, or to take it. Then the TCP connection ends. Default 5 s.
    package var closeTimeout = TimeAmount.seconds(5)

    /// How long the socket may take no byte while bytes wait, until the delegate is told; nil = never. Default 30 s.
    package var writeStallTimeout: TimeAmount? = .seconds(30)

    package init() {}
}
