"""Each kind of answer to a batch is read as it is meant."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from publish import settled  # noqa: E402


class SettledTest(unittest.TestCase):
    def test_what_a_node_said_of_two_lines(self):
        good, bad, unknown = b'{"deliveries":[]}', b'{"error":{"code":"full"}}', b'{"error":{"code":"unknown"}}'
        cases = [(200, [good, good], 2), (200, [good, bad], 1), (200, [bad, bad], 0), (200, [good], None), (200, [good, b"{"], None),
                 (200, [good, unknown], None), (503, [bad], None)]
        for status, lines, stored in cases:
            with self.subTest((status, lines)):
                receipts = settled(status, lines, 2)
                self.assertEqual(None if receipts is None else len(receipts), stored)


if __name__ == "__main__":
    unittest.main()
