import Testing

@testable import gapless

@Suite struct TopMeasuresTests {
    @Test func ratesAreWhatCameBetweenTwoReadings() {
        let measures = TopMeasures(TopFixture.metrics(3), since: (TopFixture.metrics(1), 4))
        #expect(measures.sent == 250)
        #expect(measures.delivered == 310)
        #expect(measures.replayed == 60)
        #expect(measures.acknowledged == 30)
        #expect(measures.attaches == ["new": 1, "resumed": 6, "partial": 0, "reset": 0, "rollback": 0])
        #expect(measures.refused == 0.5)
        #expect(measures.closeRate == 1.5)
        #expect(measures.gapRate == 2)
        #expect(measures.commitMedian == 0.001)
        #expect(measures.commitHigh == 0.005)
        #expect(!measures.isRestarted)
    }

    @Test func valuesAreThoseOfTheLastReading() {
        let measures = TopMeasures(TopFixture.metrics(3), since: nil)
        #expect(measures.waitingCommits == 7)
        #expect(measures.backlog == 1_234)
        #expect(measures.storeBytes == 12_897_484)
        #expect(measures.gaps == ["expired": 12], "what never happened is left out")
        #expect(measures.closes == ["draining": 9])
        #expect(measures.sent == nil, "one reading has no rates")
        #expect(measures.commitHigh == nil)
    }

    @Test func aCounterThatFellMeansARestartAndNoRateIsNegative() {
        // All counters begin at zero; some are above their old values already, and count whole as well.
        let before = PrometheusReading(
            "gapless_server_messages_sent_total 900\ngapless_server_commits_total 1\ngapless_server_acknowledgements_total 5"
        )
        let after = PrometheusReading(
            "gapless_server_messages_sent_total 30\ngapless_server_commits_total 8\ngapless_server_acknowledgements_total 0"
        )
        let measures = TopMeasures(after, since: (before, 2))
        #expect(measures.isRestarted)
        #expect(measures.sent == 15)
        #expect(measures.commits == 4)
        #expect(measures.acknowledged == 0)
    }

    @Test func aRestartMakesNoQuantilesOfTheOldProcess() {
        let measures = TopMeasures(TopFixture.metrics(1), since: (TopFixture.metrics(5), 1))
        #expect(measures.isRestarted)
        #expect(measures.commitHigh == 0.005)
        #expect(measures.sent == 500)
    }

    @Test func whatIsMissingIsNotZero() {
        let measures = TopMeasures(PrometheusReading("other 1"), since: (PrometheusReading(), 1))
        #expect(measures.sent == nil)
        #expect(measures.attaches == nil)
        #expect(measures.gaps == nil)
        #expect(measures.storeBytes == nil)
        #expect(!measures.isRestarted)
    }

    @Test func aLookThatToldNothingIsNoBeginning() {
        let measures = TopMeasures(TopFixture.metrics(3), since: (PrometheusReading(), 1))
        #expect(measures.sent == nil, "all that was ever sent is no rate")
        #expect(measures.attaches == nil)
        #expect(measures.commitHigh == nil)
        #expect(measures.backlog == 1_234)
        #expect(!measures.isRestarted)
    }

    @Test func noTimeBetweenMakesNoRates() {
        #expect(TopMeasures(TopFixture.metrics(2), since: (TopFixture.metrics(1), 0)).sent == nil)
    }
}
