"""How clients came back after their node had died: from what `gapless crowd --times` says of connections, and from what nodes cost meanwhile."""

import collections
import dataclasses
import math
import os

from delays import Delays
from verdict import milliseconds, table

BIN = 100_000_000  # Nanoseconds: comebacks are counted for each of these.
WIDEST = 50  # Characters of a bar.


@dataclasses.dataclass
class Comebacks:
    """What became of the clients of a node that died."""

    died: int  # When, in nanoseconds.
    times: list = dataclasses.field(default_factory=list)  # How long after that each client that lost its connection was welcomed again.
    missing: list = dataclasses.field(default_factory=list)  # Clients that lost theirs and were not welcomed again.
    again: list = dataclasses.field(default_factory=list)  # Clients that lost another one after they had come back.
    refusals: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # Code: how many attempts ended so.

    @property
    def last(self):
        """How long it took until all were back, in nanoseconds."""
        return max(self.times, default=0)

    @property
    def spread(self):
        """How many came back in each tenth of a second, from the death until the last."""
        counts = [0] * (self.last // BIN + 1) if self.times else []
        for time in self.times:
            counts[time // BIN] += 1
        return counts

    @property
    def peak(self):
        """The most that came back within a tenth of a second, on the clock of `spread`."""
        return max(self.spread, default=0)


def comebacks(connections, died, until=math.inf):
    """connections: as `CrowdReports` has them. Counts what happened from the moment at which a node died until another one."""
    found = Comebacks(died, refusals=refusals(connections, died, until))
    for client, events in connections.items():
        newest, is_away, is_back = None, False, False
        for moment, kind, connection, *more in events:
            if moment >= until:
                break
            if kind == "welcome":
                if is_away:
                    found.times.append(moment - died)
                    is_back, is_away = True, False
                newest = connection
            elif kind == "ended" and connection == newest:
                newest = None
                if moment >= died:
                    if is_back:
                        found.again.append(client)
                    is_away, is_back = not is_back, is_back
        if is_away:
            found.missing.append(client)
    return found


def refusals(connections, begin, end):
    """How many attempts to attach ended without a WELCOME between two moments, by code."""
    found = collections.Counter()
    for events in connections.values():
        welcomed = {connection for _, kind, connection, *_ in events if kind == "welcome"}
        for moment, kind, connection, *more in events:
            if kind == "ended" and begin <= moment < end and connection not in welcomed:
                found["unanswered" if more[1] == "-" else more[1]] += 1
    return found


def told(refused):
    """Refusals in words."""
    return "attempts that ended without a WELCOME: " + (", ".join(f"{code} {count}" for code, count in sorted(refused.items())) or "none")


def bars(counts, widest=WIDEST, most=40):
    """The counts as lines of text; several bins in one line where there are more than `most`."""
    if not counts:
        return []
    step = -(-len(counts) // most)
    sums = [sum(counts[place:place + step]) for place in range(0, len(counts), step)]
    return [f"{place * step * BIN / 1e9:6.1f} s {count:6} {'#' * round(widest * count / max(sums))}".rstrip() for place, count in enumerate(sums)]


# What processes cost.

def cpu_seconds(stat, ticks):
    """The processor time of a process, of its `/proc/PID/stat`; the name in it may hold anything."""
    fields = stat[stat.rindex(")") + 2:].split()
    return (int(fields[11]) + int(fields[12])) / ticks


def cpu_of(pids):
    """The processor time of some processes together; those that ended count nothing."""
    total = 0.0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                total += cpu_seconds(file.read(), os.sysconf("SC_CLK_TCK"))
        except OSError:
            pass
    return total


@dataclasses.dataclass(frozen=True)
class Cost:
    """What nodes spent while `count` clients came."""

    what: str
    count: int
    seconds: float  # Of processors, altogether.
    usual: float  # Of these, what the same time costs when nobody comes; on a busy machine less than that is done, so it may be too much.

    @property
    def each(self):
        """Milliseconds of processor time for each client at most, and less what is usual; None where nobody came."""
        if self.count == 0:
            return None, None
        return self.seconds * 1000 / self.count, max(0.0, self.seconds - self.usual) * 1000 / self.count


def descriptors(clients):
    """How many open files the clients' process needs: each may have an old connection beside a new one that is on its way."""
    return clients + clients // 4 + 256


# What it comes to.

def ratio(before, after):
    """How much longer the after's 99th percentile is; None when there is nothing to compare."""
    usual, now = before.percentile(99), after.percentile(99)
    return None if usual is None or now is None or usual == 0 else now / usual


def report(found, probes, costs):
    """The figures as text. probes: [(name, Delays)]; costs: [Cost]."""
    lines = [f"{len(found.times)} clients came back: half within {milliseconds(Delays(found.times).percentile(50))} ms, all within "
             f"{milliseconds(found.last / 1e6)} ms, at most {found.peak} in 100 ms; {len(found.missing)} did not, {len(found.again)} were away again"]
    lines += bars(found.spread)
    lines.append(told(found.refusals))
    lines += ["", table(("delay of probes in ms", "count", "p50", "p99", "max"), [(name, len(delays), *map(milliseconds, (delays.percentile(50), delays.percentile(99), delays.percentile(100))))
                                                                               for name, delays in probes])]
    lines += ["", table(("processor time of nodes", "count", "seconds", "of these as usual", "ms each at most", "less the usual"),
                        [(cost.what, cost.count, f"{cost.seconds:.1f}", f"{cost.usual:.1f}", *("-" if value is None else f"{value:.2f}" for value in cost.each))
                         for cost in costs])]
    return "\n".join(lines)


def wrong(found, held, faults, codes, intact, lines):
    """What must not be, in words. held: how many clients the node had that died. faults: {what: count}. lines: what nodes and clients said."""
    words = [f"{name} {count}" for name, count in faults.items() if count]
    words += [f"{client} did not come back" for client in found.missing]
    words += [f"{client} lost its connection to a survivor" for client in found.again]
    if not found.times:
        words.append("no client came back, so nothing is proven")
    if len(found.times) + len(found.missing) < held:
        words.append(f"the node had {held} clients, {len(found.times) + len(found.missing)} noticed its death")
    if any(codes):
        words.append(f"exit codes {codes}")
    if intact != "ok":
        words.append(f"integrity {intact}")
    return words + list(lines)
