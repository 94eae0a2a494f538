"""Everything that was planted in the logs of a rolling deploy is counted, in the right round; nobody who died goes unseen."""

import importlib.util
import os
import random
import sys
import tempfile
import types
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from delays import CrowdReports  # noqa: E402
from judge import Send  # noqa: E402
from verdict import Round  # noqa: E402

specification = importlib.util.spec_from_file_location("rolling_deploy", os.path.join(HERE, "rolling-deploy.py"))
tool = importlib.util.module_from_spec(specification)
specification.loader.exec_module(tool)


class FaultsTest(unittest.TestCase):
    """Everything that was planted is counted, and in the right stretch of time."""

    def faults(self, moment, sends=("p 1", "p 2"), handled=("p 1", "p 2"), sent=("a 0 1", "a 1 2"), printed=((1, "a 0 1"), (2, "a 1 2"))):
        class Trial:
            reports = CrowdReports(None)

        Trial.reports.sent = {"a": list(sent)}
        given = [Send("a", text, "accepted", "p", number, "e") for number, text in enumerate(sends, 1)]
        lives = {"a": [[("message", number, text) for number, text in enumerate(handled, 1)]]}
        found = tool.RollingDeploy.faults(Trial, given, lives, {"a": [("o", number, text) for number, text in printed]}, moment)
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


class CheckTest(unittest.TestCase):
    """A trial without processes."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        options = types.SimpleNamespace(program="gapless", clients=2, drain_wait=2, drain_time=1.5, move_time=0.25)
        self.trial = tool.RollingDeploy(options, random.Random(1), folder.name)
        self.trial.crowd = types.SimpleNamespace(require_running=lambda: None, is_running=False)

    def run_nodes(self, *codes):
        for node, code in zip(self.trial.nodes, codes):
            node.process = types.SimpleNamespace(poll=lambda code=code: code, returncode=code)

    def test_nodes_that_run(self):
        self.run_nodes(None, None, None)
        self.trial.check()

    def test_a_node_that_died_by_itself_fails_the_trial(self):
        self.run_nodes(None, None, -11)
        with self.assertRaisesRegex(RuntimeError, "node c ended by itself with -11"):
            self.trial.check()

    def test_a_node_that_died_by_itself_is_not_killed_unseen(self):
        for way in ("SIGKILL", "SIGTERM"):
            self.run_nodes(-6, None, None)
            with self.assertRaisesRegex(RuntimeError, "node a ended by itself with -6"):
                self.trial.replace(self.trial.nodes[0], Round("r", way))

    def test_nodes_get_the_time_to_drain(self):
        settings = self.trial.nodes[0].options
        for name, time in (("--drain-wait", "2000ms"), ("--drain-time", "1500ms"), ("--move-time", "250ms")):
            self.assertEqual(settings[settings.index(name) + 1], time)


if __name__ == "__main__":
    unittest.main()
