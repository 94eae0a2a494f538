/// Rows under a heading, each column as wide as its widest cell.
///
/// What servers and files put into a cell cannot command the terminal: control characters stand as escapes.
struct TextTable {
    /// On which side of its column a cell stands.
    enum Side: Hashable, Sendable {
        case left
        case right
    }

    /// A cell of a row.
    struct Cell: Hashable, Sendable, ExpressibleByStringInterpolation {
        let text: String
        let style: TextStyle

        /// Joins the two.
        init(_ text: String, _ style: TextStyle = .plain) {
            self.text = text.printable
            self.style = style
        }

        init(stringLiteral text: String) {
            self.init(text)
        }
    }

    private let columns: [(heading: String, side: Side)]
    private var rows: [[Cell]] = []

    /// A table without rows.
    init(_ columns: [(heading: String, side: Side)]) {
        self.columns = columns
    }

    /// Adds a row, which has a cell for each column.
    mutating func append(_ cells: [Cell]) {
        precondition(cells.count == self.columns.count, "a row has a cell for each column")
        self.rows.append(cells)
    }

    /// The heading and the rows, a line each, without a line end behind the last.
    func text(_ ink: Ink = .none) -> String {
        let rows = [self.columns.map { Cell($0.heading, .strong) }] + self.rows
        let widths = self.columns.indices.map { column in rows.map { $0[column].text.count }.max() ?? 0 }
        return rows.map { row in
            row.indices.map { column in
                let cell = row[column]
                let gap = String(repeating: " ", count: widths[column] - cell.text.count)
                let isLast = column == row.indices.last
                switch self.columns[column].side {
                case .left: return ink.paint(cell.text, cell.style) + (isLast ? "" : gap)
                case .right: return gap + ink.paint(cell.text, cell.style)
                }
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
