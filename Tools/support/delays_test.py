"""Delays and moves are counted as they are meant."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from delays import CrowdReports, Delays, before, due, with_times  # noqa: E402


class DelaysTest(unittest.TestCase):
    def test_percentiles_are_samples(self):
        delays = Delays(number * 1_000_000 for number in range(1000, 0, -1))
        self.assertEqual(delays.figures, (500, 990, 999, 1000))
        self.assertEqual(Delays([3_000_000]).figures, (3, 3, 3, 3))
        self.assertEqual(Delays([1_000_000, 9_000_000]).figures, (1, 9, 9, 9))

    def test_one_late_message_of_a_thousand_shows_in_the_largest_alone(self):
        self.assertEqual(Delays([1_000_000] * 999 + [70_000_000]).figures, (1, 1, 1, 70))
        self.assertEqual(Delays([1_000_000] * 998 + [70_000_000] * 2).figures, (1, 1, 70, 70))

    def test_without_samples_there_is_nothing_to_say(self):
        self.assertEqual(Delays([]).figures, (None,) * 4)


class TimesTest(unittest.TestCase):
    def test_times_are_taken_out_of_lives(self):
        lives = {"a": [[("message", 1, "1500 2 p-1 1000"), ("gap", 2, 3, "expired")]]}
        bare, arrivals = with_times(lives)
        self.assertEqual(bare, {"a": [[("message", 1, "p-1 1000"), ("gap", 2, 3, "expired")]]})
        self.assertEqual([(arrival.client, arrival.text, arrival.connection, arrival.delay) for arrival in arrivals], [("a", "p-1 1000", 2, 500)])

    def test_a_life_is_cut_at_the_first_message_of_later(self):
        life = [("message", 1, "p 10"), ("gap", 2, 2, "expired"), ("message", 3, "p 20"), ("message", 4, "p 15")]
        self.assertEqual(before({"a": [life]}, 20), {"a": [life[:2]]})
        self.assertEqual(before({"a": [life]}, 21), {"a": [life]})
        self.assertEqual(due("p 10"), 10)


class CrowdReportsTest(unittest.TestCase):
    def movements(self, *lines, begin=10, end=100):
        reports = CrowdReports(None)
        for line in lines:
            reports.take(line)
        return reports.movements(begin, end)

    def test_a_first_connection_is_no_move(self):
        found = self.movements("connecting 11 a", "offline 12 a lost -", "connecting 13 a", "welcome 20 a 1 n")
        self.assertEqual((found.moved, found.resumed, found.spread, found.causes), (0, 0, {0: 1}, {}))

    def test_moved_while_the_old_connection_lived(self):
        found = self.movements("welcome 1 a 1 n", "welcome 20 a 2 m", "welcome 30 a 3 n", "welcome 2 b 1 n")
        self.assertEqual((found.moved, found.resumed, found.handovers, found.spread), (2, 0, [], {0: 1, 2: 1}))

    def test_moved_though_the_old_connection_ended_a_little_early(self):
        found = self.movements("welcome 1 a 1 n", "connecting 20 a", "welcome 23 a 2 m")
        self.assertEqual((found.moved, found.resumed, found.handovers), (1, 0, [3]))

    def test_resumed_after_being_away(self):
        found = self.movements("welcome 1 a 1 n", "offline 20 a lost -", "connecting 25 a", "offline 26 a closed 4100 overloaded", "connecting 40 a",
                               "welcome 50 a 2 m")
        self.assertEqual((found.moved, found.absences, found.causes), (0, [30], {"lost -": 1, "closed 4100 overloaded": 1}))

    def test_what_came_before_and_after_is_not_counted(self):
        lines = ("welcome 1 a 1 n", "welcome 9 a 2 m", "offline 20 a lost -", "welcome 100 a 3 n")
        self.assertEqual((self.movements(*lines).moved, self.movements(*lines).resumed), (0, 0))
        self.assertEqual((self.movements(*lines, begin=0, end=101).moved, self.movements(*lines, begin=0, end=101).absences), (1, [80]))

    def test_a_file_is_read_on_and_on(self):
        with tempfile.TemporaryDirectory() as folder:
            reports = CrowdReports(os.path.join(folder, "log"))
            with open(reports.path, "w", encoding="utf-8") as file:
                file.write("connecting 1 a\nwelcome 2 a 1 n\nsent 3 a 0 3\nconfirmed 7 a 0 3\nsent 8 a 1")
                file.flush()
                self.assertEqual(reports.read().attached, 1)
                self.assertEqual(reports.sent, {"a": ["a 0 3"]})
                self.assertEqual([(arrival.text, arrival.delay) for arrival in reports.confirmed], [("a 0 3", 4)])
                file.write(" 8\noffline 9 a lost -\nwarning 9 a Server broke the protocol\n")
                file.flush()
                self.assertEqual(reports.read().attached, 0)
                self.assertEqual((reports.sent["a"], reports.other), (["a 0 3", "a 1 8"], ["warning 9 a Server broke the protocol"]))


if __name__ == "__main__":
    unittest.main()
