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
        lives = {"a": [[("message", 1, "1500 p-1 1000"), ("gap", 2, 3, "expired")]]}
        bare, arrivals = with_times(lives)
        self.assertEqual(bare, {"a": [[("message", 1, "p-1 1000"), ("gap", 2, 3, "expired")]]})
        self.assertEqual([(arrival.client, arrival.text, arrival.delay) for arrival in arrivals], [("a", "p-1 1000", 500)])

    def test_a_life_is_cut_at_the_first_message_of_later(self):
        life = [("message", 1, "p 10"), ("gap", 2, 2, "expired"), ("message", 3, "p 20"), ("message", 4, "p 15")]
        self.assertEqual(before({"a": [life]}, 20), {"a": [life[:2]]})
        self.assertEqual(before({"a": [life]}, 21), {"a": [life]})
        self.assertEqual(due("p 10"), 10)


class CrowdReportsTest(unittest.TestCase):
    def reports(self, *lines):
        reports = CrowdReports(None)
        for line in lines:
            reports.take(line)
        return reports

    def movements(self, *lines, begin=10, end=100):
        return self.reports(*lines).movements(begin, end)

    FIRST = ("opens 1 a 1", "welcome 2 a 1 opening 1 n")

    def test_a_first_connection_is_no_move(self):
        found = self.movements("opens 11 a 1", "ended 12 a 1 opening - server", "opens 13 a 2", "welcome 20 a 2 opening 1 n")
        self.assertEqual((found.moved, found.resumed, found.spread, found.ends), (0, 0, {0: 1}, {"opening lost": 1}))

    def test_moved_while_the_old_connection_lived(self):
        found = self.movements(*self.FIRST, "opens 15 a 2", "welcome 20 a 2 opening 2 m", "ended 21 a 1 older 4500 server",
                               "opens 25 a 3", "welcome 30 a 3 opening 3 m", "ended 35 a 2 older 1000 client", "opens 1 b 1", "welcome 2 b 1 opening 1 n")
        self.assertEqual((found.moved, found.resumed, found.handovers, found.spread), (2, 0, {}, {0: 1, 2: 1}))
        self.assertEqual(found.ends, {"older 4500": 1, "older 1000 by the client": 1})

    def test_moved_though_the_old_connection_ended_before_the_new_one_was_welcomed(self):
        for code, cause in (("4500", "4500"), ("4000", "4000"), ("-", "lost")):
            found = self.movements(*self.FIRST, "opens 15 a 2", f"ended 20 a 1 newest {code} server", "welcome 23 a 2 opening 2 m")
            self.assertEqual((found.moved, found.resumed, found.handovers, found.ends), (1, 0, {cause: [3]}, {f"newest {cause}": 1}))

    def test_resumed_after_being_away(self):
        found = self.movements(*self.FIRST, "ended 20 a 1 newest - server", "opens 25 a 2", "ended 26 a 2 opening 4100 server", "opens 40 a 3",
                               "welcome 50 a 3 opening 2 m")
        self.assertEqual((found.moved, found.handovers, found.absences, found.ends), (0, {}, [30], {"newest lost": 1, "opening 4100": 1}))

    def test_resumed_where_the_second_connection_failed_too(self):
        found = self.movements(*self.FIRST, "opens 15 a 2", "ended 20 a 1 newest 4000 server", "ended 21 a 2 opening 4100 server", "opens 22 a 3",
                               "welcome 50 a 3 opening 2 m")
        self.assertEqual((found.moved, found.absences), (0, [30]))

    def test_what_came_before_and_after_is_not_counted(self):
        lines = (*self.FIRST, "opens 8 a 2", "welcome 9 a 2 opening 2 m", "ended 20 a 2 newest - server", "opens 21 a 3", "welcome 100 a 3 opening 3 n")
        self.assertEqual((self.movements(*lines).moved, self.movements(*lines).resumed), (0, 0))
        self.assertEqual((self.movements(*lines, begin=0, end=101).moved, self.movements(*lines, begin=0, end=101).absences), (1, [80]))

    def test_what_must_not_be_is_kept(self):
        lines = ["warning 9 a Server broke the protocol", "error 9 a Client cannot save its state", "stopped 9 a 4450", "welcome 9 a 1 newest 2 n",
                 "ended 9 a 1 newest 4400 client", "Fatal error: Index out of range"]
        self.assertEqual(len(self.reports(*lines).other), len(lines))
        self.assertEqual(self.reports(*self.FIRST, "ended 20 a 1 newest 4000 server", "gap a 1-2 expired", "reset a epoch").other, [])

    def test_what_was_due_before_a_moment_is_confirmed(self):
        reports = self.reports("sent 3 a 0 3", "sent 4 b 1 4")
        self.assertFalse(reports.is_confirmed(4))
        reports.take("confirmed 9 a 0 3")
        self.assertTrue(reports.is_confirmed(4))
        self.assertFalse(reports.is_confirmed(5), "there may be another one that is due at 4 and not sent yet")
        reports.take("sent 5 a 2 5")
        self.assertFalse(reports.is_confirmed(5))
        reports.take("confirmed 9 b 1 4")
        self.assertTrue(reports.is_confirmed(5))

    def test_a_file_is_read_on_and_on(self):
        with tempfile.TemporaryDirectory() as folder:
            reports = CrowdReports(os.path.join(folder, "log"))
            with open(reports.path, "w", encoding="utf-8") as file:
                file.write("opens 1 a 1\nwelcome 2 a 1 opening 1 n\nsent 3 a 0 3\nconfirmed 7 a 0 3\nsent 8 a 1")
                file.flush()
                self.assertEqual(reports.read().attached, 1)
                self.assertEqual(reports.sent, {"a": ["a 0 3"]})
                self.assertEqual([(arrival.text, arrival.delay) for arrival in reports.confirmed], [("a 0 3", 4)])
                file.write(" 8\nended 9 a 1 newest - server\nwarning 9 a Server broke the protocol\n")
                file.flush()
                self.assertEqual(reports.read().attached, 0)
                self.assertEqual((reports.sent["a"], reports.other), (["a 0 3", "a 1 8"], ["warning 9 a Server broke the protocol"]))


if __name__ == "__main__":
    unittest.main()
