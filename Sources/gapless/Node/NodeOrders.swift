import GaplessCore
import NIOCore
import NIOHTTP1

/// Gives a node an order through any node that answers, and waits for it.
struct NodeOrders {
    /// What there is to say at the end.
    struct Outcome: Hashable, Encodable {
        let name: String
        let order: String
        /// What the node does now: a state, or `ended`; nil when nobody waited.
        let state: String?
    }

    let name: String
    let order: NodeOrder
    private var clients: [AdminClient]
    /// The address at which the node itself answered.
    private var own: String?

    /// From one look to the next.
    private static let pause = Duration.milliseconds(250)

    /// Orders through `clients`, each of which asks one address.
    init(_ name: String, _ order: NodeOrder, through clients: [AdminClient]) {
        self.name = name
        self.order = order
        self.clients = clients
    }

    /// Gives the order.
    ///
    /// - Throws: `ProgramError`: `wrongInput` when there is no such node, `tryAgain` when nodes cannot give it now, `unreachable`, `notAllowed`.
    ///   With the last three, and above all where an answer was lost, the order may have been given all the same.
    func give() async throws {
        var round = AdminRound()
        for client in self.clients {
            do {
                let answer = try await client.askOnce(
                    .POST,
                    "/v1/nodes/\(AdminClient.segment(self.name))/\(self.order.rawValue)",
                    headers: [("Content-Type", "application/json")]
                )
                guard round.isSettled(by: answer, from: client.currentAddress) else { continue }
                if answer.isMissing("noSuchNode") {
                    // A node that obeyed a drain may have gone before another one is asked.
                    if self.order.isDrain, round.isInDoubt { return }
                    throw ProgramError(.wrongInput, "no node '\(self.name)' is alive")
                }
                guard answer.status != .notFound else {
                    throw ProgramError(.wrongInput, "the node at \(client.currentAddress) knows no orders: it is too old")
                }
                return try answer.requireSuccess()
            } catch let error as ProgramError {
                throw error
            } catch {
                round.failed(AdminFailure(error), at: client.currentAddress)
            }
        }
        throw round.failure
    }

    /// Finds out which of the addresses is the node's own; to be called before an order that ends it.
    mutating func findOwnAddress() async {
        for client in self.clients {
            guard let nodes = try? await Self.nodes(client) else { continue }
            if nodes.contains(where: { $0.isAsked && $0.name == self.name }) { self.own = client.currentAddress }
        }
    }

    /// Waits until the node has obeyed; its state, or `ended`.
    ///
    /// - Throws: `ProgramError`: `tookTooLong` after `timeout`, `tryAgain` when it will not obey, `unreachable` when no node answers any more.
    func wait(_ timeout: Duration) async throws -> String {
        var wait = NodeWait(self.name, self.order)
        var line = ProgressLine()
        defer { line.clear() }
        let start = ContinuousClock.now
        while true {
            let (verdict, problem) = try await self.look(&wait, until: start + timeout)
            let passed = ContinuousClock.now - start
            switch verdict {
            case .obeyed(let state): return state
            case .ended: return "ended"
            case .refused(let reason): throw ProgramError(.tryAgain, reason)
            case .waiting(let progress): line.show("\(progress), \(TextFormat.time(passed / .seconds(1)))")
            case nil: line.show("no node answers (\(problem)), \(TextFormat.time(passed / .seconds(1)))")
            }
            guard passed < timeout else {
                line.clear()
                if verdict == nil { throw ProgramError(.unreachable, "no node answers any more (\(problem))") }
                throw ProgramError(
                    .tookTooLong,
                    "'\(self.name)' has not obeyed within \(TextFormat.time(timeout / .seconds(1))); the order stands"
                )
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Looks once: another node's word before the node's own, since that one cannot say that it has ended.
    private func look(
        _ wait: inout NodeWait,
        until end: ContinuousClock.Instant
    ) async throws -> (verdict: NodeWait.Verdict?, problem: String) {
        var problem = ""
        var isOwnRefused = false
        for client in self.clients.filter({ $0.currentAddress != self.own }) + self.clients.filter({ $0.currentAddress == self.own }) {
            do {
                return (wait.look(at: try await Self.nodes(client, within: end - .now)), "")
            } catch let error as ProgramError where error.kind == .notAllowed {
                throw error
            } catch {
                let failure = AdminFailure(error)
                problem = failure.description
                if client.currentAddress == self.own { isOwnRefused = failure == .refused }
            }
        }
        return (isOwnRefused ? wait.lookAtNobody() : nil, problem)
    }

    /// The longest time that a node gets for its list, and the shortest, so that there is a last look.
    private static let patience = (least: Duration.milliseconds(250), most: Duration.seconds(5))

    private static func nodes(_ client: AdminClient, within time: Duration = Self.patience.most) async throws -> [NodeDescription] {
        let patience = min(max(time, Self.patience.least), Self.patience.most)
        return try NodeDescription.list(try await client.askOnce(.GET, "/v1/nodes", timeout: TimeAmount(patience)))
    }
}
