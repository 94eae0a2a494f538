"""A trial says how it ended and leaves its files where they are needed; the errors of a node's log are found."""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node, Trial, add_options  # noqa: E402


class ErrorsTest(unittest.TestCase):
    def test_errors_are_read_on_and_on(self):
        with tempfile.TemporaryDirectory() as folder:
            node = Node("gapless", "a", "store", folder)
            with open(node.log, "w", encoding="utf-8") as file:
                file.write("2026-01-01T10:00:00+0000 info gapless: error=1 [GaplessServer] Server starts\n"
                           "2026-01-01T10:00:00+0000 warning gapless: [GaplessServer] Commit failed\n"
                           "2026-01-01T10:00:01+0000 error gapless: jobs=2 [GaplessServer] Jobs are left behind\n2026-01-01T10:0")
                file.flush()
                found = node.errors()
                self.assertEqual([line.endswith("Jobs are left behind") for line in found], [True])
                self.assertEqual(node.errors(), [])
                # The rest of a line that a kill left in pieces, and the next life of the node.
                file.write("2026-01-01T10:00:02+0000 critical gapless: [GaplessServer] No disk\nserver.swift:1: Fatal error: no\n")
                file.flush()
                self.assertEqual(len(node.errors()), 2)

    def test_a_node_that_ended_by_itself_is_noticed(self):
        node = Node(sys.executable, "a", "store", tempfile.gettempdir())

        class Ended:
            returncode = -6

            def poll(self):
                return self.returncode

        node.process = Ended()
        with self.assertRaisesRegex(RuntimeError, "node a ended by itself with -6"):
            node.require_running()


class TrialTest(unittest.TestCase):
    def conduct(self, body, *arguments):
        """The exit code, what was printed, and whether the files are still there and processes were ended."""
        seen = {}

        class Tried(Trial):
            name = "tried"

            def run(self):
                seen["folder"], seen["draw"] = self.folder, self.rng.random()
                return body()

            def clean(self):
                seen["cleaned"] = True

        parser = argparse.ArgumentParser()
        add_options(parser)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            code = Tried.conduct(parser.parse_args(["--program", "p", *arguments]), "3 clients; ")
        self.assertTrue(seen["cleaned"])
        is_left = os.path.isdir(seen["folder"])
        if is_left:
            os.rmdir(seen["folder"])
        return code, output.getvalue(), is_left, seen["draw"]

    def test_good(self):
        code, output, is_left, draw = self.conduct(lambda: True, "--seed", "7")
        self.assertEqual((code, is_left), (0, False))
        self.assertTrue(output.startswith("seed 7; 3 clients; files in "))
        self.assertEqual(draw, self.conduct(lambda: True, "--seed", "7")[3])

    def test_files_are_kept_when_asked_for(self):
        self.assertEqual(self.conduct(lambda: True, "--keep")[::2], (0, True))

    def test_bad(self):
        self.assertEqual(self.conduct(lambda: False)[::2], (1, True))

    def test_a_failure(self):
        def fail():
            raise RuntimeError("no node")

        code, output, is_left, _ = self.conduct(fail)
        self.assertEqual((code, is_left), (1, True))
        self.assertIn("FAILED: no node", output)


if __name__ == "__main__":
    unittest.main()
