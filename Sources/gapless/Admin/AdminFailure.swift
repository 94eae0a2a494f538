import AsyncHTTPClient
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Why a node could not be asked, as far as the network tells.
enum AdminFailure: Hashable, Sendable, CustomStringConvertible {
    /// Nobody listens there.
    case refused
    /// Nothing came in time.
    case silent
    /// Something else, in the words of the library.
    case other(String)

    /// What an error of the HTTP client comes to.
    init(_ error: any Error) {
        switch error {
        case let error as NIOConnectionError where Self.isRefusal(error): self = .refused
        case let error as IOError where error.errnoCode == ECONNREFUSED: self = .refused
        case let error as HTTPClientError where [.connectTimeout, .readTimeout, .deadlineExceeded].contains(error): self = .silent
        case let error as ProgramError: self = .other(error.description)
        default: self = .other(String(describing: error))
        }
    }

    private static func isRefusal(_ error: NIOConnectionError) -> Bool {
        !error.connectionErrors.isEmpty
            && error.connectionErrors.allSatisfy { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
    }

    var description: String {
        switch self {
        case .refused: "connection refused"
        case .silent: "no answer in time"
        case .other(let text): text
        }
    }
}
