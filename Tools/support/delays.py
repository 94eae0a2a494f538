"""How late messages were and how clients moved, from the logs of `gapless crowd --times`.

A text ends with the moment at which it should have been sent, in nanoseconds since the UNIX epoch: whoever is late with sending is late with
the message. Nothing here is an estimate: percentiles are taken from all samples.
"""

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
    connection: int = 0  # The newest connection of the client at that moment; 0 where nobody knows.

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
                moment, connection, text = event[2].split(" ", 2)
                arrivals.append(Arrival(client, text, int(moment), int(connection)))
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
        self.connections = {}  # client: [(moment, "welcome", node) or (moment, "away", why)]
        self.sent = {}  # client: texts, in order
        self.confirmed = []  # arrivals
        self.other = []  # lines

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
        if words[0] == "welcome" and len(words) == 5:
            self.connections.setdefault(words[2], []).append((int(words[1]), "welcome", words[4]))
        elif words[0] in ("offline", "connecting") and len(words) >= 3:
            self.connections.setdefault(words[2], []).append((int(words[1]), "away", " ".join((words[0], *words[3:]))))
        elif words[0] == "sent" and len(words) == 5:
            self.sent.setdefault(words[2], []).append(" ".join(words[2:]))
        elif words[0] == "confirmed" and len(words) == 5:
            self.confirmed.append(Arrival(words[2], " ".join(words[2:]), int(words[1])))
        else:
            self.other.append(line)

    @property
    def attached(self):
        """How many clients have a connection, as far as was read."""
        return sum(1 for events in self.connections.values() if events[-1][1] == "welcome")

    def movements(self, begin, end):
        """What became of connections between two moments."""
        found = Movements({client: 0 for client in self.connections})
        for client, events in self.connections.items():
            was_welcomed, since, is_offline = False, None, False
            for moment, kind, what in events:
                is_within = begin <= moment < end
                if kind == "welcome":
                    if was_welcomed and is_within:
                        found.add(client, None if since is None else moment - since, is_offline)
                    was_welcomed, since, is_offline = True, None, False
                    continue
                since = moment if since is None else since
                if what.startswith("offline"):
                    is_offline = True
                    if was_welcomed and is_within:
                        found.causes[what[8:]] = found.causes.get(what[8:], 0) + 1
        return found


@dataclasses.dataclass
class Movements:
    """What became of connections in a stretch of time."""

    welcomes: dict  # client: how many new connections
    moved: int = 0  # New connections that were on their way before the old one ended.
    handovers: list = dataclasses.field(default_factory=list)  # Of those: how long before the welcome the old one had ended, where it had.
    absences: list = dataclasses.field(default_factory=list)  # How long clients were away that had to begin anew.
    causes: dict = dataclasses.field(default_factory=dict)  # Why they had to: how often.

    def add(self, client, away, is_offline):
        """A client was welcomed again, so many nanoseconds after the old connection had ended; None when that still lived."""
        self.welcomes[client] += 1
        if is_offline:
            self.absences.append(away)
            return
        self.moved += 1
        if away is not None:
            self.handovers.append(away)

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
