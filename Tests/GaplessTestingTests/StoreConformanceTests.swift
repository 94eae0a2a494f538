import Foundation
import GaplessServer
import GaplessTesting
import Testing

/// The suite as a user runs it: with nothing but what is public.
@Suite struct StoreConformanceTests {
    @Test(arguments: StoreConformance.all)
    func memoryKeepsThePromises(_ check: StoreCheck) throws {
        try check.run { _ in .memory() }
    }

    /// Each topic once; the whole suite runs on files elsewhere.
    private static let oneOfEachTopic: [StoreCheck] = StoreConformance.all.reduce(into: []) { found, check in
        if !found.contains(where: { $0.topic == check.topic }) { found.append(check) }
    }

    @Test(arguments: oneOfEachTopic)
    func aFileKeepsThePromises(_ check: StoreCheck) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gapless-suite-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try check.run { name in .sqlite(path: folder.appendingPathComponent("\(name).db").path, secureDelete: .on) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [], "the suite leaves nothing behind")
    }

    @Test func noTwoChecksHaveTheSameName() {
        #expect(Set(StoreConformance.all.map(\.id)).count == StoreConformance.all.count)
    }

    @Test func aReportNamesWhatFailedWithItsLaw() throws {
        let checks = Array(StoreConformance.all.prefix(3))
        let report = StoreConformance.run(checks) { name in .sqlite(path: "/nowhere/to/be/found/\(name).db") }
        #expect(!report.isPassed)
        #expect(report.checks == 3)
        #expect(report.failures.map(\.law) == checks.map(\.law))
        #expect(report.failures.map(\.topic) == checks.map(\.topic))
        let first = try #require(report.failures.first)
        #expect(first.sentence.contains("/nowhere/to/be/found"))
        #expect(report.description.contains(first.law))
        #expect(report.description.hasSuffix("0 of 3 checks passed"))
    }

    @Test func aReportOfASoundStoreSaysSo() {
        let report = StoreConformance.run(Array(StoreConformance.all.prefix(5))) { _ in .memory() }
        #expect(report.isPassed)
        #expect(report.description == "5 of 5 checks passed")
    }

    @Test func whatAMakerThrowsIsAFailureOfTheCheck() throws {
        struct NoPlace: Error {}
        let check = try #require(StoreConformance.all.first)
        let failure = #expect(throws: StoreConformanceFailure.self) { try check.run { _ in throw NoPlace() } }
        #expect(failure?.law == check.law)
    }

    @Test func everyStoreHasANameOfItsOwn() throws {
        let check = try #require(StoreConformance.all.first)
        var names: [String] = []
        try check.run { name in
            names.append(name)
            return .memory()
        }
        #expect(names.count == 2 && Set(names).count == 2)
    }
}
