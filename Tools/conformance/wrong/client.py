#!/usr/bin/env python3
"""Clients that are wrong on purpose: ../minimal-client.py with one fault each, so that the conformance kit can be seen to find it.

    client.py FAULT          # speaks the line protocol of Protocol.md, §18.2
    client.py --list         # the faults, each with the rules that it breaks, as JSON
"""

import importlib.util
import json
import os
import sys

sys.dont_write_bytecode = True  # the right client is imported; nothing is to be left beside it

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "minimal-client.py")
specification = importlib.util.spec_from_file_location("minimal_client", SOURCE)
right = importlib.util.module_from_spec(specification)
specification.loader.exec_module(right)

FAULTS = {}


def breaks(*rules):
    """Marks a fault: a class that overrides something of the right client."""
    def mark(fault):
        FAULTS[fault.__name__] = (fault, rules)
        return fault
    return mark


@breaks("R4.1-5")
class HelloSaysTaken(right.Commanded):
    """HELLO carries what was taken, handled or not."""

    def opened(self, c):
        handled, self.state.handled = self.state.handled, self.taken
        super().opened(c)
        self.state.handled = handled


@breaks("R4.1-9")
class HidesWhatItTook(right.Commanded):
    """HELLO does not tell what waits for the application."""

    def opened(self, c):
        taken, self.taken = self.taken, self.state.handled
        super().opened(c)
        self.taken = taken


@breaks("R4.1-5", "R6.3-1")
class AcknowledgesBeforeHandling(right.Commanded):
    """Whatever was taken counts as handled at once."""

    def commit(self, acknowledge=True, force=False):
        right.Client.commit(self, acknowledge, force)


@breaks("R6.1-4", "R6.2-8")
class HolesAreNoFault(right.Commanded):
    """A number above the next one is taken as if nothing were missing."""

    def frame(self, c, binary, data):
        words = data.split(b" ")
        if words[0] in (b"MSG", b"GAP") and len(words) > 2 and words[1].isdigit() and c.welcomed and int(words[1]) > self.taken + 1:
            self.taken = int(words[1]) - 1
        super().frame(c, binary, data)


@breaks("R6.2-9", "R6.2-10", "R6.1-5", "R4.5-1", "R5.2-16", "R5.4-3", "R6.2-7", "R10.1-6")
class GapsAreSilent(right.Commanded):
    """The application is not told of gaps, and so never handles them."""

    def take_gap(self, first, last, reason):
        self.taken = last


@breaks("R6.2-7")
class GapsAreToldWhole(right.Commanded):
    """The part of a gap that was taken is told again."""

    def frame(self, c, binary, data):
        words = data.split(b" ")
        self.first = int(words[1]) if words[0] == b"GAP" and len(words) > 2 and words[1].isdigit() else None
        super().frame(c, binary, data)

    def take_gap(self, first, last, reason):
        super().take_gap(min(self.first or first, first), last, reason)


@breaks("R7.3-1")
class IgnoresTheWindow(right.Commanded):
    """The uplink window is as wide as the client likes."""

    def flush_uplink(self):
        if self.newest:
            self.newest.up = {"messages": 1_000_000, "bytes": 1_000_000_000}
        super().flush_uplink()


@breaks("R5.3-12", "R5.3-13")
class ForcesItsWay(right.Commanded):
    """Every HELLO says force, the first as well; so the first 4501 is believed."""

    def connect(self, url):
        self.force = True
        super().connect(url)


@breaks("R5.3-12")
class NeverGivesIn(right.Commanded):
    """However often another instance takes over, the client takes back."""

    def ended(self, c, close_code):
        self.last_force = None
        super().ended(c, close_code)


@breaks("R11.2-5")
class Impatient(right.Commanded):
    """retryAfter is for others."""

    def ended(self, c, close_code):
        if c.error:
            c.error.pop("retryAfter", None)
        super().ended(c, close_code)


@breaks("R3.4-1", "R3.4-2")
class LaxNumbers(right.Commanded):
    """Numbers may have leading zeros, and 0 is one like any other."""

    def frame(self, c, binary, data):
        words = data.split(b" ", 2)
        if words[0] in (b"MSG", b"ACK", b"GAP", b"PING") and len(words) > 1 and words[1].lstrip(b"-").isdigit():
            words[1] = str(max(1, abs(int(words[1])))).encode()
        super().frame(c, binary, b" ".join(words))


@breaks("R8-4")
class NeverHearsSilence(right.Commanded):
    """A connection is believed in for ever."""

    def check_liveness(self, c, t):
        if c.phase == "open":
            c.heard = t
        super().check_liveness(c, t)


@breaks("R11.2-4", "R11.2-1")
class NeverForgets(right.Commanded):
    """The position is sent for ever, whatever the server says."""

    remembered = None

    def ended(self, c, close_code):
        if self.state.epoch:
            self.remembered = (self.state.epoch, self.state.handled, self.state.last, self.state.held)
        super().ended(c, close_code)

    def opened(self, c):
        if self.remembered and self.state.client and not self.state.epoch:
            self.state.epoch, self.state.handled, self.state.last, self.state.held = self.remembered
        super().opened(c)


@breaks("R10.3-4", "R3.7-6")
class SaysGoodbyeForEver(right.Commanded):
    """Leaving ends the session."""

    def leave(self):
        if self.newest and self.leaving is None:
            self.newest.send("BYE")
        super().leave()


@breaks("R10.1-5")
class StaysOnTheFirst(right.Commanded):
    """After a move PINGs of the older connection go on being answered."""

    def welcome(self, c, w):
        older = self.newest
        super().welcome(c, w)
        if older:
            older.silent = False


def main():
    if sys.argv[1:] == ["--list"]:
        print(json.dumps({name: sorted(rules) for name, (_, rules) in FAULTS.items()}))
        return 0
    if len(sys.argv) != 2 or sys.argv[1] not in FAULTS:
        print(__doc__)
        return 64
    right.Commanded = FAULTS[sys.argv[1]][0]
    return right.commanded()


if __name__ == "__main__":
    sys.exit(main())
