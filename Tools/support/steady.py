"""Sends messages at a steady rate over the HTTP API, whatever becomes of what was sent before."""

import dataclasses
import time

from judge import Send
from publish import Publisher

TICK = 40_000_000  # Nanoseconds between two batches of a publisher.


def now():
    """Nanoseconds of the clock that all processes of the machine read alike and that nobody sets; `gapless crowd --times` tells it, too."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


@dataclasses.dataclass(frozen=True)
class Pace:
    """When batches are due, and how many messages are in each: nothing is due later, or not at all, because somebody was late."""

    began: int  # When batch 0 is due, in nanoseconds.
    rate: float  # Messages a second.

    def due(self, tick):
        return self.began + tick * TICK

    def count(self, tick):
        """How many messages are due at the tick; over time it is the rate, also where that is less than one a tick."""
        return int((tick + 1) * TICK * self.rate / 1e9) - int(tick * TICK * self.rate / 1e9)

    def overdue(self, tick, moment):
        """The ticks from this one on that are due at the moment."""
        return range(tick, max(tick, (moment - self.began) // TICK + 1))

    def wait(self, tick, moment):
        """Seconds from the moment until the tick is due."""
        return max(0, self.due(tick) - moment) / 1e9


class SteadyPublisher(Publisher):
    """Each of its texts says when it should have been sent."""

    def __init__(self, nodes, clients, rng, rate, name, home):
        super().__init__(nodes, clients, rng, rate, name)
        self.home, self.avoid_until, self.pause = home, 0, 0.01
        self.waits = []  # (when a batch was sent, how long it took until all of it was accepted), in nanoseconds.

    def first_turn(self):
        """Its own node, unless that one failed a moment ago."""
        return self.home + (time.monotonic() < self.avoid_until)

    def send(self, batch):
        retries, began = self.retries, now()
        super().send(batch)
        self.waits.append((began, now() - began))
        if self.retries > retries:
            self.avoid_until = time.monotonic() + 1

    def batch(self, pace, ticks):
        """The messages of the ticks; they are sent together."""
        made = []
        for tick in ticks:
            for _ in range(pace.count(tick)):
                text = f"{self.name}-{self.count} {pace.due(tick)}"
                made.append(Send(self.clients[self.count % len(self.clients)], text, "unknown", self.name))
                self.count += 1
        return made

    def run(self):
        try:
            pace, tick = Pace(now(), self.rate), 0
            while not self.stopping.wait(pace.wait(tick, now())):
                ticks = pace.overdue(tick, now())
                tick = ticks.stop
                if batch := self.batch(pace, ticks):
                    self.sends += batch
                    self.send(batch)
        except Exception as error:  # the main thread reports it
            self.failure = error
