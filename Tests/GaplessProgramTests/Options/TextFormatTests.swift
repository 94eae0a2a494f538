import Testing

@testable import gapless

@Suite struct TextFormatTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (UInt64.max, "18,446,744,073,709,551,615")])
    func counts(_ number: UInt64, _ text: String) {
        #expect(TextFormat.count(number) == text)
    }

    @Test(arguments: [
        (0, "0"), (0.04, "0"), (0.05, "0.1"), (0.4, "0.4"), (1, "1"), (9.94, "9.9"), (9.95, "10"), (999.6, "1,000"), (9_999.4, "9,999"),
        (9_999.5, "10.0k"), (56_700, "56.7k"), (123_456, "123k"), (999_499, "999k"), (999_500, "1.0M"), (8.94e6, "8.9M"), (1e12, "1.0T"),
        (1e15, "1000T"), (-3, "0"), (.nan, "-"), (.infinity, "-"),
    ])
    func measures(_ number: Double, _ text: String) {
        #expect(TextFormat.measure(number) == text)
        #expect(text.count <= 7)
    }

    @Test(arguments: [
        (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_048_575, "1.0 MiB"), (12_897_484, "12.3 MiB"), (5e12, "4.5 TiB"), (-1, "0 B"),
        (.nan, "-"),
    ])
    func bytes(_ number: Double, _ text: String) {
        #expect(TextFormat.bytes(number) == text)
    }

    @Test(arguments: [
        (0, "0 ms"), (0.000_5, "0.5 ms"), (0.004_96, "5.0 ms"), (0.012_4, "12 ms"), (0.999_4, "999 ms"), (0.999_6, "1.0 s"),
        (1.54, "1.5 s"),
        (12, "12 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (-1, "0 ms"), (.nan, "-"),
    ])
    func times(_ seconds: Double, _ text: String) {
        #expect(TextFormat.time(seconds) == text)
    }
}
