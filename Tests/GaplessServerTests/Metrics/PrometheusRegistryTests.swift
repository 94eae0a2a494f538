import Testing

@testable import GaplessServer

@Suite struct PrometheusRegistryTests {
    @Test func aSeriesIsMadeOnceAndOnlyWhenThereIsRoom() {
        var registry = PrometheusRegistry(maxSeries: 2, maxLines: 20)
        var made = 0
        func add(_ number: Int) -> PrometheusCounter? {
            registry.add(.counter, label: "x", dimensions: [("n", "\(number)")]) {
                made += 1
                return PrometheusCounter()
            }
        }
        let first = add(1)
        #expect(first != nil && made == 1)
        #expect(add(1) === first && made == 1, "what is there is not made again")
        #expect(add(2) != nil && made == 2)
        #expect(add(3) == nil && made == 2, "there is no room for a third")
    }
}
