import Testing

@testable import gapless

@Suite struct PrometheusReadingTests {
    @Test func valuesAreFoundByNameAndLabel() {
        let reading = PrometheusReading(
            """
            # TYPE closes counter
            closes{code="draining"} 3
            closes{code="silent",} 4 1395066363000
            plain 1.5e3
              spaced { a = "x" }   7
            """
        )
        #expect(reading.sum("closes") == 7)
        #expect(reading.sums("closes", by: "code") == ["draining": 3, "silent": 4])
        #expect(reading.sum("plain") == 1_500)
        #expect(reading.samples("spaced") == [.init(labels: ["a": "x"], value: 7)])
        #expect(reading.sum("nothing") == nil)
        #expect(reading.histogram("plain") == nil)
    }

    @Test func labelsAreUnescaped() {
        let reading = PrometheusReading(#"m{a="say \"hi\"",b="one\\two\nthree",c="a}b,c=d"} 1"#)
        #expect(reading.samples("m").first?.labels == ["a": "say \"hi\"", "b": "one\\two\nthree", "c": "a}b,c=d"])
    }

    @Test(arguments: [
        "", "{}", "m", "m ", "m x", "m{ 1", "m{a} 1", "m{a=} 1", "m{a=\"} 1", "m{a=\"b\\", "m{a=\"b\"", "m 0x10", "m nan(7)", "= 3", "é 1",
        "m{a=\"b\" 1", "m infinity", "m 1..2",
    ])
    func whatIsNoSampleIsLeftOut(_ line: String) {
        let reading = PrometheusReading("before 1\n\(line)\nafter 2\r\n")
        #expect(reading.sum("m") == nil)
        #expect(reading.sum("before") == 1)
        #expect(reading.sum("after") == 2)
    }

    @Test func specialValuesAreRead() {
        let reading = PrometheusReading("a +Inf\nb -Inf\nc NaN\nd Inf")
        #expect(reading.sum("a") == .infinity)
        #expect(reading.sum("b") == -.infinity)
        #expect(reading.sum("c")?.isNaN == true)
        #expect(reading.sum("d") == .infinity)
    }

    @Test func aFloodIsCutOff() {
        let flood = PrometheusReading(String(repeating: "m 1\n", count: PrometheusReading.maxSamples + 1_000))
        #expect(flood.sum("m") == Double(PrometheusReading.maxSamples))
        let long = String(repeating: "x", count: PrometheusReading.maxLine)
        #expect(PrometheusReading("m{a=\"\(long)\"} 1\nn 2").sum("m") == nil)
        #expect(PrometheusReading("m{a=\"\(long)\"} 1\nn 2").sum("n") == 2)
    }

    // MARK: Histograms

    private static func histogram(_ counts: [(String, Int)]) throws -> PrometheusReading.Histogram {
        let text = counts.map { "h_bucket{le=\"\($0.0)\"} \($0.1)" }.joined(separator: "\n")
        return try #require(PrometheusReading(text).histogram("h"))
    }

    @Test func quantilesLieInProportionWithinTheirBucket() throws {
        let histogram = try Self.histogram([("2", 10), ("1", 0), ("4", 20), ("+Inf", 20)])
        #expect(histogram.count == 20)
        #expect(histogram.quantile(0.5) == 2)
        #expect(histogram.quantile(0.25) == 1.5)
        #expect(histogram.quantile(1) == 4)
    }

    @Test func whatIsAboveAllBoundsCountsAsTheHighest() throws {
        let histogram = try Self.histogram([("1", 1), ("2", 1), ("+Inf", 10)])
        #expect(histogram.quantile(0.99) == 2)
        #expect(try Self.histogram([("+Inf", 10)]).quantile(0.5) == 0)
    }

    @Test func nothingHasNoQuantile() throws {
        #expect(try Self.histogram([("1", 0), ("+Inf", 0)]).quantile(0.5) == nil)
    }

    @Test func aHistogramIsSummedOverItsOtherLabels() throws {
        let reading = PrometheusReading(#"h_bucket{k="a",le="1"} 1\#nh_bucket{k="b",le="1"} 2\#nh_bucket{k="a",le="+Inf"} 4"#)
        #expect(reading.histogram("h")?.buckets.map(\.count) == [3, 4])
    }

    @Test func aDifferenceHoldsWhatCameBetween() throws {
        let earlier = try Self.histogram([("1", 5), ("2", 5), ("+Inf", 5)])
        let later = try Self.histogram([("1", 5), ("2", 9), ("+Inf", 9)])
        #expect(later.since(earlier).buckets.map(\.count) == [0, 4, 4])
        #expect(earlier.since(later) == earlier, "it began anew")
        #expect(later.since(try Self.histogram([("7", 1)])) == later, "other buckets")
        #expect(later.since(nil) == later)
    }
}
