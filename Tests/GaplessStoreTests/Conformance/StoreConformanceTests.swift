import GaplessTesting
import Testing

/// Every promise of a store, against every store, through one process and through two.
@Suite struct StoreConformanceTests {
    @Test(arguments: StoreConformance.all, StoreProcesses.allCases)
    func memory(check: StoreCheck, processes: StoreProcesses) throws {
        try check.run(StoreKind.memory.make, processes: processes)
    }
}
