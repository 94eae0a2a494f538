import Testing

@testable import gapless

/// When the messages of a crowd are due: nothing that was due is left out, and nothing becomes due later because somebody was late.
@Suite struct CrowdScheduleTests {
    @Test func aMessageIsDueWhenItsNumberSays() {
        let schedule = CrowdSchedule(began: 7_000, rate: 1_000)
        #expect([0, 1, 2, 60_000].map(schedule.due) == [7_000, 1_007_000, 2_007_000, 60_000_007_000])
    }

    @Test("nine million messages at 3 a second are not a microsecond off")
    func noErrorAddsUp() {
        #expect(abs(CrowdSchedule(began: 0, rate: 3).due(9_000_000) - 3_000_000_000_000_000) < 1_000)
    }

    @Test func nothingIsDueBeforeItsTime() {
        let schedule = CrowdSchedule(began: 1_000, rate: 100)
        #expect(schedule.overdue(from: 0, now: 999).isEmpty)
        #expect(schedule.overdue(from: 0, now: 1_000) == 0..<1)
        #expect(schedule.overdue(from: 1, now: 10_000_999) == 1..<1)
        #expect(schedule.overdue(from: 1, now: 10_001_000) == 1..<2)
    }

    @Test func whoWasLateCatchesUpWithTheOldTimes() {
        let schedule = CrowdSchedule(began: 0, rate: 1_000)
        let late = schedule.overdue(from: 3, now: 1_000_000_000)
        #expect(late == 3..<1_001)
        #expect(late.map(schedule.due).last == 1_000_000_000)
        #expect(schedule.overdue(from: late.upperBound, now: 1_000_000_000).isEmpty)
    }

    @Test("however often somebody looks, each number comes once", arguments: [0.001, 0.3, 3, 7, 99.9, 1_000_000])
    func eachNumberOnce(rate: Double) {
        let schedule = CrowdSchedule(began: 123_456_789, rate: rate)
        var (now, next) = (schedule.began, 0)
        for step in 0..<1_000 {
            now += step * 2_654_435_761 % Int(5_000_000_000 / rate)
            let due = schedule.overdue(from: next, now: now)
            #expect(due.lowerBound == next)
            #expect(due.isEmpty || schedule.due(due.upperBound - 1) <= now)
            #expect(now < schedule.due(due.upperBound))
            next = due.upperBound
        }
        #expect(next > 1_000)
    }
}
