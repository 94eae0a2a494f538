import NIOCore

/// `TCP_USER_TIMEOUT`: how long sent bytes may go without acknowledgement until the kernel gives the connection up.
///
/// Only Linux has it. The number is that of the kernel's interface (`linux/tcp.h`), which never changes.
enum TCPUserTimeout {
    static var option: ChannelOptions.Types.SocketOption? {
        #if os(Linux)
        ChannelOptions.Types.SocketOption(level: .tcp, name: NIOBSDSocket.Option(rawValue: 18))
        #else
        nil
        #endif
    }

    /// Milliseconds.
    static func value(_ timeout: TimeAmount) -> ChannelOptions.Types.SocketOption.Value {
        ChannelOptions.Types.SocketOption.Value(clamping: timeout.nanoseconds / 1_000_000)
    }
}
