"""How late messages were and how clients moved, from the logs of `gapless crowd --times`.

A text ends with the moment at which it should have been sent, in nanoseconds of the machine's monotonic clock: whoever is late with sending is
late with the message. Nothing here is an estimate: percentiles are taken from all samples, and no histogram is needed.
"""

import collections
import dataclasses
import math


class Delays:
    """Delays in nanoseconds."""

    def __init__(self, samples):
        self.samples = sorted(samples)

    def __len__(self):
        return len(self.samples)

    def percentile(self, share):
        """The smallest delay that at least `share` percent of all do not exceed, in milliseconds; None without samples."""
        if not self.samples:
            return None
        rank = max(1, math.ceil(round(len(self.samples) * share / 100, 6)))
        return self.samples[rank - 1] / 1e6

    @property
    def figures(self):
        """p50, p99, p99.9 and the largest, in milliseconds."""
        return tuple(self.percentile(share) for share in (50, 99, 99.9, 100))


def due(text):
    """When a text should have been sent."""
    return int(text.rsplit(" ", 1)[1])


@dataclasses.dataclass
class Arrival:
    """A text that was handled."""

    client: str
    text: str
    moment: int

    @property
    def delay(self):
        return self.moment - due(self.text)


def with_times(lives):
    """Takes the times out of the lives of a `gapless crowd --times`: the lives as the judge wants them, and all arrivals."""
    bare, arrivals = {}, []
    for client, life in ((client, life) for client in lives for life in lives[client]):
        events = []
        for event in life:
            if event[0] == "message":
                moment, text = event[2].split(" ", 1)
                arrivals.append(Arrival(client, text, int(moment)))
                event = ("message", event[1], text)
            events.append(event)
        bare.setdefault(client, []).append(events)
    return bare, arrivals


def before(lives, moment):
    """The lives up to the first message that should have been sent at the moment or later."""
    cut = {}
    for client in lives:
        for life in lives[client]:
            end = next((place for place, event in enumerate(life) if event[0] == "message" and due(event[2]) >= moment), len(life))
            cut.setdefault(client, []).append(life[:end])
    return cut


class CrowdReports:
    """What a crowd says on standard error, read on and on: connections and uplink."""

    def __init__(self, path):
        self.path, self.place = path, 0
        self.connections = {}  # client: [(moment, "opens", connection), (moment, "welcome", connection), (moment, "ended", connection, role, code, by)]
        self.newest = {}  # client: its newest welcomed connection, while that is open
        self.sent = {}  # client: texts, in order
        self.newest_due = 0  # When the newest text that was sent was due.
        self.unconfirmed = set()  # texts
        self.confirmed = []  # arrivals
        self.other = []  # Lines that must not be: warnings, errors, clients that stopped, and whatever else nobody knows.

    def read(self):
        """Takes in what was added."""
        with open(self.path, "rb") as file:
            file.seek(self.place)
            data = file.read()
        whole = data[:data.rfind(b"\n") + 1]
        self.place += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self.take(line)
        return self

    def take(self, line):
        words = line.split(" ")
        match words:
            case ["opens", moment, client, connection]:
                self.connections.setdefault(client, []).append((int(moment), "opens", connection))
            case ["welcome", moment, client, connection, "opening", _, _]:
                self.connections.setdefault(client, []).append((int(moment), "welcome", connection))
                self.newest[client] = connection
            case ["ended", moment, client, connection, role, code, by]:
                self.connections.setdefault(client, []).append((int(moment), "ended", connection, role, code, by))
                if self.newest.get(client) == connection:
                    del self.newest[client]
                if (code, by) == ("4400", "client"):
                    self.other.append(f"{line} (the client found that the server broke the protocol)")
            case ["sent", _, client, _, _]:
                text = " ".join(words[2:])
                self.sent.setdefault(client, []).append(text)
                self.unconfirmed.add(text)
                self.newest_due = max(self.newest_due, due(text))
            case ["confirmed", moment, client, _, _]:
                text = " ".join(words[2:])
                self.confirmed.append(Arrival(client, text, int(moment)))
                self.unconfirmed.discard(text)
            case ["gap", _, _, _] | ["reset", _, _]:
                pass  # They are part of the clients' lives, and judged there.
            case _:
                self.other.append(line)

    @property
    def attached(self):
        """How many clients have a connection, as far as was read."""
        return len(self.newest)

    def is_confirmed(self, moment):
        """Whether everything that should have been sent before the moment was sent and is handled, as far as was read."""
        return self.newest_due >= moment and all(due(text) >= moment for text in self.unconfirmed)

    def movements(self, begin, end):
        """What became of connections between two moments."""
        found = Movements({client: 0 for client in self.connections})
        for client, events in self.connections.items():
            newest, opening, left = None, [], None
            is_first = True
            for moment, kind, connection, *more in events:
                is_within = begin <= moment < end
                if kind == "opens":
                    opening.append(connection)
                    continue
                if connection in opening:
                    opening.remove(connection)
                if kind == "welcome":
                    if is_within and not is_first:
                        found.add(client, connection, moment, left)
                    newest, left, is_first = connection, None, False
                    continue
                role, code, by = more
                code = "lost" if code == "-" else code
                if connection == newest:
                    newest, left = None, Left(moment, code, opening[-1] if opening else None)
                if is_within:
                    found.ends[f"{role} {code}" + (" by the client" if by == "client" else "")] += 1
        return found


@dataclasses.dataclass
class Left:
    """The end of a connection that was in use."""

    moment: int
    cause: str  # The code, or "lost".
    heir: str | None  # The connection that was on its way then.


@dataclasses.dataclass
class Movements:
    """What became of connections in a stretch of time."""

    welcomes: dict  # client: how many new connections
    moved: int = 0  # New connections that were on their way before the old one ended.
    handovers: dict = dataclasses.field(default_factory=dict)  # Of those, where the old one had ended: cause: how long before the welcome.
    absences: list = dataclasses.field(default_factory=list)  # How long clients were away that had to begin anew.
    ends: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # "role code": how many connections ended so.

    def add(self, client, connection, moment, left):
        """A client was welcomed again; left: how its connection had ended before, None when it still lived."""
        self.welcomes[client] += 1
        if left is not None and left.heir != connection:
            self.absences.append(moment - left.moment)
            return
        self.moved += 1
        if left is not None:
            self.handovers.setdefault(left.cause, []).append(moment - left.moment)

    @property
    def resumed(self):
        """How many new connections were made by clients that were away."""
        return len(self.absences)

    @property
    def spread(self):
        """{connections: how many clients had so many}."""
        counts = {}
        for count in self.welcomes.values():
            counts[count] = counts.get(count, 0) + 1
        return dict(sorted(counts.items()))
