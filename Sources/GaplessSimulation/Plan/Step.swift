/// One thing that a plan does to the world. Places count from 0; a step whose object is not there does nothing.
package enum Step: Hashable, Sendable {
    // Traffic.
    case publish(client: Int, count: Int, bytes: Int, timeToLive: Int?)
    case publishToAll(count: Int)
    case send(client: Int, count: Int)

    // The network; `link` picks among those that are open.
    case cut(client: Int)
    case halfOpen(client: Int)
    case oneWay(client: Int, up: Bool)
    case clog(client: Int, up: Bool, down: Bool, milliseconds: Int)
    case loseClose(client: Int)

    // Processes.
    case crashNode(Int, down: Int)
    case drainNode(Int, down: Int)
    case stallNode(Int, milliseconds: Int)
    case cordonNode(Int, milliseconds: Int)
    case crashClient(Int, State, down: Int)
    case stallClient(Int, milliseconds: Int)
    case twin(client: Int, State, milliseconds: Int)
    case leave(client: Int, milliseconds: Int)
    case probe(client: Int)
    case end(client: Int)

    // The store.
    case stallStore(milliseconds: Int)
    case failStore(milliseconds: Int)
    case fillStore(milliseconds: Int)
    case doubt(commits: Int)
    case snapshot
    case rollBack(isNoticed: Bool)
    case remove(client: Int)
    case moveClock(node: Int, milliseconds: Int)

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
