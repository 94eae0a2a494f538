/// Who a client proved to be: a user, the devices that the proof is good for, and until when.
public struct Identity: Hashable, Sendable {
    /// Which of a user's clients a proof is good for.
    public enum Device: Hashable, Sendable {
        /// Every client of the user.
        case any
        /// One client alone: the user's device of this name, or with nil the user's one queue without a device.
        case exactly(UserID?)
    }

    /// The user.
    public var user: UserID

    /// Which of the user's clients may attach.
    public var device: Device

    /// When the proof ends; nil when it does not. The client is asked for a new one in time (Protocol.md §9.3).
    public var expires: Timestamp?

    /// Joins the parts.
    public init(user: UserID, device: Device = .any, expires: Timestamp? = nil) {
        self.user = user
        self.device = device
        self.expires = expires
    }

    /// Whether the proof is good for this client.
    package func allows(_ client: ClientID) -> Bool {
        guard client.user == self.user else { return false }
        return switch self.device {
        case .any: true
        case .exactly(let device): client.device == device
        }
    }
}
