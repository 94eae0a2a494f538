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


def call(number, *events, life="1", **more):
    """A call; an event is a kind, a client and a generation."""
    told = [{"event": kind, "client": client} | ({"generation": generation} if generation else {}) for kind, client, generation in events]
    return {"event": "call", "key": f"a/{life}/{number}", "node": "a", "incarnation": life, "call": number, "events": told} | more


class Events(unittest.TestCase):
    CALLS = [call(1, ("attached", "alice", 1), ("gap", "alice", None)), call(2, ("attached", "bob", 7), ("detached", "alice", 1)),
             call(1, ("attached", "alice", 2), ("attached", "alice", 4), ("detached", "alice", 4), life="2")]

    def faults(self, records):
        return {name: count for name, count in judge_events(records).items() if count}

    def test_each_call_under_a_key_of_its_own_is_right(self):
        self.assertEqual(self.faults(self.CALLS), {})
        # An answer got lost, and the call came again.
        self.assertEqual(self.faults(self.CALLS[:1] + self.CALLS), {})
        # A client that left before it was attached.
        self.assertEqual(self.faults(self.CALLS + [call(2, ("detached", "alice", 5), life="2")]), {})

    def test_what_is_wrong_is_counted(self):
        first, second, other = self.CALLS
        self.assertEqual(self.faults(self.CALLS + [{"event": "unverified"}]), {"unverified": 1})
        self.assertEqual(self.faults(self.CALLS + [{"event": "wrong key"}]), {"wrong keys": 1})
        self.assertEqual(self.faults(self.CALLS[:1]), {"kinds of events missing": 1})
        # Another call under a key that was used, and a key that is not the one in the body.
        self.assertEqual(self.faults([first, second, call(2, ("gap", "alice", None)), other]), {"wrong keys": 1})
        self.assertEqual(self.faults([dict(first, key="a/1/9"), second, other]), {"wrong keys": 1})
        # A call is lost, or comes late; an old one comes again behind a newer one.
        self.assertEqual(self.faults([first, other, call(3, ("attached", "alice", 3))]), {"calls out of order": 1})
        self.assertEqual(self.faults([second, other, call(1)]), {"calls out of order": 2})
        self.assertEqual(self.faults([first, second, first, other]), {"calls out of order": 1})
        self.assertEqual(self.faults([first, dict(second, dropped=7), other]), {"events dropped": 7})
        # One is told twice under two numbers, or in the wrong order.
        self.assertEqual(self.faults([first, second, call(3, ("attached", "bob", 7)), other]), {"events out of order": 1})
        self.assertEqual(self.faults([call(1, ("detached", "alice", 1), ("attached", "alice", 1))]), {"events out of order": 1})


if __name__ == "__main__":
    unittest.main()
