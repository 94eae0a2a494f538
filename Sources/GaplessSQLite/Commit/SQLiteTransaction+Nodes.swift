import GaplessCore
import GaplessStore

extension SQLiteTransaction {
    /// Notes a sign of life and what the node tells, and forgets the signals that it has seen.
    ///
    /// The first heartbeat that finds every node able to work with newer tables raises the schema, in this very commit.
    func heartbeat(_ operation: HeartbeatOperation) throws -> HeartbeatReceipt {
        let wasAlive = try self.aliveNodes().contains { $0.node == operation.node }
        var reports = try self.reports()
        let former = try self.allNodes()[operation.node]?.telling(reports)
        let record = NodeRecord(operation, former: former, now: self.clock)
        try self.setNode(operation.node, to: record)
        if !operation.isStopping { try self.raiseSchemaIfDue() }
        if self.hasReports {
            let row = NodeReportRows.Row(report: record.report, orders: record.orders)
            reports[operation.node] = row
            try self.setReport(record.hasStopped ? nil : row, of: operation.node)
        }
        let seen = operation.isStopping ? SignalCursor(rawValue: .max) : operation.seen
        try SignalRows.delete(for: operation.node, through: seen, in: self.tables.database)
        let alive = try self.aliveNodes().sorted { $0.node.isOrderedBefore($1.node) }
        return HeartbeatReceipt(
            peers: alive.map { $0.telling(reports).peer(at: self.clock) },
            wasAlive: wasAlive,
            order: record.orders.given
        )
    }

    /// Gives an order to each process of the node that counts as alive and whose program knows orders.
    func order(_ operation: OrderOperation) throws -> OrderReceipt {
        let alive = try self.aliveNodes().filter { $0.node.name == operation.node }
        guard !alive.isEmpty else { return .noSuchNode }
        let able = alive.filter { $0.schemas.contains(StoreSchema.reporting) }
        guard self.hasReports, !able.isEmpty else { return .schemaTooOld }
        let reports = try self.reports()
        for record in able {
            var row = reports[record.node] ?? NodeReportRows.Row()
            row.orders.give(operation.order, in: self.meta.incarnation)
            try NodeReportRows.put(row, for: record.node, in: self.tables.database)
        }
        return .given(able.map(\.node).sorted { $0.isOrderedBefore($1) })
    }

    /// The nodes that are alive, in no order.
    func aliveNodes() throws -> [NodeRecord] {
        try self.allNodes().values.filter { $0.liveness(at: self.clock, lifetime: self.policy.nodeLifetime) == .alive }
    }

    // MARK: Reports

    /// Whether the tables are there that reports and orders are kept in.
    private var hasReports: Bool { self.schemaInUse >= StoreSchema.reporting }

    /// What nodes told and what is wanted of them; nothing as long as the schema is too old for that.
    private func reports() throws -> [NodeIdentity: NodeReportRows.Row] {
        self.hasReports ? try NodeReportRows.all(in: self.tables.database) : [:]
    }

    private func setReport(_ row: NodeReportRows.Row?, of node: NodeIdentity) throws {
        if let row {
            try NodeReportRows.put(row, for: node, in: self.tables.database)
        } else {
            try NodeReportRows.delete(node, in: self.tables.database)
        }
    }

    // MARK: Schema

    /// Raises the schema when every node that is alive can work with a newer one.
    private func raiseSchemaIfDue() throws {
        guard self.mayRaise, let version = self.schema.newest(above: self.meta.schema, knownTo: try self.aliveNodes()) else { return }
        try self.raiseSchema(to: version)
    }
}

extension NodeRecord {
    /// The node with what it told and what is wanted of it, which stand in a table of their own.
    fileprivate func telling(_ reports: [NodeIdentity: NodeReportRows.Row]) -> NodeRecord {
        var record = self
        record.report = reports[self.node]?.report
        record.orders = reports[self.node]?.orders ?? NodeOrders()
        return record
    }
}
