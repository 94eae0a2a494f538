import GaplessCore

/// One client of the world: its address, its disk, and its processes, of which two may live at once.
final class SimulatedClient {
    unowned let world: World
    let place: Int
    /// The address that it chose; nil where the server names it.
    let name: ClientID?
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
    /// Whether a process began without what is on the disk, so that the uplink in there is lost.
    var hasLostState = false
    /// Whether the client said `BYE` and is done.
    var hasEnded = false
    /// After how many milliseconds it begins again then; nil for never.
    var pauseAfterEnd: Int?
    private var lives: UInt64 = 0
    private var messages = 0

    init(world: World, place: Int, name: ClientID?, isDurable: Bool) {
        self.world = world
        self.place = place
        self.name = name
        self.isDurable = isDurable
    }

    /// Its address; nil as long as it has none.
    var id: ClientID? { self.name ?? self.process?.record.identity.client }

    /// Starts a process from a state, or from none.
    ///
    /// - Parameter isSuccessor: whether the state is what the process before it saved last.
    func start(from record: ClientRecord?, isTwin: Bool = false, isSuccessor: Bool = false) {
        self.lives += 1
        let process = ClientProcess(client: self, life: self.lives, record: record, isTwin: isTwin)
        if isTwin { self.twin = process } else { self.process = process }
        process.start(isSuccessor: isSuccessor)
    }

    /// The faults are over: it runs, alone, and wants to be attached.
    func heal() {
        self.twin?.kill()
        self.twin = nil
        guard !self.hasEnded else { return }
        if self.process?.isRunning != true { self.start(from: self.disk, isSuccessor: self.isDurable) }
        self.process?.restart()
        self.process?.comeBack()
    }

    /// The text of the next message that the application sends.
    func nextText() -> String {
        self.messages += 1
        return "u\(self.place)-\(self.messages)"
    }
}
