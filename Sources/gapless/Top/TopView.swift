import GaplessCore

/// What a person looks at in `top`: a node, a question, help. Keys in, wishes out.
struct TopView: Hashable, Sendable {
    /// What the screen shows.
    enum Mode: Hashable, Sendable {
        case list
        case help
        /// An order that waits for a yes.
        case question(NodeOrder, String)
    }

    /// What a key wants.
    enum Wish: Hashable, Sendable {
        case nothing
        case quit
        case suspend
        case redraw
        case order(NodeOrder, String)
    }

    private(set) var mode = Mode.list
    /// The last news, at the foot of the screen until the next key.
    var message = ""
    /// The name of the chosen row; nil as long as nobody chose, which is the first.
    private var chosen: String?

    /// The place of the chosen row among these; nil when there are none. A row that went leaves the choice to its neighbour.
    func choice(among rows: [TopSnapshot.Row]) -> Int? {
        guard !rows.isEmpty else { return nil }
        guard let chosen = self.chosen else { return 0 }
        return rows.firstIndex { $0.name == chosen } ?? max(0, (rows.firstIndex { $0.name > chosen } ?? rows.count) - 1)
    }

    /// A key was pressed.
    mutating func press(_ key: TopKey, rows: [TopSnapshot.Row]) -> Wish {
        self.message = ""
        switch key {
        case .interrupt: return .quit
        case .suspend: return .suspend
        case .redraw: return .redraw
        default: break
        }
        switch self.mode {
        case .list: return self.pressInList(key, rows: rows)
        case .help:
            self.mode = .list
            return .nothing
        case .question(let order, let name):
            self.mode = .list
            if key == .character("y") || key == .character("Y") { return .order(order, name) }
            self.message = "nothing was done"
            return .nothing
        }
    }

    private mutating func pressInList(_ key: TopKey, rows: [TopSnapshot.Row]) -> Wish {
        let place = self.choice(among: rows)
        switch key {
        case .character("q"), .character("Q"): return .quit
        case .character("h"), .character("?"): self.mode = .help
        case .down, .character("j"): self.choose(place.map { $0 + 1 }, rows)
        case .up, .character("k"): self.choose(place.map { $0 - 1 }, rows)
        case .first, .character("g"): self.choose(place.map { _ in 0 }, rows)
        case .last, .character("G"): self.choose(place.map { _ in rows.count - 1 }, rows)
        case .character("c"): self.ask(.cordon, place.map { rows[$0] })
        case .character("u"): self.ask(.uncordon, place.map { rows[$0] })
        case .character("d"): self.ask(.drain, place.map { rows[$0] })
        default: break
        }
        return .nothing
    }

    private mutating func choose(_ place: Int?, _ rows: [TopSnapshot.Row]) {
        guard let place else { return }
        self.chosen = rows[min(max(0, place), rows.count - 1)].name
    }

    private mutating func ask(_ order: NodeOrder, _ row: TopSnapshot.Row?) {
        guard let row else { return }
        guard row.node != nil else {
            self.message = "\(row.name) does not answer, and no other node knows it"
            return
        }
        self.chosen = row.name
        self.mode = .question(order, row.name)
    }
}
