import Foundation
import GaplessCore
import GaplessStore
import GaplessTesting
import Logging
import Testing

@testable import GaplessSQLite

/// Every promise of a store, against the one on a file, through one object and through two that alternate.
///
/// What waits for a disk here is the making and closing of hundreds of stores. So one half of the runs has its files in memory; SQLite and the
/// store do the same there, syncs included. That what is receipted is on a disk is tested elsewhere, with the system's own tracer.
@Suite struct SQLiteStoreConformanceTests {
    @Test(arguments: StoreConformance.all)
    func throughOneObjectOnADisk(check: StoreCheck) throws {
        // The model makes thousands of commits, and what they are about is not the disk.
        try check.run({ try SQLiteFile.make($0, in: check.topic == "model" ? .memory : .disk) }, processes: .one)
    }

    @Test(arguments: StoreConformance.all)
    func throughTwoObjectsThatAlternate(check: StoreCheck) throws {
        try check.run({ try SQLiteFile.make($0, in: .memory) }, processes: .twoAlternating)
    }

    /// As if every removal were a large one: nothing leaves the file at once, and nobody sees it all the same.
    @Test(arguments: StoreConformance.all.filter { $0.topic != "faults" && $0.topic != "restores" })
    func removedLater(check: StoreCheck) throws {
        try check.run({ try SQLiteFile.make($0, in: .memory) { $0.maxRemovals = 0 } }, processes: .twoAlternating)
    }
}

/// A store on a file in a folder of its own.
enum SQLiteFile {
    static func make(
        _ policy: StorePolicy,
        in place: TemporaryFolder.Place,
        _ change: (inout SQLiteStoreConfiguration) -> Void = { _ in }
    ) throws -> StoreUnderTest {
        let folder = TemporaryFolder(in: place)
        var settings = SQLiteStoreConfiguration()
        change(&settings)
        let configuration = settings
        return StoreUnderTest(
            open: { try SQLiteQueueStore(path: folder.file(), policy: policy, logger: quietLogger, configuration: configuration) },
            saveCopy: StoreFile.content(folder.file()).copy,
            destroy: { try? FileManager.default.removeItem(atPath: folder.path) }
        )
    }
}

/// Says nothing.
let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
