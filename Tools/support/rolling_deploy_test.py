"""The verdict of a rolling deploy: what fails it always, and what with --strict alone."""

import collections
import importlib.util
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from delays import CrowdReports, Delays, Movements  # noqa: E402
from judge import Send  # noqa: E402

specification = importlib.util.spec_from_file_location("rolling_deploy", os.path.join(HERE, "rolling-deploy.py"))
tool = importlib.util.module_from_spec(specification)
specification.loader.exec_module(tool)


def stretch(way, down=5, up=5, connections=0, **faults):
    current = tool.Round(way, way, stops=[1.0, 1.0, 1.0] if way == "SIGTERM" else [])
    current.down, current.up = Delays([down * 1_000_000]), Delays([up * 1_000_000])
    current.movements, current.faults = Movements({"a": connections}), collections.Counter(faults)
    return current


class SlowTest(unittest.TestCase):
    def found(self, current):
        return tool.slow([stretch("nothing"), current])

    def test_goals_that_are_met(self):
        self.assertEqual(self.found(stretch("SIGTERM", 8, 8, 3)), [])
        self.assertEqual(self.found(stretch("SIGKILL", 5000, 5000, 9)), [])

    def test_goals_that_are_missed(self):
        self.assertEqual(len(self.found(stretch("SIGTERM", connections=4))), 1)
        self.assertEqual(len(self.found(stretch("SIGTERM", down=20))), 1)
        self.assertEqual(len(self.found(stretch("SIGTERM", up=100))), 2)
        self.assertEqual(len(self.found(stretch("SIGTERM", up=1000))), 3)


class FaultsTest(unittest.TestCase):
    """Everything that was planted is counted, and in the right stretch of time."""

    def faults(self, moment, sends=("p 1", "p 2"), handled=("p 1", "p 2"), sent=("a 0 1", "a 1 2"), printed=((1, "a 0 1"), (2, "a 1 2"))):
        class Trial:
            reports = CrowdReports(None)

        Trial.reports.sent = {"a": list(sent)}
        given = [Send("a", text, "accepted", "p", number, "e") for number, text in enumerate(sends, 1)]
        lives = {"a": [[("message", number, text) for number, text in enumerate(handled, 1)]]}
        found = tool.Trial.faults(Trial, given, lives, {"a": [("o", number, text) for number, text in printed]}, moment)
        return {name: count for name, count in found.items() if count}

    def test_good_logs(self):
        self.assertEqual(self.faults(None), {})
        self.assertEqual(self.faults(2), {})

    def test_lost(self):
        self.assertEqual(self.faults(None, handled=("p 1",)), {"down: lost": 1})
        self.assertEqual(self.faults(2, handled=("p 1",)), {})
        self.assertEqual(self.faults(None, printed=((1, "a 0 1"),)), {"up: lost": 1})
        self.assertEqual(self.faults(2, printed=((1, "a 0 1"),)), {})

    def test_a_client_whose_messages_never_came_up(self):
        self.assertEqual(self.faults(None, printed=()), {"up: lost": 2})

    def test_doubled(self):
        self.assertEqual(self.faults(None, printed=((1, "a 0 1"), (2, "a 1 2"), (2, "a 1 2"))), {f"up: {tool.AGAIN}": 1})
        self.assertIn("up: a text under two numbers", self.faults(None, printed=((1, "a 0 1"), (2, "a 0 1"), (3, "a 1 2"))))
        self.assertIn("down: duplicated", self.faults(None, handled=("p 1", "p 2", "p 2")))

    def test_out_of_order(self):
        self.assertIn("down: out of order", self.faults(None, sends=("p 2", "p 1"), handled=("p 1", "p 2")))
        self.assertIn("up: out of order", self.faults(None, printed=((1, "a 1 2"), (2, "a 0 1"))))


class WrongTest(unittest.TestCase):
    def found(self, current, faults=(), codes=(0, 0)):
        class Trial:
            rounds, store = [current], ":memory:"

        Trial.codes = list(codes)
        return tool.wrong(Trial, collections.Counter(dict(faults)))

    def test_a_crash_alone_may_have_a_message_handled_again(self):
        again = {f"up: {tool.AGAIN}": 1}
        self.assertEqual(self.found(stretch("SIGKILL", **again), again), [])
        self.assertEqual(len(self.found(stretch("SIGTERM", **again), again)), 1)

    def test_anything_else_is_wrong(self):
        for name in ("down: lost", "up: lost", "down: reset", "down: unjust gap", "up: another outbox"):
            self.assertEqual(len(self.found(stretch("SIGKILL"), {name: 1})), 1)
        self.assertEqual(len(self.found(stretch("SIGTERM"), codes=(0, 1))), 1)


class TableTest(unittest.TestCase):
    def test_columns_stand_below_each_other(self):
        self.assertEqual(tool.table(("", "p50"), [("no deploy", 1.5), ("SIGKILL", 1000)]), "            p50\nno deploy   1.5\nSIGKILL    1000")


if __name__ == "__main__":
    unittest.main()
