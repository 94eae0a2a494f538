import Testing

@testable import gapless

/// Durations as people write them.
@Suite struct DurationArgumentTests {
    @Test(arguments: [
        ("1ms", Duration.milliseconds(1)), ("250ms", .milliseconds(250)), ("30", .seconds(30)), ("30s", .seconds(30)),
        ("15m", .seconds(900)),
        ("1h", .seconds(3_600)), ("2d", .seconds(172_800)), ("007s", .seconds(7)), ("3650d", .seconds(315_360_000)),
        ("315360000000ms", .seconds(315_360_000)),
    ])
    func aNumberAndAUnitAreADuration(_ text: String, _ duration: Duration) {
        #expect(DurationArgument(argument: text)?.duration == duration)
    }

    @Test(arguments: [
        "", "s", "0", "0s", "-1s", "+1s", "1.5s", " 1s", "1s ", "1 s", "1S", "1w", "\u{0663}s", "3651d", "315360000001ms", "315360000001s",
        "9223372036854775808ms",
    ])
    func anythingElseIsRefused(_ text: String) {
        #expect(DurationArgument(argument: text) == nil)
    }

    @Test func nothingIsADurationWhereItMayBe() {
        for text in ["0", "0s", "0ms", "00h"] { #expect(DurationArgument(argument: text, least: 0)?.duration == .zero) }
        for text in ["", "s", "-0s", "0w"] { #expect(DurationArgument(argument: text, least: 0) == nil) }
    }

    /// So many days are 2^64 milliseconds and some hours.
    @Test(arguments: ["213503982335d"]) func aNumberThatOverflowsIsRefused(_ text: String) {
        #expect(DurationArgument(argument: text) == nil)
    }
}
