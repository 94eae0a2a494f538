import GRDB
import GaplessCore
import GaplessStore

/// The tables of a store in their versions, and which of them this program can work with.
///
/// In a rolling deploy a new program runs on the old schema; the schema is raised only when every live node supports the new one
/// (DESIGN.md §5). A program works with a schema that it does not know if the database says that it may (`minimumReader`).
package struct StoreSchema: Sendable {
    /// One step from a version to the next.
    package struct Step: Sendable {
        /// The version that the step leads to.
        package let version: UInt32
        /// The oldest version whose programs can go on working after it.
        package let minimumReader: UInt32
        /// What it does.
        package let sql: String

        package init(version: UInt32, minimumReader: UInt32, sql: String) {
            self.version = version
            self.minimumReader = minimumReader
            self.sql = sql
        }
    }

    /// Marks the database as one of Gapless: `GPLS`.
    static let applicationID: Int32 = 0x4750_4c53

    /// The versions that this program can work with.
    package let supported: ClosedRange<UInt32>
    /// The steps after version 1, in their order.
    package let steps: [Step]

    package init(supported: ClosedRange<UInt32>, steps: [Step]) {
        self.supported = supported
        self.steps = steps
    }

    /// What this version of the program knows.
    package static let current = StoreSchema(
        supported: 1...2,
        steps: [Step(version: 2, minimumReader: 1, sql: Self.second)]
    )

    /// The first version with reports and orders of nodes, and with clients that are sent away.
    static let reporting: UInt32 = 2

    /// - Throws: `.newerSchema` or `.misconfigured` when this program cannot work with the version that the database has.
    func requireKnown(schema: UInt32, minimumReader: UInt32) throws(QueueStoreError) {
        if self.supported.contains(schema) { return }
        guard schema > self.supported.upperBound else {
            throw QueueStoreError(
                .misconfigured,
                "The database has schema \(schema); this program works with \(self.supported.lowerBound) or later. "
                    + "Run an older program that knows schema \(schema) and raises it."
            )
        }
        guard minimumReader <= self.supported.upperBound else {
            throw QueueStoreError(
                .newerSchema,
                "The database has schema \(schema), for programs that know at least \(minimumReader); "
                    + "this one knows up to \(self.supported.upperBound). Run a newer program."
            )
        }
    }

    // MARK: Making and raising

    /// The version of a new database, and the oldest version whose programs can work with that.
    var ofNewDatabase: (schema: UInt32, minimumReader: UInt32) {
        let version = self.supported.upperBound
        return (version, self.steps(above: 1, through: version).map(\.minimumReader).max() ?? 1)
    }

    /// Makes the tables of a new database.
    func createTables(_ database: Database) throws {
        try database.execute(sql: Self.first)
        for step in self.steps(above: 1, through: self.supported.upperBound) { try database.execute(sql: step.sql) }
    }

    /// The highest version that this program and all the nodes know, if that is above the one that the database has.
    func newest(above schema: UInt32, knownTo nodes: [NodeRecord]) -> UInt32? {
        let version = nodes.map(\.schemas.upperBound).reduce(self.supported.upperBound, min)
        guard version > schema, self.supported.contains(version), nodes.allSatisfy({ $0.schemas.contains(version) }) else { return nil }
        return version
    }

    /// Changes the tables to a version, in the transaction that the connection is in.
    ///
    /// - Parameter meta: what the store knows of itself; the caller writes it.
    func raise(_ meta: inout StoreMeta, to version: UInt32, in database: Database) throws {
        for step in self.steps(above: meta.schema, through: version) {
            try database.execute(sql: step.sql)
            meta.schema = step.version
            meta.minimumReader = max(meta.minimumReader, step.minimumReader)
        }
        try Self.mark(database, meta.schema)
    }

    /// Writes the version into the file's header, where programs for people show it.
    static func mark(_ database: Database, _ version: UInt32) throws {
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    private func steps(above schema: UInt32, through version: UInt32) -> [Step] {
        self.steps.filter { $0.version > schema && $0.version <= version }
    }
}
