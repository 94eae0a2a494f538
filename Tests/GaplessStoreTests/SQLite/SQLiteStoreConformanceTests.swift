import Foundation
import GaplessCore
import GaplessStore
import GaplessTesting
import Logging
import Testing

@testable import GaplessSQLite

/// Every promise of a store, against the one on a file, through one object and through two that alternate.
@Suite struct SQLiteStoreConformanceTests {
    @Test(arguments: StoreConformance.all, StoreProcesses.allCases)
    func sqlite(check: StoreCheck, processes: StoreProcesses) throws {
        try check.run(SQLiteFile.make, processes: processes)
    }
}

/// A store on a file in a folder of its own.
enum SQLiteFile {
    @Sendable static func make(_ policy: StorePolicy) throws -> StoreUnderTest {
        let folder = TemporaryFolder()
        return StoreUnderTest(
            open: { try SQLiteQueueStore(path: folder.file(), policy: policy, logger: quietLogger) },
            saveCopy: {
                let copy = try Data(contentsOf: URL(fileURLWithPath: folder.file()))
                return { try copy.write(to: URL(fileURLWithPath: folder.file())) }
            },
            destroy: { try? FileManager.default.removeItem(atPath: folder.path) }
        )
    }
}

/// Says nothing.
let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
