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
        try check.run({ try SQLiteFile.make($0) }, processes: processes)
    }

    /// As if every removal were a large one: nothing leaves the file at once, and nobody sees it all the same.
    @Test(arguments: StoreConformance.all.filter { $0.topic != "faults" && $0.topic != "restores" })
    func removedLater(check: StoreCheck) throws {
        try check.run({ try SQLiteFile.make($0) { $0.maxRemovals = 0 } }, processes: .twoAlternating)
    }
}

/// A store on a file in a folder of its own.
enum SQLiteFile {
    static func make(
        _ policy: StorePolicy,
        _ change: (inout SQLiteStoreConfiguration) -> Void = { _ in }
    ) throws -> StoreUnderTest {
        let folder = TemporaryFolder()
        var settings = SQLiteStoreConfiguration()
        change(&settings)
        let configuration = settings
        return StoreUnderTest(
            open: { try SQLiteQueueStore(path: folder.file(), policy: policy, logger: quietLogger, configuration: configuration) },
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
