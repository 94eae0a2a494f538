"""The judges of the webhook trial find what is wrong."""

import unittest

from webhooks import judge_events, judge_replies

PRINTED = [("o", 1, "x"), ("o", 2, "y"), ("o", 2, "y"), ("o", 3, "z")]
GOOD = ["reply o 1", "reply o 2", "reply o 3"]


class Replies(unittest.TestCase):
    def faults(self, received, mark=3):
        return {name: count for name, count in judge_replies(PRINTED, received, mark).items() if count}

    def test_one_for_each_message_is_right(self):
        self.assertEqual(self.faults(GOOD), {})
        self.assertEqual(self.faults(list(reversed(GOOD))), {})

    def test_what_is_wrong_is_counted(self):
        self.assertEqual(self.faults(GOOD[:2]), {"replies lost": 1})
        self.assertEqual(self.faults(GOOD + GOOD[1:2]), {"replies twice": 1})
        self.assertEqual(self.faults(GOOD + ["reply o 4"]), {"replies invented": 1})
        self.assertEqual(self.faults(GOOD[1:] + ["reply p 1"]), {"replies lost": 1, "replies invented": 1})


class Events(unittest.TestCase):
    CALLS = [{"event": "call", "key": "a/1/1", "events": [{"event": "attached"}]}, {"event": "call", "key": "a/1/2", "events": [{"event": "detached"}]}]

    def faults(self, records):
        return {name: count for name, count in judge_events(records).items() if count}

    def test_each_call_under_a_key_of_its_own_is_right(self):
        self.assertEqual(self.faults(self.CALLS), {})
        # An answer got lost, and the call came again.
        self.assertEqual(self.faults(self.CALLS + self.CALLS[:1]), {})

    def test_what_is_wrong_is_counted(self):
        self.assertEqual(self.faults(self.CALLS + [{"event": "unverified"}]), {"unverified": 1})
        self.assertEqual(self.faults(self.CALLS + [{"event": "wrong key"}]), {"wrong keys": 1})
        self.assertEqual(self.faults(self.CALLS + [dict(self.CALLS[0], events=[{"event": "gap"}])]), {"wrong keys": 1})
        self.assertEqual(self.faults(self.CALLS[:1]), {"kinds of events missing": 1})


if __name__ == "__main__":
    unittest.main()
