/// One thing that a plan does to the world. Places count from 0; a step whose object is not there does nothing.
package enum Step: Hashable, Sendable {
    // Traffic.
    case publish(client: Int, count: Int, bytes: Int, timeToLive: Int?)
    case publishToAll(count: Int)
    /// To all clients of a user that exist.
    case publishToUser(user: Int, count: Int)
    /// Only where the queue exists.
    case publishToExisting(client: Int, count: Int)
    /// Several messages in order under one key.
    case publishSequence(client: Int, count: Int)
    /// A send that has its receipt is sent once more, under the same key; perhaps with other contents, which has to be refused.
    case sendAgain(isChanged: Bool)
    case send(client: Int, count: Int)

    // The network.
    /// Each direction loses a tail of its own.
    case cut(client: Int)
    case halfOpen(client: Int)
    case oneWay(client: Int, up: Bool)
    case clog(client: Int, up: Bool, down: Bool, milliseconds: Int)
    /// All connections are clogged one by one, and go on in another order.
    case swizzle(milliseconds: Int)
    /// The client loses its connection at once; what it sent arrives late, behind what it says on the next one.
    case linger(client: Int, milliseconds: Int)
    case loseClose(client: Int)

    // Processes.
    case crashNode(Int, down: Int)
    case drainNode(Int, down: Int)
    /// All nodes are cordoned and drained, one after the other.
    case deploy(milliseconds: Int)
    case stallNode(Int, milliseconds: Int)
    case cordonNode(Int, milliseconds: Int)
    /// The store becomes too new for a node, until the node is replaced.
    case outdateNode(Int, milliseconds: Int)
    case crashClient(Int, State, down: Int)
    case stallClient(Int, milliseconds: Int)
    case twin(client: Int, State, milliseconds: Int)
    case takeOver(client: Int)
    case leave(client: Int, milliseconds: Int)
    case probe(client: Int)
    /// `BYE`, and a new beginning after a time.
    case end(client: Int, isImmediate: Bool, milliseconds: Int?)
    /// Tokens of clients that the server names can no longer be verified.
    case forgetKeys

    // The store.
    case stallStore(milliseconds: Int)
    case failStore(milliseconds: Int)
    case fillStore(milliseconds: Int)
    case doubt(commits: Int)
    case snapshot
    case rollBack(isNoticed: Bool)
    /// The machine of the store fails, and the last commits were not on its disk.
    case loseCommits(count: Int, isNoticed: Bool)
    /// The same unnoticed, and the numbers are used again before many clients are back.
    case loseAndPublish(count: Int)
    case remove(client: Int)
    /// An operator sends a client away for a time, and perhaps lets it in before that is over.
    case sendAway(client: Int, code: Int, milliseconds: Int, isLetIn: Bool)
    /// An operator removes a queue, and somebody sends to it at once.
    case removeAndPublish(client: Int, count: Int)
    case moveClock(node: Int, milliseconds: Int)
    /// The wall clocks of all nodes.
    case moveClocks(milliseconds: Int)

    /// The state that a process of a client starts with.
    package enum State: Hashable, Sendable {
        /// What its disk holds; nothing, where it has none.
        case kept
        /// What its disk held some time ago.
        case old
        /// Nothing.
        case none
    }
}
