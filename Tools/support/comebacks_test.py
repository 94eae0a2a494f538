import unittest

from comebacks import Comebacks, Cost, bars, comebacks, cpu_seconds, descriptors, ratio, refusals, report, told, wrong
from delays import Delays

MS = 1_000_000


def welcome(ms, connection):
    return (ms * MS, "welcome", connection)


def ended(ms, connection, role="attached", code="-", by="server"):
    return (ms * MS, "ended", connection, role, code, by)


class ComebacksTests(unittest.TestCase):
    def found(self, *events, died=1_000, until=10_000):
        return comebacks({"a": list(events)}, died * MS, until * MS)

    def test_a_client_that_lost_its_connection_comes_back(self):
        found = self.found(welcome(10, "1"), ended(1_005, "1"), (1_050 * MS, "opens", "2"), welcome(1_120, "2"))
        self.assertEqual((found.times, found.missing, found.last, found.spread), ([120 * MS], [], 120 * MS, [0, 1]))

    def test_a_client_of_another_node_does_not_count(self):
        self.assertEqual(self.found(welcome(10, "1")), Comebacks(1_000 * MS))

    def test_what_happened_before_does_not_count(self):
        found = self.found(welcome(10, "1"), ended(500, "1"), welcome(600, "2"), died=1_000)
        self.assertEqual((found.times, found.refusals), ([], {}))

    def test_what_happens_later_does_not_count(self):
        found = self.found(welcome(10, "1"), ended(1_005, "1"), welcome(1_100, "2"), ended(3_000, "2"), until=3_000)
        self.assertEqual((found.times, found.again, found.missing), ([100 * MS], [], []))

    def test_who_stays_away_is_missing(self):
        self.assertEqual(self.found(welcome(10, "1"), ended(1_005, "1")).missing, ["a"])

    def test_who_is_away_twice_is_told_of(self):
        found = self.found(welcome(10, "1"), ended(1_005, "1"), welcome(1_100, "2"), ended(1_200, "2"), welcome(1_300, "3"))
        self.assertEqual((found.times, found.again, found.missing), ([100 * MS], ["a"], []))

    def test_who_moves_to_another_connection_first_is_not_away(self):
        found = self.found(welcome(10, "1"), ended(1_005, "1"), welcome(1_100, "2"), welcome(1_300, "3"), ended(1_310, "2", code="4500"))
        self.assertEqual((found.times, found.again, found.refusals), ([100 * MS], [], {}))

    def test_refusals_are_counted_by_code_and_a_port_where_nobody_listens_too(self):
        found = self.found(welcome(10, "1"), ended(1_005, "1"), ended(1_010, "2", "opening"), ended(1_020, "3", "opening", "4101"),
                           ended(1_030, "4", "opening", "4101"), welcome(1_100, "5"))
        self.assertEqual((found.refusals, found.times), ({"unanswered": 1, "4101": 2}, [100 * MS]))

    def test_refusals_are_those_of_a_stretch_of_time(self):
        connections = {"a": [ended(5, "1", "opening", "4101"), ended(20, "2", "opening", "4101"), welcome(30, "3"), ended(35, "3")]}
        self.assertEqual(refusals(connections, 10 * MS, 40 * MS), {"4101": 1})
        self.assertEqual((told({"4101": 2, "4100": 1}), told({})), ("attempts that ended without a WELCOME: 4100 1, 4101 2",
                                                                   "attempts that ended without a WELCOME: none"))

    def test_the_peak_is_of_a_tenth_of_a_second(self):
        found = Comebacks(0, [0, 99 * MS, 100 * MS, 350 * MS])
        self.assertEqual((found.spread, found.peak), ([2, 1, 0, 1], 2))
        self.assertEqual((Comebacks(0).spread, Comebacks(0).peak, Comebacks(0).last), ([], 0, 0))


class FigureTests(unittest.TestCase):
    def test_bars_hold_every_count(self):
        self.assertEqual(bars([4, 0, 2], 4), ["   0.0 s      4 ####", "   0.1 s      0", "   0.2 s      2 ##"])
        self.assertEqual([int(line.split()[2]) for line in bars([1] * 9, most=4)], [3, 3, 3])
        self.assertEqual(bars([]), [])

    def test_processor_time_is_read_behind_the_name(self):
        self.assertEqual(cpu_seconds("17 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20", 100), 3.0)

    def test_cost_is_what_was_used_beyond_the_usual(self):
        self.assertEqual(Cost("a", 1_000, 3.0, 1.0).each, (3.0, 2.0))
        self.assertEqual(Cost("a", 10, 0.5, 1.0).each, (50.0, 0.0))
        self.assertEqual(Cost("a", 0, 3.0, 0.0).each, (None, None))

    def test_the_report_has_every_figure(self):
        text = report(Comebacks(0, [5 * MS, 150 * MS], ["a"], ["b", "c"], {"4101": 7}), [("before", Delays([MS] * 3))], [Cost("a resume", 2, 0.5, 0.1), Cost("nobody", 0, 0.0, 0.0)])
        for words in ("2 clients came back", "half within 5.0 ms", "all within 150.0 ms", "at most 1 in 100 ms; 1 did not, 2 were away again", "4101 7",
                      "before", "250.00", "200.00", " - "):
            self.assertIn(words, text + " ")

    def test_each_client_may_have_a_second_connection_for_a_while(self):
        self.assertGreater(descriptors(10_000), 12_000)

    def test_the_ratio_is_of_the_99th_percentiles(self):
        self.assertEqual(ratio(Delays([MS] * 99 + [5 * MS]), Delays([3 * MS] * 100)), 3.0)
        self.assertIsNone(ratio(Delays([]), Delays([MS])))

    def judged(self, found=None, held=1, faults=None, codes=(0,), intact="ok", lines=()):
        return wrong(found or Comebacks(0, [5]), held, faults or {"lost": 0}, codes, intact, lines)

    def test_a_good_run_is_good(self):
        self.assertEqual(self.judged(), [])

    def test_each_fault_is_told(self):
        for faults in ({"lost": 1}, {"duplicated": 1}, {"out of order": 2}):
            self.assertEqual(len(self.judged(faults=faults)), 1)
        self.assertEqual(self.judged(Comebacks(0, [5], ["a"]), held=2), ["a did not come back"])
        self.assertEqual(self.judged(Comebacks(0, [5], again=["a"])), ["a lost its connection to a survivor"])
        self.assertEqual(self.judged(Comebacks(0), held=0), ["no client came back, so nothing is proven"])
        self.assertEqual(self.judged(held=2), ["the node had 2 clients, 1 noticed its death"])
        self.assertEqual(self.judged(codes=(0, 1)), ["exit codes (0, 1)"])
        self.assertEqual(self.judged(intact="bad"), ["integrity bad"])
        self.assertEqual(self.judged(lines=["node a: error"]), ["node a: error"])


if __name__ == "__main__":
    unittest.main()
