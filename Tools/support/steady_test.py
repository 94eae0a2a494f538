"""Nothing that is due is left out, and nothing becomes due later because somebody was late."""

import os
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from delays import due  # noqa: E402
from steady import TICK, Pace, SteadyPublisher  # noqa: E402


class PaceTest(unittest.TestCase):
    def test_nothing_is_due_before_its_time(self):
        pace = Pace(1000, 100)
        self.assertEqual(list(pace.overdue(0, 999)), [])
        self.assertEqual(list(pace.overdue(0, 1000)), [0])
        self.assertEqual(list(pace.overdue(1, 1000 + TICK - 1)), [])
        self.assertEqual(list(pace.overdue(1, 1000 + TICK)), [1])
        self.assertEqual((pace.wait(1, 1000), pace.wait(1, 1000 + TICK), pace.wait(1, 9 * TICK)), (TICK / 1e9, 0, 0))

    def test_whoever_was_late_catches_up(self):
        pace = Pace(0, 100)
        self.assertEqual(list(pace.overdue(3, 10 * TICK)), [3, 4, 5, 6, 7, 8, 9, 10])
        self.assertEqual(list(pace.overdue(11, 10 * TICK)), [])

    def test_all_counts_together_are_the_rate(self):
        for rate in (0, 0.1, 3, 24.9, 25, 125, 12_345):
            with self.subTest(rate):
                self.assertAlmostEqual(sum(Pace(0, rate).count(tick) for tick in range(25 * 400)), 400 * rate, delta=1)


class BatchTest(unittest.TestCase):
    def test_a_late_batch_has_the_old_times(self):
        publisher = SteadyPublisher([], ["a", "b"], random.Random(1), 50, "p", 0)
        batch = publisher.batch(Pace(7, 50), range(2, 5))
        self.assertEqual([due(send.text) for send in batch], [7 + tick * TICK for tick in (2, 2, 3, 3, 4, 4)])
        self.assertEqual([send.client for send in batch], ["a", "b"] * 3)
        self.assertEqual(len({send.text for send in batch + publisher.batch(Pace(7, 50), range(5, 6))}), 8)


if __name__ == "__main__":
    unittest.main()
