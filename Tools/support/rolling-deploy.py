#!/usr/bin/env python3
"""Rolling deploys behind a real balancer: nobody misses a message, and how late they are.

Three nodes on one SQLite file with token authentication, haproxy in front of them with its health check on /ready, many clients, and steady
traffic both ways. First nothing happens: that is what the rest is compared with. Then all nodes are replaced one at a time, again and again
(SIGTERM, wait for exit 0, start the new one, wait until haproxy takes it), and at last once more with SIGKILL.

What was accepted and what was handled stands in logs; they are compared in the end. Anything lost, doubled or out of order makes this fail.
A delay is the time from when a message should have been sent until it was handled: down, until the client was given it; up, until the client
heard that the server had handled it. How long nodes took to accept what was sent down is part of that, and printed for itself. Delays depend on
the machine, so they are judged with --strict alone.
"""

import argparse
import collections
import dataclasses
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Crowd  # noqa: E402
from delays import CrowdReports, Delays, before, due, with_times  # noqa: E402
from haproxy import Balancer  # noqa: E402
from judge import Send, judge_downlink, judge_uplink, read_printed_by_client, shown  # noqa: E402
from nodes import Node, integrity  # noqa: E402
from publish import Publisher  # noqa: E402

PATIENCE = 120  # Seconds that only a hang takes.
PUBLISHERS = 4
TICK = 0.04  # Seconds between two batches of a publisher.
# A node that is killed may have handled a message and not have said so; then another one handles it again, under the same number.
AGAIN = "handled again"
# Goals of --strict, in milliseconds, while nodes are replaced in place.
MOST_P999, MOST, MEDIAN_GROWTH = 100, 1000, 1.5


class SteadyPublisher(Publisher):
    """Sends at a steady rate whatever becomes of what was sent before; each text says when it should have been sent."""

    def __init__(self, nodes, clients, rng, rate, name, home):
        super().__init__(nodes, clients, rng, rate, name)
        self.home, self.avoid_until, self.pause = home, 0, 0.01
        self.waits = []  # (when a batch was sent, how long it took until all of it was accepted), in nanoseconds.

    def first_turn(self):
        """Its own node, unless that one failed a moment ago."""
        return self.home + (time.monotonic() < self.avoid_until)

    def send(self, batch):
        retries, began = self.retries, time.time_ns()
        super().send(batch)
        self.waits.append((began, time.time_ns() - began))
        if self.retries > retries:
            self.avoid_until = time.monotonic() + 1

    def run(self):
        try:
            began, wall, tick, each = time.monotonic(), time.time_ns(), 0, self.rate * TICK
            while not self.stopping.is_set():
                self.stopping.wait(max(0, began + tick * TICK - time.monotonic()))
                batch = []
                while began + tick * TICK <= time.monotonic():
                    moment = wall + round(tick * TICK * 1e9)
                    for _ in range(int((tick + 1) * each) - int(tick * each)):
                        batch.append(Send(self.clients[self.count % len(self.clients)], f"{self.name}-{self.count} {moment}", "unknown", self.name))
                        self.count += 1
                    tick += 1
                if batch:
                    self.sends += batch
                    self.send(batch)
        except Exception as error:  # the main thread reports it
            self.failure = error


@dataclasses.dataclass
class Round:
    """A stretch of time in which nothing is replaced, or every node once."""

    name: str
    way: str  # "nothing", "SIGTERM", "SIGKILL"
    begin: int = 0
    end: int = 0
    stops: list = dataclasses.field(default_factory=list)  # Seconds from SIGTERM to exit 0.
    held: dict = dataclasses.field(default_factory=dict)  # Connections of each node at the end.
    balancer: dict = dataclasses.field(default_factory=dict)  # What haproxy had to try again.
    movements: object = None
    faults: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    down: Delays = None
    up: Delays = None
    waits: Delays = None  # Until what was sent down was accepted.
    latest: list = dataclasses.field(default_factory=list)  # The arrival that was latest, of each way.


class Trial:
    def __init__(self, options, rng, folder):
        self.options, self.rng, self.folder = options, rng, folder
        self.printed = os.path.join(folder, "printed.jsonl")
        self.store = os.path.join(folder, "gapless.db")
        self.clients = [f"user{number}/device" for number in range(options.clients)]
        settings = ["--auth", f"tokens:{self.write_tokens()}", "--max-messages", "1000000", "--max-bytes", "1000000000", "--new-queues-per-second", "none"]
        self.nodes = [Node(options.program, name, self.store, folder, settings, self.printed) for name in "abc"]
        self.balancer = self.crowd = self.reports = None
        self.publishers, self.codes, self.rounds = [], [], []

    def write_tokens(self):
        """Writes a token for each user: the nodes' file, and the crowd's."""
        tokens = [f"{self.rng.getrandbits(128):032x}" for _ in self.clients]
        nodes, self.tokens = os.path.join(self.folder, "tokens.json"), os.path.join(self.folder, "tokens")
        lines = ",\n".join(f'{{"token":"{token}","user":"{client.split("/")[0]}"}}' for token, client in zip(tokens, self.clients))
        for path, text in ((nodes, f'{{"tokens":[{lines}]}}\n'), (self.tokens, "\n".join(tokens) + "\n")):
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        return nodes

    # What happens.

    def begin(self):
        for node in self.nodes:
            node.start(PATIENCE)
        self.balancer = Balancer(self.folder, self.nodes, 4 * self.options.clients + 200, self.options.check).start()
        settings = ["--times", "--uplink", str(self.options.uplink), "--token-file", self.tokens]
        self.crowd = Crowd(self.options.program, self.folder, [self.balancer.url], self.options.clients, options=settings).start()
        self.reports = CrowdReports(self.crowd.files(0)[1])
        self.wait_until_attached()
        # A client belongs to one publisher, so that its messages have an order.
        shares = [self.clients[number::PUBLISHERS] for number in range(PUBLISHERS)]
        self.publishers = [SteadyPublisher(self.nodes, share, random.Random(self.rng.random()), self.options.rate / PUBLISHERS, f"p{number}", number)
                           for number, share in enumerate(shares) if share]
        for publisher in self.publishers:
            publisher.start()
        time.sleep(self.options.settle)

    def check(self):
        self.crowd.require_running()
        for publisher in self.publishers:
            if publisher.failure is not None:
                raise RuntimeError(f"a publisher failed: {publisher.failure}")

    def wait_until_attached(self):
        deadline = time.monotonic() + PATIENCE
        while self.reports.read().attached < len(self.clients):
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.reports.attached} of {len(self.clients)} clients are attached after {PATIENCE} s; see {self.folder}")
            time.sleep(0.1)

    def go_through(self, current):
        print(f"{current.name} ...", file=sys.stderr, flush=True)
        self.rounds.append(current)
        current.begin, counts = time.time_ns(), self.balancer.counts()[1]
        if current.way == "nothing":
            time.sleep(self.options.baseline)
        else:
            time.sleep(1)  # What belongs to the round before is handled.
            for node in self.nodes:
                self.replace(node, current)
        self.wait_until_attached()
        time.sleep(self.options.settle)
        self.check()
        current.held, totals = self.balancer.counts()
        current.balancer = {name: totals[name] - counts[name] for name in totals}
        current.end = time.time_ns()

    def replace(self, node, current):
        began = time.monotonic()
        if current.way == "SIGKILL":
            node.kill()
        else:
            self.codes.append(node.stop(PATIENCE))
            current.stops.append(time.monotonic() - began)
        node.start(PATIENCE)
        self.balancer.wait_for(node)
        self.check()

    def end(self):
        """Lets everything be handled, and ends all processes in order."""
        for publisher in self.publishers:
            publisher.finish()
        wanted, deadline = sum(publisher.count for publisher in self.publishers), time.monotonic() + PATIENCE
        while self.handled() < wanted and time.monotonic() < deadline:
            self.check()
            time.sleep(0.2)
        time.sleep(1)  # Whatever would still come, twice or invented, comes now.
        self.codes.append(self.crowd.stop(PATIENCE))
        self.codes += [node.stop(PATIENCE) for node in self.nodes]
        self.reports.read()

    def handled(self):
        with open(self.crowd.files(0)[0], "rb") as file:
            return sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))

    # What came of it.

    def judge(self):
        """Fills the rounds in, and gives all faults together."""
        lives, arrivals = with_times(self.crowd.lives)
        sends = [send for publisher in self.publishers for send in publisher.sends]
        printed = read_printed_by_client(self.printed)
        past = collections.Counter()
        for current in self.rounds:
            faults = self.faults(sends, lives, printed, current.end)
            current.faults, past = collections.Counter({name: faults[name] - past[name] for name in faults}), faults
            current.movements = self.reports.movements(current.begin, current.end)
            within = [[arrival for arrival in some if current.begin <= due(arrival.text) < current.end] for some in (arrivals, self.reports.confirmed)]
            current.down, current.up = (Delays(arrival.delay for arrival in some) for some in within)
            current.waits = Delays(wait for publisher in self.publishers for began, wait in publisher.waits if current.begin <= began < current.end)
            current.latest = [max(some, key=lambda arrival: arrival.delay) for some in within if some]
        return self.faults(sends, lives, printed, None)

    def faults(self, sends, lives, printed, moment):
        """What is wrong with all that should have been sent before the moment."""
        sent = self.reports.sent
        if moment is not None:
            sends, lives = [send for send in sends if due(send.text) < moment], before(lives, moment)
            sent = {client: [text for text in sent[client] if due(text) < moment] for client in sent}
            printed = {client: [line for line in printed[client] if due(line[2]) < moment] for client in printed}
        faults = collections.Counter({f"down: {name}": count for name, count in judge_downlink(sends, lives).items()})
        for client in sent.keys() | printed.keys():
            fed, lines = sent.get(client, []), printed.get(client, [])
            faults.update({f"up: {name}": count for name, count in judge_uplink([(fed, len(fed))], lines).items()})
            faults[f"up: {AGAIN}"] += len(lines) - len({number for _, number, _ in lines})
        return faults

    def clean(self):
        for publisher in self.publishers:
            publisher.stopping.set()
        for process in (self.crowd, self.balancer, *self.nodes):
            if process is not None and process.is_running:
                process.kill()


# What is printed.

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


def report(rounds):
    head = ("", "took", "moved", "resumed", "connections/client", "most", "away p50", "away max", "lost", "doubled", "out of order", AGAIN)
    print(table(head, [moves_row(current) for current in rounds]))
    print()
    head = ("delay in ms", "of", "count", "p50", "p99", "p99.9", "max")
    print(table(head, [(current.name, what, len(delays), *map(milliseconds, delays.figures))
                       for current in rounds for what, delays in (("down", current.down), ("up", current.up), ("requests to send", current.waits))]))
    print()
    for current in rounds:
        words = [", ".join(f"{count} clients {connections}" for connections, count in current.movements.spread.items()) + " connections",
                 "at the end " + ", ".join(f"{name} {count}" for name, count in current.held.items()),
                 f"haproxy tried {current.balancer['wretr']} again, {current.balancer['wredis']} elsewhere, gave up {current.balancer['econ']}"]
        if current.movements.handovers:
            gaps = Delays(current.movements.handovers)
            words.append(f"of {current.movements.moved} moves {len(gaps)} had the old connection end before the new one was welcomed, "
                         f"p50 {milliseconds(gaps.percentile(50))} ms, max {milliseconds(gaps.percentile(100))} ms")
        if current.movements.causes:
            words.append("connections ended by " + ", ".join(f"{why} {count}" for why, count in sorted(current.movements.causes.items())))
        if current.stops:
            words.append("exit 0 after " + ", ".join(f"{seconds:.1f} s" for seconds in current.stops))
        words.append("the latest were " + " and ".join(f"of {arrival.client}, due {(due(arrival.text) - current.begin) / 1e9:.2f} s after the beginning"
                                                        for arrival in current.latest))
        print(f"{current.name}: " + "; ".join(words))
    print("(moved: the new connection was on its way before the old one ended; resumed: the client was away in between, for so many ms)")


def wrong(trial, faults):
    """What must not be, in words."""
    again = f"up: {AGAIN}"
    found = [f"{name} {count}" for name, count in faults.items() if count and name != again]
    # Only a crash may have a message handled again.
    found += [f"{current.name}: {again} {current.faults[again]}" for current in trial.rounds if current.faults[again] and current.way != "SIGKILL"]
    if any(trial.codes):
        found.append(f"exit codes {trial.codes}")
    if (intact := integrity(trial.store)) != "ok":
        found.append(f"integrity {intact}")
    return found


def slow(rounds):
    """What misses the goals of --strict, in words."""
    found = []
    baseline = next(current for current in rounds if current.way == "nothing")
    for current in (current for current in rounds if current.way == "SIGTERM"):
        for way, delays, without in (("down", current.down, baseline.down), ("up", current.up, baseline.up)):
            p50, _, p999, most = (value or 0 for value in delays.figures)
            if p50 > MEDIAN_GROWTH * (without.percentile(50) or 0) + 1:
                found.append(f"{current.name}, {way}: the median is {p50:.1f} ms, {without.percentile(50) or 0:.1f} ms without a deploy")
            if p999 >= MOST_P999:
                found.append(f"{current.name}, {way}: p99.9 is {p999:.0f} ms, not below {MOST_P999}")
            if most >= MOST:
                found.append(f"{current.name}, {way}: the longest delay is {most:.0f} ms, not below {MOST}")
        most = max(current.movements.welcomes.values())
        if most > len(current.stops):
            found.append(f"{current.name}: a client had {most} new connections, {len(current.stops)} nodes were replaced")
    return found


def main():
    parser = argparse.ArgumentParser(prog="Tools/rolling-deploy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the gapless program (Tools/rolling-deploy builds it when this is left out)")
    parser.add_argument("--clients", type=int, help="how many clients (1000)")
    parser.add_argument("--rate", type=float, help="messages a second to clients (500)")
    parser.add_argument("--uplink", type=float, help="messages a second from clients (100)")
    parser.add_argument("--baseline", type=float, help="seconds without a deploy (120)")
    parser.add_argument("--rounds", type=int, help="how often all nodes are replaced in place (3)")
    parser.add_argument("--check", type=float, help="seconds between two health checks (2)")
    parser.add_argument("--settle", type=float, help="seconds of rest after each round (5)")
    parser.add_argument("--quick", action="store_true", help="other defaults, for less than a minute: 100 clients, 100 and 20 messages, 8 s, 1 round, 0.3 s, 1 s")
    parser.add_argument("--strict", action="store_true", help="fail when delays and moves miss the goals")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the folder with files and logs")
    options = parser.parse_args()
    names = ("clients", "rate", "uplink", "baseline", "rounds", "check", "settle")
    for name, value in zip(names, (100, 100, 20, 8, 1, 0.3, 1) if options.quick else (1000, 500, 100, 120, 3, 2, 5)):
        if getattr(options, name) is None:
            setattr(options, name, value)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    folder = tempfile.mkdtemp(prefix="gapless-deploy-")
    print(f"seed {seed}; {options.clients} clients, {options.rate:g} messages/s down, {options.uplink:g} up; files in {folder}", flush=True)
    trial, good = Trial(options, random.Random(seed), folder), False
    try:
        trial.begin()
        trial.go_through(Round("no deploy", "nothing"))
        for number in range(1, options.rounds + 1):
            trial.go_through(Round(f"in place {number}", "SIGTERM"))
        trial.go_through(Round("SIGKILL", "SIGKILL"))
        trial.end()
        faults = trial.judge()
        report(trial.rounds)
        sent = sum(len(texts) for texts in trial.reports.sent.values())
        print(f"accepted down {sum(len(publisher.sends) for publisher in trial.publishers)}, up {sent}; "
              f"{sum(publisher.retries for publisher in trial.publishers)} requests of publishers made again; exit codes {trial.codes}")
        print("all: " + shown(faults))
        found, missed = wrong(trial, faults), slow(trial.rounds) if options.strict else []
        # Without moves, or without messages both ways, nothing is proven.
        if not sent or not all(current.movements.moved + current.movements.resumed for current in trial.rounds if current.way != "nothing"):
            found.append("too little happened to prove anything")
        for title, lines in (("WRONG", found), ("MISSED", missed), ("crowd", trial.reports.other[:20])):
            for line in lines:
                print(f"{title}: {line}")
        good = not found and not missed
        print("good" if good else "FAILED", flush=True)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        print(f"FAILED: {error}", flush=True)
    finally:
        trial.clean()
        if good and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"files and logs: {folder}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
