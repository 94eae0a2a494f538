import NIOHTTP1

/// The same asked at one address after the other: what is an answer, what is not, and what it comes to when nobody gives one.
///
/// The one place that turns statuses into exit codes. What the caller did wrong (4xx) every node would say; that a node cannot now (429, 503), or
/// failed (every other 5xx), another one may do better.
struct AdminRound: Hashable, Sendable {
    /// Whether somebody may have done what was asked and did not say so.
    private(set) var isInDoubt = false
    /// Why a node cannot now.
    private var complaint: String?
    /// What became of the others.
    private var failures: [String] = []

    /// Nobody was asked yet.
    init() {}

    /// Takes an answer; whether that settles it.
    mutating func isSettled(by answer: AdminClient.Answer, from address: String) -> Bool {
        switch answer.status.code {
        case 429, 503:
            // A node that is too busy, or has no store, did nothing; and it says so when it cannot know.
            self.isInDoubt = self.isInDoubt || answer.code == "unknown"
            self.complaint = self.complaint ?? answer.complaint
            return false
        case 500...:
            self.isInDoubt = true
            self.failures.append("\(address): \(answer.complaint)")
            return false
        default:
            return true
        }
    }

    /// Takes that there is no answer.
    mutating func failed(_ failure: AdminFailure, at address: String) {
        if failure != .refused { self.isInDoubt = true }
        self.failures.append("\(address): \(failure)")
    }

    /// What to end with when nobody settled it: what a node said tells more than that another one is away.
    var failure: ProgramError {
        if let complaint = self.complaint { return ProgramError(.tryAgain, complaint) }
        return ProgramError(.unreachable, "no node answers (\(self.failures.joined(separator: "; ")))")
    }
}

extension AdminClient.Answer {
    /// Whether a node says that what the path names does not exist.
    func isMissing(_ code: String) -> Bool {
        self.status == .notFound && self.code == code
    }

    /// Returns when the node did what it was asked.
    ///
    /// - Throws: `ProgramError`: `wrongInput` when the caller is at fault, `tryAgain` when it is not the moment, `unreachable` when what answers is
    ///   no node, or one that fails.
    func requireSuccess() throws(ProgramError) {
        switch self.status.code {
        case 200..<300: return
        case 429, 503: throw ProgramError(.tryAgain, self.complaint)
        case 400..<500: throw ProgramError(.wrongInput, self.complaint)
        default: throw ProgramError(.unreachable, self.complaint)
        }
    }
}
