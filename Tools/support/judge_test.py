"""The judge sees what it should: every kind of fault, planted in logs that are good otherwise."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from judge import DOWN, UP, Send, judge_downlink, judge_uplink, read_crowd, read_events, read_printed, read_sends, write_sends  # noqa: E402


def message(number, text=None):
    return ("message", number, text or f"t{number}")


def sends(count, fate="accepted", numbered=True):
    return [Send("a", f"t{number}", fate, "p", number if numbered else None, "e" if numbered else None) for number in range(1, count + 1)]


class DownlinkTest(unittest.TestCase):
    def found(self, given, *lives, **options):
        return {fault: count for fault, count in judge_downlink(given, {"a": list(lives)}, **options).items() if count}

    def test_good_logs_are_good(self):
        self.assertEqual(self.found(sends(3), [message(1), message(2), message(3)]), {})
        self.assertEqual(self.found(sends(3, numbered=False), [message(1), message(2), message(3)]), {})

    def test_a_new_process_may_get_again_what_was_not_acknowledged(self):
        self.assertEqual(self.found(sends(4), [message(1), message(2), message(3)], [message(2), message(3), message(4)], [], [message(4)]), {})

    def test_what_nobody_promised_may_be_there_or_not(self):
        for there in ([], [message(1)], [message(1), message(2)]):
            self.assertEqual(self.found(sends(2, "unknown", False), there), {})

    def test_what_was_dropped_and_told_is_no_loss(self):
        gap = ("gap", 1, 3, "overflow")
        self.assertEqual(self.found(sends(5), [gap, message(4), message(5)], kept=2), {})
        self.assertEqual(self.found(sends(5, numbered=False), [gap, message(4), message(5)], kept=2), {})
        self.assertEqual(self.found(sends(3), [("gap", 1, 2, "expired"), message(3)], may_expire=True), {})

    def test_a_gap_may_cover_what_a_dead_process_handled(self):
        self.assertEqual(self.found(sends(5), [message(1), message(2)], [("gap", 2, 3, "overflow"), message(4), message(5)], kept=2), {})

    def test_lost_at_the_end(self):
        self.assertEqual(self.found(sends(3), [message(1), message(2)]), {"lost": 1})
        self.assertEqual(self.found(sends(3, numbered=False), [message(1), message(2)]), {"lost": 1})
        self.assertEqual(self.found(sends(2)), {"lost": 2})

    def test_lost_in_the_middle_without_a_gap(self):
        self.assertEqual(self.found(sends(3), [message(1), message(3)]), {"lost": 1, "unreported gap": 1})

    def test_lost_under_numbers_that_close_up(self):
        self.assertEqual(self.found(sends(3, numbered=False), [message(1), message(2, "t3")]), {"lost": 1})

    def test_more_is_lost_than_the_gap_has_room_for(self):
        self.assertEqual(self.found(sends(5, numbered=False), [("gap", 1, 2, "overflow"), message(3, "t4"), message(4, "t5")], kept=2), {"lost": 1})

    def test_a_gap_nobody_reported_between_two_processes(self):
        self.assertEqual(self.found(sends(4), [message(1)], [message(3), message(4)]), {"lost": 1, "unreported gap": 1})

    def test_duplicated_in_one_process(self):
        self.assertEqual(self.found(sends(3), [message(1), message(2), message(2), message(3)]), {"duplicated": 1})

    def test_duplicated_under_two_numbers(self):
        self.assertEqual(self.found(sends(2, numbered=False), [message(1), message(2), message(3, "t2")]), {"duplicated": 1})

    def test_duplicated_by_a_gap_over_a_message(self):
        self.assertEqual(self.found(sends(3), [message(1), message(2), ("gap", 2, 2, "overflow"), message(3)], kept=1), {"duplicated": 1})

    def test_out_of_order(self):
        self.assertEqual(self.found(sends(3, numbered=False), [message(1, "t2"), message(2, "t1"), message(3)]), {"out of order": 1})

    def test_numbers_out_of_order(self):
        self.assertEqual(self.found(sends(3), [message(2), message(1), message(3)]), {"unreported gap": 1, "duplicated": 1})

    def test_publishers_need_no_order_among_each_other(self):
        given = [Send("a", "x", "accepted", "p"), Send("a", "y", "accepted", "q"), Send("a", "z", "accepted", "p")]
        self.assertEqual(self.found(given, [message(1, "y"), message(2, "x"), message(3, "z")]), {})

    def test_invented(self):
        self.assertEqual(self.found(sends(1), [message(1), message(2)]), {"invented": 1})
        self.assertEqual({fault: count for fault, count in judge_downlink(sends(1), {"a": [[message(1)]], "b": [[message(1)]]}).items() if count}, {"invented": 1})

    def test_refused_and_stored(self):
        self.assertEqual(self.found([*sends(1), Send("a", "t2", "refused")], [message(1), message(2)]), {"refused and stored": 1})

    def test_a_gap_without_a_reason(self):
        gap = ("gap", 2, 2, "overflow")
        self.assertEqual(self.found(sends(3), [message(1), gap, message(3)]), {"unjust gap": 1})
        self.assertEqual(self.found(sends(3), [message(1), gap, message(3)], kept=2), {"unjust gap": 1})
        self.assertEqual(self.found(sends(3), [message(1), ("gap", 2, 2, "removed"), message(3)], kept=1, may_expire=True), {"unjust gap": 1})
        self.assertEqual(self.found(sends(4), [("gap", 1, 3, "overflow"), message(4)], kept=2), {"unjust gap": 1})

    def test_another_text_under_a_number(self):
        self.assertEqual(self.found([*sends(2), Send("a", "x", "accepted", "q", 3, "e")], [message(1), message(2, "x"), message(3, "t2")]),
                         {"another text under a number": 2})
        self.assertEqual(self.found(sends(2, numbered=False), [message(1)], [message(1, "t2")]), {"another text under a number": 1, "lost": 1})

    def test_another_epoch(self):
        self.assertEqual(self.found([*sends(1), Send("a", "t2", "accepted", "p", 2, "f")], [message(1), message(2)]), {"another epoch": 1})

    def test_a_reset(self):
        self.assertEqual(self.found(sends(2), [message(1), ("reset", "rollback"), message(2)]), {"reset": 1})

    def test_every_fault_is_planted_here(self):
        with open(os.path.abspath(__file__), encoding="utf-8") as file:
            text = file.read()
        for fault in DOWN + UP:
            self.assertIn(f'{{"{fault}": 1' if fault in DOWN and fault != "another text under a number" else f'"{fault}":', text)


class UplinkTest(unittest.TestCase):
    LIVES = [(["1", "2", "3"], 2), (["4", "5"], 2)]
    GOOD = [("o", 1, "1"), ("o", 2, "2"), ("o", 2, "2"), ("o", 3, "4"), ("o", 4, "5")]

    def test_good_logs_are_good(self):
        self.assertFalse(any(judge_uplink(self.LIVES, self.GOOD).values()))
        self.assertFalse(any(judge_uplink([], []).values()))

    def test_planted_faults(self):
        planted = {
            "lost": [("o", 1, "1"), ("o", 2, "4"), ("o", 3, "5")],
            "invented": [*self.GOOD, ("o", 5, "6")],
            "out of order": [("o", 1, "2"), ("o", 2, "1"), ("o", 3, "4"), ("o", 4, "5")],
            "another text under a number": [*self.GOOD[:2], ("o", 2, "3"), *self.GOOD[3:]],
            "a text under two numbers": [*self.GOOD, ("o", 5, "5")],
            "another outbox": [*self.GOOD, ("p", 1, "5")],
        }
        for fault, printed in planted.items():
            with self.subTest(fault):
                self.assertGreater(judge_uplink(self.LIVES, printed)[fault], 0)


class ReadingTest(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)

    def file(self, name, text):
        path = os.path.join(self.place.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_sends(self):
        given = [*sends(2), Send("b", "x \u00fc\n", "refused")]
        path = self.file("sends", "")
        write_sends(path, given)
        self.assertEqual(read_sends(path), given)

    def test_events(self):
        path = self.file("events", '{"seq":1,"text":"x","time":5}\n{"gap":{"from":2,"to":3,"reason":"expired"}}\n{"reset":{"reason":"rollback"}}\n{"seq":4,"te')
        self.assertEqual(read_events(path), [("message", 1, "x"), ("gap", 2, 3, "expired"), ("reset", "rollback")])

    def test_a_crowd(self):
        output = self.file("out", "a 1 x y\nb 1 z\na 4 w\nb 2 u\na 5")
        errors = self.file("err", "gap a 2-3 overflow\ngap b 3-3 overflow\nreset c epoch\ngap a 9")
        self.assertEqual(read_crowd(output, errors), {
            "a": [("message", 1, "x y"), ("gap", 2, 3, "overflow"), ("message", 4, "w")],
            "b": [("message", 1, "z"), ("message", 2, "u"), ("gap", 3, 3, "overflow")],
            "c": [("reset", "epoch")],
        })

    def test_printed_lines_that_a_kill_tore(self):
        path = self.file("printed", '{"event":"ready"}\n{"event":"mess{"event":"message","outbox":"o","seq":1,"text":"{"}\n{"event":"me')
        self.assertEqual(read_printed(path), ([("o", 1, "{")], 2))


if __name__ == "__main__":
    unittest.main()
