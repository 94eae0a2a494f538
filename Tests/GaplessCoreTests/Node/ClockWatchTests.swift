import GaplessCore
import Testing

@Suite("Clock watch")
struct ClockWatchTests {
    /// Both clocks, and what watches them.
    private struct Clocks {
        static let start = Timestamp(milliseconds: 1_767_225_600_000)

        var watch: ClockWatch
        var wallClock = Self.start
        var now = Instant(nanoseconds: 5_000_000_000)

        init(maxJump: Duration? = .seconds(10)) {
            self.watch = ClockWatch(maxJump: maxJump, pause: .seconds(60), wallClock: self.wallClock, now: self.now)
        }

        /// What the store is given after a time on both clocks, and a jump of the wall clock.
        mutating func time(after passed: Duration = .zero, jump: Duration = .zero) -> Duration {
            self.now = self.now + passed
            self.wallClock = self.wallClock.advanced(by: passed + jump)
            return Self.start.duration(to: self.watch.time(wallClock: self.wallClock, now: self.now))
        }
    }

    @Test("the time of a clock that runs is given as it is, however long nobody asked")
    func steady() {
        var clocks = Clocks()
        #expect(clocks.time() == .zero)
        #expect(clocks.time(after: .milliseconds(1)) == .milliseconds(1))
        #expect(clocks.time(after: .seconds(86_400)) == .seconds(86_400) + .milliseconds(1))
        #expect(clocks.watch.takeJump() == nil && clocks.watch.pausedUntil == nil)
    }

    @Test("a jump of up to 10 s is followed, a larger one is not")
    func limit() {
        var clocks = Clocks()
        #expect(clocks.time(jump: .seconds(10)) == .seconds(10))
        #expect(clocks.time(jump: .milliseconds(10_001)) == .seconds(10))
        #expect(clocks.watch.takeJump() == .milliseconds(10_001))
        #expect(clocks.watch.takeJump() == nil)
    }

    @Test("while a jump is doubted, time goes on as before", arguments: [7_200, -7_200])
    func held(seconds: Int) {
        var clocks = Clocks()
        #expect(clocks.time(after: .seconds(1), jump: .seconds(seconds)) == .seconds(1))
        #expect(clocks.watch.takeJump() == .seconds(seconds))
        #expect(clocks.watch.pausedUntil == clocks.now + .seconds(60))
        for second in 2...60 { #expect(clocks.time(after: .seconds(1)) == .seconds(second)) }
        #expect(clocks.watch.takeJump() == nil)
    }

    @Test("a clock that is put back in time never jumped, and may jump again", arguments: [7_200, -7_200])
    func putBack(seconds: Int) {
        var clocks = Clocks()
        for round in 1...3 {
            #expect(clocks.time(jump: .seconds(seconds)) == .seconds(10 * (round - 1)))
            #expect(clocks.watch.takeJump() == .seconds(seconds))
            #expect(clocks.time(after: .seconds(5)) == .seconds(10 * (round - 1) + 5))
            #expect(clocks.time(after: .seconds(5), jump: .seconds(-seconds)) == .seconds(10 * round))
            #expect(clocks.watch.takeJump() == nil)
        }
    }

    @Test("a time that still holds after the pause counts from then on")
    func holds() {
        var clocks = Clocks()
        #expect(clocks.time(jump: .seconds(7_200)) == .zero)
        #expect(clocks.time(after: .milliseconds(59_999)) == .milliseconds(59_999))
        #expect(clocks.time(after: .milliseconds(1)) == .seconds(7_260))
        #expect(clocks.time(after: .seconds(1)) == .seconds(7_261))
        // To be put back then is another jump.
        #expect(clocks.time(jump: .seconds(-7_200)) == .seconds(7_261))
    }

    @Test("nobody knows of a clock that was not looked at during the pause: it is believed when it goes on from where it was seen")
    func unseen() {
        var clocks = Clocks()
        #expect(clocks.time(jump: .seconds(7_200)) == .zero)
        #expect(clocks.time(after: .seconds(3_600)) == .seconds(10_800))
    }

    @Test("a second jump begins another pause")
    func again() {
        var clocks = Clocks()
        #expect(clocks.time(jump: .seconds(7_200)) == .zero)
        #expect(clocks.time(after: .seconds(59), jump: .seconds(3_600)) == .seconds(59))
        #expect(clocks.time(after: .seconds(59)) == .seconds(118))
        #expect(clocks.time(after: .seconds(1)) == .seconds(10_800 + 119))
    }

    @Test("what was given never goes back: the time stands still until the wall clock has come up with it")
    func neverBack() {
        var clocks = Clocks()
        #expect(clocks.time(after: .seconds(5)) == .seconds(5))
        #expect(clocks.time(jump: .seconds(-3)) == .seconds(5))
        #expect(clocks.time(after: .seconds(3)) == .seconds(5))
        #expect(clocks.time(after: .seconds(1)) == .seconds(6))
        // A jump back that still holds after the pause.
        #expect(clocks.time(jump: .seconds(-100)) == .seconds(6))
        #expect(clocks.time(after: .seconds(59)) == .seconds(65))
        #expect(clocks.time(after: .seconds(1)) == .seconds(65))
        #expect(clocks.time(after: .seconds(98)) == .seconds(65))
        #expect(clocks.time(after: .seconds(2)) == .seconds(66))
    }

    @Test("a clock that is trusted is followed at once")
    func trusted() {
        var clocks = Clocks(maxJump: nil)
        #expect(clocks.time(jump: .seconds(7_200)) == .seconds(7_200))
        #expect(clocks.time(jump: .seconds(-7_200)) == .seconds(7_200))
        #expect(clocks.watch.takeJump() == nil && clocks.watch.pausedUntil == nil)
    }

    @Test(
        "whatever a clock does, the time never goes back, and ahead of what passed only by small steps or after a pause",
        arguments: 1...20
    )
    func random(seed: UInt64) {
        var luck = SeededLuck(seed)
        var clocks = Clocks()
        var last = Duration.zero
        var sincePause = Duration.zero
        for _ in 0..<1_000 {
            let passed = Duration.milliseconds(Int.random(in: 0...20_000, using: &luck))
            let jump = Int.random(in: 0..<10, using: &luck) == 0 ? Duration.seconds(Int.random(in: -9_000...9_000, using: &luck)) : .zero
            sincePause = sincePause + passed
            let time = clocks.time(after: passed, jump: jump)
            #expect(time >= last)
            if clocks.watch.takeJump() != nil {
                sincePause = .zero
                #expect(time - last <= passed)
            } else if sincePause < .seconds(60) {
                #expect(time - last <= passed + .seconds(10))
            }
            last = time
        }
    }
}
