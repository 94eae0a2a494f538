"""What a rolling deploy showed: the figures of each round, what must not be, and what misses the goals."""

import collections
import dataclasses
import math

from delays import Delays, due

# A node that is killed may have handled a message and not have said so; then another one handles it again, under the same number.
AGAIN = "handled again"
# Goals of --strict, in milliseconds, while nodes are replaced in place.
MOST_P999, MOST, MEDIAN_GROWTH = 100, 1000, 1.5


@dataclasses.dataclass
class Round:
    """A stretch of time in which nothing is replaced, or every node once."""

    name: str
    way: str  # "nothing", "SIGTERM" in place, "surge", "SIGKILL"
    begin: int = 0
    end: int = 0
    replaced: int = 0  # How many nodes were.
    stops: list = dataclasses.field(default_factory=list)  # Seconds from SIGTERM to exit 0.
    held: dict = dataclasses.field(default_factory=dict)  # Connections of each node at the end.
    balancer: dict = dataclasses.field(default_factory=dict)  # What haproxy had to try again.
    errors: list = dataclasses.field(default_factory=list)  # Lines of nodes' logs.
    movements: object = None
    faults: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    down: Delays = None
    up: Delays = None
    waits: Delays = None  # Until what was sent down was accepted.
    latest: list = dataclasses.field(default_factory=list)  # The arrival that was latest, of each way.


def table(head, rows):
    """The rows under their head, in columns."""
    lines = [head, *rows]
    widths = [max(len(str(line[column])) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(str(cell).ljust(width) if place == 0 else str(cell).rjust(width) for place, (cell, width) in enumerate(zip(line, widths)))
                     for line in lines)


def milliseconds(value):
    return "-" if value is None else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def lost(faults):
    return faults["down: lost"] + faults["up: lost"]


def doubled(faults):
    return faults["down: duplicated"] + faults["up: a text under two numbers"]


def disordered(faults):
    return faults["down: out of order"] + faults["up: out of order"]


def moves_row(current):
    movements = current.movements
    absences = Delays(movements.absences)
    each = list(movements.welcomes.values())
    return (current.name, f"{(current.end - current.begin) / 1e9:.0f} s", movements.moved, movements.resumed, f"{sum(each) / max(1, len(each)):.2f}", max(each, default=0),
            milliseconds(absences.percentile(50)), milliseconds(absences.percentile(100)), lost(current.faults), doubled(current.faults),
            disordered(current.faults), current.faults[f"up: {AGAIN}"])


def handovers_in_words(movements):
    """How long clients were without a welcomed connection while a second one was on its way, by how the first had ended."""
    parts = []
    for cause, samples in sorted(movements.handovers.items()):
        gaps = Delays(samples)
        parts.append(f"{cause} {len(gaps)} (p50 {milliseconds(gaps.percentile(50))} ms, max {milliseconds(gaps.percentile(100))} ms)")
    return f"of {movements.moved} moves these had the old connection end before the new one was welcomed: {', '.join(parts)}" if parts else ""


def in_words(current):
    """What the tables leave out of a round."""
    words = [", ".join(f"{count} clients {connections}" for connections, count in current.movements.spread.items()) + " connections",
             "at the end " + ", ".join(f"{name} {count}" for name, count in current.held.items()),
             f"haproxy tried {current.balancer['wretr']} again, {current.balancer['wredis']} elsewhere, gave up {current.balancer['econ']}"]
    if handovers := handovers_in_words(current.movements):
        words.append(handovers)
    if current.movements.ends:
        words.append("connections ended: " + ", ".join(f"{how} {count}" for how, count in sorted(current.movements.ends.items())))
    if current.stops:
        words.append("exit 0 after " + ", ".join(f"{seconds:.1f} s" for seconds in current.stops))
    words.append("the latest were " + " and ".join(f"of {arrival.client}, due {(due(arrival.text) - current.begin) / 1e9:.2f} s after the beginning"
                                                    for arrival in current.latest))
    return f"{current.name}: " + "; ".join(words)


def report(rounds):
    head = ("", "took", "moved", "resumed", "connections/client", "most", "away p50", "away max", "lost", "doubled", "out of order", AGAIN)
    print(table(head, [moves_row(current) for current in rounds]))
    print()
    head = ("delay in ms", "of", "count", "p50", "p99", "p99.9", "max")
    print(table(head, [(current.name, what, len(delays), *map(milliseconds, delays.figures))
                       for current in rounds for what, delays in (("down", current.down), ("up", current.up), ("requests to send", current.waits))]))
    print()
    for current in rounds:
        print(in_words(current))
    print("(moved: the new connection was on its way before the old one ended; resumed: the client was away in between, for so many ms)")


def proves_nothing(current):
    """What a round does not show, in words: without messages both ways, and without moves, whatever it says is worth nothing."""
    missing = [way for way, delays in (("message down", current.down), ("message up", current.up)) if not delays]
    if current.way != "nothing" and not current.movements.moved + current.movements.resumed:
        missing.append("move")
    return [f"{current.name}: there was no {what}, so nothing is proven" for what in missing]


def wrong(rounds, faults, codes, intact, lines):
    """What must not be, in words. lines: what clients and nodes said outside the rounds, and must not."""
    again = f"up: {AGAIN}"
    found = [f"{name} {count}" for name, count in faults.items() if count and name != again]
    for current in rounds:
        found += proves_nothing(current)
        # Only a crash may have a message handled again.
        if current.faults[again] and current.way != "SIGKILL":
            found.append(f"{current.name}: {again} {current.faults[again]}")
        most = max(current.movements.welcomes.values(), default=0)
        if current.way == "SIGTERM" and most > current.replaced:
            found.append(f"{current.name}: a client had {most} new connections, {current.replaced} nodes were replaced")
        if current.way == "surge" and set(current.movements.spread) != {1}:
            counts = ", ".join(f"{count} clients {connections}" for connections, count in current.movements.spread.items())
            found.append(f"{current.name}: each client should have one new connection; {counts}")
        found += [f"{current.name}: {line}" for line in current.errors]
    if any(codes):
        found.append(f"exit codes {codes}")
    if intact != "ok":
        found.append(f"integrity {intact}")
    return found + list(lines)


def slow(rounds):
    """What misses the goals of --strict, in words."""
    found = []
    baseline = next(current for current in rounds if current.way == "nothing")
    for current in (current for current in rounds if current.way in ("SIGTERM", "surge")):
        for way, delays, without in (("down", current.down, baseline.down), ("up", current.up, baseline.up)):
            usual = without.percentile(50) or 0
            p50, _, p999, most = (math.inf if value is None else value for value in delays.figures)
            if p50 > MEDIAN_GROWTH * usual + 1:
                found.append(f"{current.name}, {way}: the median is {p50:.1f} ms, {usual:.1f} ms without a deploy")
            if p999 >= MOST_P999:
                found.append(f"{current.name}, {way}: p99.9 is {p999:.0f} ms, not below {MOST_P999}")
            if most >= MOST:
                found.append(f"{current.name}, {way}: the longest delay is {most:.0f} ms, not below {MOST}")
    return found
