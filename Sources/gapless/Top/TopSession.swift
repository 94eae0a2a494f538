import GaplessCore
import UnixSignals

/// One run of `gapless top` in a terminal: readings and keys in, screens and orders out.
struct TopSession {
    private enum Event: Sendable {
        case reading(Int, TopReading)
        case keys([TopKey])
        case inputEnded
        case suspended
        case signal(UnixSignal)
        /// An order was given, or was not, in words.
        case obeyed(String)
        /// Nobody waits for orders any longer.
        case tooLate
    }

    /// An order that a person confirmed.
    private struct Wish: Sendable {
        let order: NodeOrder
        let name: String
    }

    let clients: [AdminClient]
    let interval: Duration
    /// The interval as it was written.
    let intervalText: String

    /// How long the end waits for the answers to orders.
    private static let lastPatience = Duration.seconds(1)
    /// The most orders that wait for the one under way.
    private static let maxOrders = 16

    /// Runs until somebody quits, a signal says so, or the terminal is gone.
    func run(_ terminal: Terminal) async {
        // Each source but the signals waits until its last event was taken: so the events are few, also while the terminal takes nothing, and
        // none is ever left out.
        let (events, sink) = AsyncStream<Event>.makeStream()
        let (orders, orderSink) = AsyncStream<Wish>.makeStream(bufferingPolicy: .bufferingOldest(Self.maxOrders))
        let turns = self.clients.map { _ in Turn() }
        let keyTurn = Turn()
        let hasKeys = terminal.hasKeys
        let start = ContinuousClock.now
        // Before the screen is taken, so that no signal finds it taken and nobody there to give it back.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigquit, .sigwinch, .sigcont)
        let suspension = SuspendSignal { sink.yield(.suspended) }
        defer { suspension.cancel() }
        await withTaskGroup(of: Void.self) { tasks in
            for (place, client) in self.clients.enumerated() {
                let reader = TopReader(client: client, start: start)
                tasks.addTask {
                    for await _ in turns[place].stream {
                        sink.yield(.reading(place, await reader.read()))
                        try? await Task.sleep(for: self.interval)
                    }
                }
            }
            tasks.addTask {
                for await signal in signals { sink.yield(.signal(signal)) }
            }
            tasks.addTask {
                for await wish in orders { sink.yield(.obeyed(await self.give(wish))) }
            }
            if hasKeys {
                tasks.addTask {
                    for await _ in keyTurn.stream {
                        var keys: [TopKey]? = []
                        while !Task.isCancelled, keys?.isEmpty == true { keys = try? await KeyReader.next() }
                        sink.yield(keys.map { .keys($0) } ?? .inputEnded)
                    }
                }
            }
            var iterator = events.makeAsyncIterator()
            var waiting: [Wish] = []
            await self.follow(&iterator, terminal, &waiting) { taken in
                switch taken {
                case .reading(let place, _): turns[place].next()
                case .keys: keyTurn.next()
                default: break
                }
            } give: { wish in
                if case .enqueued = orderSink.yield(wish) { true } else { false }
            }
            if !waiting.isEmpty {
                tasks.addTask {
                    try? await Task.sleep(for: Self.lastPatience)
                    sink.yield(.tooLate)
                }
                await self.conclude(waiting, &iterator)
            }
            tasks.cancelAll()
        }
    }

    /// Lets a source go on when its last event was taken.
    private struct Turn: Sendable {
        let stream: AsyncStream<Void>
        private let sink: AsyncStream<Void>.Continuation

        /// The first turn is free.
        init() {
            (self.stream, self.sink) = AsyncStream.makeStream()
            self.next()
        }

        func next() {
            self.sink.yield()
        }
    }

    /// Shows what happens, until the end. What is left in `waiting` was ordered and not answered.
    private func follow(
        _ events: inout AsyncStream<Event>.Iterator,
        _ terminal: Terminal,
        _ waiting: inout [Wish],
        taken: (Event) -> Void,
        give: (Wish) -> Bool
    ) async {
        var histories = self.clients.map { TopHistory($0.currentAddress) }
        var view = TopView()
        terminal.enter()
        defer { terminal.leave() }
        guard self.draw(TopSnapshot(histories), view, terminal) else { return }
        while let event = await events.next() {
            taken(event)
            switch event {
            case .reading(let place, let reading): histories[place].add(reading)
            case .obeyed(let text):
                // They are given one after the other.
                waiting.removeFirst()
                view.message = text
            case .tooLate: break
            case .inputEnded: return
            case .suspended: terminal.suspend()
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
                    case .order(let order, let name):
                        let wish = Wish(order: order, name: name)
                        if give(wish) { waiting.append(wish) } else { view.message = "too many orders wait; \(name) was told nothing" }
                    }
                }
            }
            guard self.draw(TopSnapshot(histories), view, terminal) else { return }
        }
    }

    /// Waits a moment for what was ordered, and says what became of it: an operator must not believe in an order that nobody got.
    private func conclude(_ waiting: [Wish], _ events: inout AsyncStream<Event>.Iterator) async {
        var waiting = waiting
        while !waiting.isEmpty, let event = await events.next() {
            switch event {
            case .obeyed(let text):
                waiting.removeFirst()
                StandardError.write("gapless: \(text)")
            case .tooLate, .signal(.sigterm), .signal(.sigint), .signal(.sigquit), .signal(.sighup):
                for wish in waiting {
                    StandardError.write("gapless: it is not known whether \(wish.name) was told to \(wish.order.rawValue)")
                }
                return
            case .reading, .keys, .inputEnded, .suspended, .signal: break
            }
        }
    }

    private func draw(_ snapshot: TopSnapshot, _ view: TopView, _ terminal: Terminal) -> Bool {
        let (width, height) = terminal.size
        return terminal.show(TopScreen(width: width, height: height).lines(snapshot, view, every: self.intervalText))
    }

    /// Gives an order; how it went, for the foot of the screen.
    private func give(_ wish: Wish) async -> String {
        do {
            try await NodeOrders(wish.name, wish.order, through: self.clients).give()
            return "\(wish.name) was told to \(wish.order.rawValue)"
        } catch {
            return (error as? ProgramError)?.description ?? String(describing: error)
        }
    }
}
