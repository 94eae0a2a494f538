import Foundation

/// What a node's answer to a batch under an idempotency key says about its lines.
///
/// A node remembers under a key what became of the whole batch, a refusal in its middle included. So lines that a node settled are never sent
/// again under their key, and lines of which nobody knows are never sent under another.
enum BatchAnswer: Hashable, Sendable {
    /// So many lines are committed, all of them.
    case accepted(Int)
    /// So many lines are committed; the next one finds no room, which may change, and those behind it were skipped.
    case full(after: Int, reason: String)
    /// Nothing is known to be committed; the same batch under the same key settles it.
    case unsettled(reason: String)
    /// So many lines are committed; the next one is refused for good, and those behind it were skipped.
    case refused(after: Int, reason: String)

    /// Reads the answer to a batch of `count` lines, a receipt or an error for each.
    init(_ body: some Collection<UInt8>, of count: Int) {
        let decoder = JSONDecoder()
        var committed = 0
        for line in body.split(separator: UInt8(ascii: "\n")) {
            guard let receipt = try? decoder.decode(ReceiptLine.self, from: Data(line)) else {
                self = .unsettled(reason: "a node answered with something that is not a receipt")
                return
            }
            guard let error = receipt.error else {
                committed += 1
                continue
            }
            self.init(error, after: committed)
            return
        }
        self = committed == count ? .accepted(count) : .unsettled(reason: "a node's answer broke off")
    }

    private init(_ error: ReceiptLine.Failure, after committed: Int) {
        switch error.code {
        case "queueFull", "full", "tooManyKeys":
            self = .full(after: committed, reason: error.message)
        case "overloaded", "unavailable":
            // The lines before it are settled, and so is their key.
            self = committed > 0 ? .full(after: committed, reason: error.message) : .unsettled(reason: error.message)
        case "unknown":
            self = .unsettled(reason: error.message)
        default:
            self = .refused(after: committed, reason: "line \(committed + 1) of the batch: \(error.message)")
        }
    }

    private struct ReceiptLine: Decodable {
        struct Failure: Decodable {
            let code: String
            let message: String
        }
        let error: Failure?
    }
}
