"""The verdict of a rolling deploy: what fails it always, and what with --strict alone."""

import collections
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from delays import Delays, Movements  # noqa: E402
from verdict import AGAIN, Round, handovers_in_words, slow, table, wrong  # noqa: E402


def stretch(way, down=(5,), up=(5,), connections=1, moved=1, errors=(), **faults):
    """A round with delays in milliseconds, in which one client had so many new connections."""
    current = Round(way, way, replaced=0 if way == "nothing" else 3, errors=list(errors))
    current.down, current.up = (Delays(value * 1_000_000 for value in values) for values in (down, up))
    current.movements, current.faults = Movements({"a": connections}, moved=moved), collections.Counter(faults)
    return current


class SlowTest(unittest.TestCase):
    def found(self, current):
        return slow([stretch("nothing"), current])

    def test_goals_that_are_met(self):
        self.assertEqual(self.found(stretch("SIGTERM", [8], [8])), [])
        self.assertEqual(self.found(stretch("SIGKILL", [5000], [5000])), [])

    def test_goals_that_are_missed(self):
        self.assertEqual(len(self.found(stretch("SIGTERM", down=[20]))), 1)
        self.assertEqual(len(self.found(stretch("SIGTERM", up=[100]))), 2)
        self.assertEqual(len(self.found(stretch("surge", up=[100]))), 2)
        self.assertEqual(len(self.found(stretch("SIGTERM", up=[1000]))), 3)

    def test_no_message_is_not_a_fast_one(self):
        self.assertEqual(len(self.found(stretch("SIGTERM", down=[]))), 3)


class WrongTest(unittest.TestCase):
    def found(self, current, faults=(), codes=(0, 0), intact="ok", lines=()):
        return wrong([current], collections.Counter(dict(faults)), list(codes), intact, lines)

    def test_a_good_run(self):
        for current in (stretch("nothing", connections=0, moved=0), stretch("SIGTERM", connections=3), stretch("SIGKILL", connections=9)):
            self.assertEqual(self.found(current), [])

    def test_a_crash_alone_may_have_a_message_handled_again(self):
        again = {f"up: {AGAIN}": 1}
        self.assertEqual(self.found(stretch("SIGKILL", **again), again), [])
        self.assertEqual(len(self.found(stretch("SIGTERM", **again), again)), 1)

    def test_anything_else_is_wrong(self):
        for name in ("down: lost", "up: lost", "down: reset", "down: unjust gap", "up: another outbox"):
            self.assertEqual(len(self.found(stretch("SIGKILL"), {name: 1})), 1)
        self.assertEqual(len(self.found(stretch("SIGTERM"), codes=(0, 1))), 1)
        self.assertEqual(len(self.found(stretch("SIGTERM"), intact="row 3 missing")), 1)

    def test_more_connections_than_restarts_are_wrong(self):
        self.assertEqual(len(self.found(stretch("SIGTERM", connections=4))), 1)

    def test_with_surge_each_client_moves_once(self):
        self.assertEqual(self.found(stretch("surge", connections=1)), [])
        self.assertEqual(len(self.found(stretch("surge", connections=2))), 1)
        self.assertEqual(len(self.found(stretch("surge", connections=0))), 1)

    def test_what_clients_and_nodes_complain_of_is_wrong(self):
        self.assertEqual(self.found(stretch("SIGTERM"), lines=["crowd: stopped 9 a 4450"]), ["crowd: stopped 9 a 4450"])
        for way in ("nothing", "SIGTERM", "SIGKILL"):
            self.assertEqual(len(self.found(stretch(way, errors=["node a: error"]))), 1)

    def test_a_round_that_shows_nothing_is_wrong(self):
        for way in ("nothing", "SIGTERM", "SIGKILL"):
            self.assertEqual(len(self.found(stretch(way, down=[]))), 1)
            self.assertEqual(len(self.found(stretch(way, up=[]))), 1)
            self.assertEqual(len(self.found(stretch(way, down=[], up=[]))), 2)
        for way in ("SIGTERM", "SIGKILL"):
            self.assertEqual(len(self.found(stretch(way, connections=0, moved=0))), 1)


class WordsTest(unittest.TestCase):
    def test_columns_stand_below_each_other(self):
        self.assertEqual(table(("", "p50"), [("no deploy", 1.5), ("SIGKILL", 1000)]), "            p50\nno deploy   1.5\nSIGKILL    1000")

    def test_handovers_are_told_by_cause(self):
        movements = Movements({}, moved=9, handovers={"4500": [2_000_000, 1_000_000], "4000": [3_000_000_000]})
        self.assertIn("of 9 moves", handovers_in_words(movements))
        self.assertTrue(handovers_in_words(movements).endswith("4000 1 (p50 3000 ms, max 3000 ms), 4500 2 (p50 1.0 ms, max 2.0 ms)"))
        self.assertEqual(handovers_in_words(Movements({}, moved=9)), "")


if __name__ == "__main__":
    unittest.main()
