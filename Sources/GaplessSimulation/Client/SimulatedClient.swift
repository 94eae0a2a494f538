import GaplessCore

/// One client of the world: its name, its disk, and its processes, of which two may live at once.
final class SimulatedClient {
    unowned let world: World
    let place: Int
    let id: ClientID
    /// Whether it keeps its state on a disk.
    let isDurable: Bool
    /// What its disk holds; the newest of the past states is the last.
    var disk: ClientRecord?
    var pastDisks: [ClientRecord] = []
    /// The process that counts.
    var process: ClientProcess?
    /// Another process of the same client, by a copy of the state or without one.
    var twin: ClientProcess?
    /// Whether its state was used twice, by a copy beside it or by one from the past: what uplink then promises is off (Protocol.md [R5.5-2]).
    var hasCopies = false
    /// Whether the client said `BYE` and is done.
    var hasEnded = false
    private var lives: UInt64 = 0
    private var messages = 0

    init(world: World, place: Int, id: ClientID, isDurable: Bool) {
        self.world = world
        self.place = place
        self.id = id
        self.isDurable = isDurable
    }

    /// Starts a process from a state, or from none.
    func start(from record: ClientRecord?, isTwin: Bool = false) {
        self.lives += 1
        let process = ClientProcess(client: self, life: self.lives, record: record, isTwin: isTwin)
        if isTwin { self.twin = process } else { self.process = process }
        process.start()
    }

    /// The text of the next message that the application sends.
    func nextText() -> String {
        self.messages += 1
        return "u\(self.place)-\(self.messages)"
    }
}
