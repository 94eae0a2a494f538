import GaplessCore
import UnixSignals

/// One run of `gapless top` in a terminal: readings and keys in, screens and orders out.
struct TopSession {
    private enum Event: Sendable {
        case reading(Int, TopReading)
        case keys([TopKey])
        case inputEnded
        case signal(UnixSignal)
        case news(String)
    }

    let clients: [AdminClient]
    let interval: Duration
    /// The interval as it was written.
    let intervalText: String

    /// The most events that wait for the screen; readings beyond them are left out.
    private static let maxEvents = 4_096

    /// Runs until somebody quits, a signal says so, or the terminal is gone.
    func run(_ terminal: Terminal) async {
        let (events, sink) = AsyncStream<Event>.makeStream(bufferingPolicy: .bufferingOldest(Self.maxEvents))
        let (orders, orderSink) = AsyncStream<(NodeOrder, String)>.makeStream(bufferingPolicy: .bufferingOldest(16))
        let hasKeys = terminal.hasKeys
        let start = ContinuousClock.now
        // Before the screen is taken, so that no signal finds it taken and nobody there to give it back.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigquit, .sigwinch, .sigcont)
        await withTaskGroup(of: Void.self) { tasks in
            for (place, client) in self.clients.enumerated() {
                let reader = TopReader(client: client, start: start)
                tasks.addTask {
                    while !Task.isCancelled {
                        sink.yield(.reading(place, await reader.read()))
                        try? await Task.sleep(for: self.interval)
                    }
                }
            }
            tasks.addTask {
                for await signal in signals { sink.yield(.signal(signal)) }
            }
            tasks.addTask {
                for await (order, name) in orders { sink.yield(.news(await self.give(order, to: name))) }
            }
            if hasKeys {
                tasks.addTask {
                    while !Task.isCancelled, let keys = try? await KeyReader.next() {
                        if !keys.isEmpty { sink.yield(.keys(keys)) }
                    }
                    sink.yield(.inputEnded)
                }
            }
            await self.follow(events, terminal) { orderSink.yield(($0, $1)) }
            tasks.cancelAll()
        }
    }

    /// Shows what happens, until the end.
    private func follow(_ events: AsyncStream<Event>, _ terminal: Terminal, order: (NodeOrder, String) -> Void) async {
        var histories = self.clients.map { TopHistory($0.currentAddress) }
        var view = TopView()
        terminal.enter()
        defer { terminal.leave() }
        guard self.draw(TopSnapshot(histories), view, terminal) else { return }
        for await event in events {
            switch event {
            case .reading(let place, let reading): histories[place].add(reading)
            case .news(let text): view.message = text
            case .inputEnded: return
            case .signal(.sigwinch): terminal.forget()
            case .signal(.sigcont): terminal.enter()
            case .signal: return
            case .keys(let keys):
                let rows = TopSnapshot(histories).rows
                for key in keys {
                    switch view.press(key, rows: rows) {
                    case .nothing: break
                    case .quit: return
                    case .redraw: terminal.forget()
                    case .suspend: terminal.suspend()
                    case .order(let wish, let name): order(wish, name)
                    }
                }
            }
            guard self.draw(TopSnapshot(histories), view, terminal) else { return }
        }
    }

    private func draw(_ snapshot: TopSnapshot, _ view: TopView, _ terminal: Terminal) -> Bool {
        let (width, height) = terminal.size
        return terminal.show(TopScreen(width: width, height: height).lines(snapshot, view, every: self.intervalText))
    }

    /// Gives an order; how it went, for the foot of the screen.
    private func give(_ order: NodeOrder, to name: String) async -> String {
        do {
            try await NodeOrders(name, order, through: self.clients).give()
            return "\(name) was told to \(order.rawValue)"
        } catch {
            return (error as? ProgramError)?.description ?? String(describing: error)
        }
    }
}
