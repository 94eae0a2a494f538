#!/usr/bin/env python3
"""Rolling deploys behind a real balancer: nobody misses a message, and how late they are.

Three nodes on one SQLite file with token authentication, haproxy in front of them with its health check on /ready, many clients, and steady
traffic both ways. First nothing happens: that is what the rest is compared with. Then all nodes are replaced one at a time, again and again
(SIGTERM, wait for exit 0, start the new one, wait until haproxy takes it); then with surge (three new nodes start, all old ones are cordoned and
then stopped one after the other); and at last once more in place with SIGKILL.

What was accepted and what was handled stands in logs; they are compared in the end. Anything lost, doubled or out of order makes this fail; so
does a client that moves more often than nodes are replaced, or with surge not exactly once, a client or a node that complains of an error, a node that dies by itself, and a
round in which too little happens to show anything.
A delay is the time from when a message should have been sent until it was handled: down, until the client was given it; up, until the client
heard that the server had handled it. How long nodes took to accept what was sent down is part of that, and printed for itself. Delays depend on
the machine, so they are judged with --strict alone.
"""

import argparse
import collections
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Crowd  # noqa: E402
from delays import CrowdReports, Delays, before, due, with_times  # noqa: E402
from haproxy import Balancer, free_address  # noqa: E402
from judge import judge_downlink, judge_uplink, read_printed_by_client, shown  # noqa: E402
from nodes import Node, Trial, add_options, add_sizes, integrity, settle_sizes  # noqa: E402
from steady import SteadyPublisher, now  # noqa: E402
from verdict import AGAIN, Round, report, slow, wrong  # noqa: E402

PATIENCE = 120  # Seconds that only a hang takes.
PUBLISHERS = 4
LINES = 20  # Of each kind of trouble are printed.
# Everything that makes a run long or short: option, type, what it is, what it is when left out, and that with --quick.
SIZES = (
    ("clients", int, "how many clients", 1000, 100),
    ("rate", float, "messages a second to clients", 500, 100),
    ("uplink", float, "messages a second from clients", 100, 20),
    ("baseline", float, "seconds without a deploy", 120, 8),
    ("rounds", int, "how often all nodes are replaced in place", 3, 1),
    ("check", float, "seconds between two health checks", 2, 0.3),
    ("settle", float, "seconds of rest after each round", 5, 1),
    ("drain-wait", float, "seconds that a draining node goes on taking clients", 15, 2),
    ("drain-time", float, "seconds over which a node asks its clients to move", 30, 3),
    ("move-time", float, "seconds that each client has to move", 10, 5),
)


class RollingDeploy(Trial):
    name = "deploy"

    def __init__(self, options, rng, folder):
        super().__init__(options, rng, folder)
        self.printed = os.path.join(folder, "printed.jsonl")
        self.store = os.path.join(folder, "gapless.db")
        self.clients = [f"user{number}/device" for number in range(options.clients)]
        stop = options.drain_wait + options.drain_time + options.move_time + 6
        settings = ["--hard-stop", f"{round(max(60, stop) * 1000)}ms", "--auth", f"tokens:{self.write_tokens()}", "--max-messages", "1000000", "--max-bytes", "1000000000", "--new-queues-per-second", "none",
                    *(word for name in ("drain-wait", "drain-time", "move-time")
                      for word in (f"--{name}", f"{round(getattr(options, name.replace('-', '_')) * 1000)}ms"))]
        self.nodes = [Node(options.program, name, self.store, folder, settings, self.printed) for name in "abc"]
        self.spare = [Node(options.program, name, self.store, folder, settings, self.printed) for name in "def"]
        for node in self.spare:
            node.listen = free_address()  # The balancer has to know it before the node runs.
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
        self.balancer = Balancer(self.folder, self.nodes, 4 * self.options.clients + 200, self.options.check, self.spare).start()
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
        for node in self.nodes:
            node.require_running()

    def wait_until_attached(self):
        deadline = time.monotonic() + PATIENCE
        while self.reports.read().attached < len(self.clients):
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.reports.attached} of {len(self.clients)} clients are attached after {PATIENCE} s; see {self.folder}")
            time.sleep(0.1)

    def wait_until_handled(self, moment):
        """Returns when everything from clients that was due before the moment is handled, and they know it."""
        deadline = time.monotonic() + PATIENCE
        while not self.reports.read().is_confirmed(moment):
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"messages of clients are not handled after {PATIENCE} s; see {self.folder}")
            time.sleep(0.05)

    def go_through(self, current):
        print(f"{current.name} ...", file=sys.stderr, flush=True)
        self.rounds.append(current)
        current.begin, counts = now(), self.balancer.counts()[1]
        if current.way == "nothing":
            time.sleep(self.options.baseline)
        else:
            # What belongs to the round before is not handled again because of this one.
            self.wait_until_handled(current.begin)
            if current.way == "surge":
                self.surge(current)
            else:
                for node in self.nodes:
                    self.replace(node, current)
        self.wait_until_attached()
        time.sleep(self.options.settle)
        self.check()
        current.held, totals = self.balancer.counts()
        current.balancer = {name: totals[name] - counts[name] for name in totals}
        current.errors = self.errors()
        current.end = now()

    def errors(self):
        """The errors that nodes logged since the last call."""
        return [line for node in self.everybody if node.starts for line in node.errors()]

    @property
    def everybody(self):
        return [*self.nodes, *self.spare]

    def replace(self, node, current):
        began = time.monotonic()
        node.require_running()
        current.replaced += 1
        if current.way == "SIGKILL":
            node.kill()
        else:
            self.codes.append(node.stop(PATIENCE))
            current.stops.append(time.monotonic() - began)
        node.start(PATIENCE)
        self.balancer.wait_for(node)
        self.check()

    def surge(self, current):
        """The new nodes run before the first old one stops, and takes no more clients: each client moves once."""
        for node in self.spare:
            node.start(PATIENCE)
            self.balancer.wait_for(node)
        for node in self.nodes:
            self.spare[0].order(node.name, "cordon")
        old = list(self.nodes)
        self.nodes[:], self.spare[:] = self.spare, old
        for node in old:
            began = time.monotonic()
            node.require_running()
            current.replaced += 1
            self.codes.append(node.stop(PATIENCE))
            current.stops.append(time.monotonic() - began)
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
        for process in (self.crowd, self.balancer, *self.everybody):
            if process is not None and process.is_running:
                process.kill()

    def run(self):
        self.begin()
        self.go_through(Round("no deploy", "nothing"))
        for number in range(1, self.options.rounds + 1):
            self.go_through(Round(f"in place {number}", "SIGTERM"))
        self.go_through(Round("surge", "surge"))
        self.go_through(Round("SIGKILL", "SIGKILL"))
        self.end()
        faults = self.judge()
        report(self.rounds)
        sent = sum(len(texts) for texts in self.reports.sent.values())
        print(f"accepted down {sum(len(publisher.sends) for publisher in self.publishers)}, up {sent}; "
              f"{sum(publisher.retries for publisher in self.publishers)} requests of publishers made again; exit codes {self.codes}")
        print("all: " + shown(faults))
        lines = [f"crowd: {line}" for line in self.reports.other] + self.errors()
        found = wrong(self.rounds, faults, self.codes, integrity(self.store), lines)
        missed = slow(self.rounds) if self.options.strict else []
        for title, words in (("WRONG", found), ("MISSED", missed)):
            for word in words[:LINES]:
                print(f"{title}: {word}")
            if len(words) > LINES:
                print(f"{title}: and {len(words) - LINES} more")
        print("FAILED" if found or missed else "good", flush=True)
        return not found and not missed


def main():
    parser = argparse.ArgumentParser(prog="Tools/rolling-deploy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, " (Tools/rolling-deploy builds it when this is left out)")
    add_sizes(parser, SIZES, "a minute")
    parser.add_argument("--strict", action="store_true", help="fail when delays miss the goals")
    options = settle_sizes(parser.parse_args(), SIZES)
    return RollingDeploy.conduct(options, f"{options.clients} clients, {options.rate:g} messages/s down, {options.uplink:g} up; ")


if __name__ == "__main__":
    sys.exit(main())
