#!/usr/bin/env python3
"""A thundering herd: thousands of clients whose node dies at once come back to the others, which go on serving their own meanwhile.

Three nodes on one SQLite file, each at an address of its own (127.0.0.1 to 127.0.0.3), many clients straight to them, steady traffic to all of
them, and probe clients at the two nodes that survive. Then one node gets SIGKILL.

Printed is how the comebacks spread over time, what a node's processor spends on one that resumes and spent on one that connected for the first
time, and how late messages to the probe clients were before, while the herd came back, and after. Anything lost, doubled or out of order makes
this fail; so does a client that does not come back, or an error in a node's log. Times depend on the machine, so that survivors stay responsive -
the 99th percentile of their delays at most three times what it was - is judged with --strict alone.
"""

import argparse
import collections
import os
import random
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Crowd  # noqa: E402
from comebacks import Cost, comebacks, cpu_of, descriptors, ratio, refusals, report, told, wrong  # noqa: E402
from delays import CrowdReports, Delays, due, with_times  # noqa: E402
from judge import judge_downlink, shown  # noqa: E402
from nodes import Node, Trial, add_options, add_sizes, integrity, settle_sizes  # noqa: E402
from steady import SteadyPublisher, now  # noqa: E402

PATIENCE = 300  # Seconds that only a hang takes.
MOST_RATIO = 3  # The goal of --strict.
LINES = 20  # Of each kind of trouble are printed.
# Everything that makes a run long or short: option, type, what it is, what it is when left out, and that with --quick.
SIZES = (
    ("clients", int, "how many clients", 10_000, 500),
    ("arrivals", float, "how many clients a second come for the first time", 1_000, 250),
    ("probes", int, "how many probe clients, half of them at each survivor", 20, 10),
    ("rate", float, "messages a second to all clients together", 500, 100),
    ("probe-rate", float, "messages a second to the probe clients", 50, 25),
    ("before", float, "seconds of steady traffic before a node dies", 20, 4),
    ("after", float, "seconds of steady traffic after all are back", 20, 4),
)


class Herd(Trial):
    name = "herd"

    def __init__(self, options, rng, folder):
        super().__init__(options, rng, folder)
        self.store = os.path.join(folder, "gapless.db")
        settings = ["--max-messages", "1000000", "--max-bytes", "1000000000", "--new-queues-per-second", "none"]
        self.nodes = [Node(options.program, name, self.store, folder, settings) for name in "abc"]
        for number, node in enumerate(self.nodes, 1):
            node.listen = f"127.0.0.{number}:0"
        self.victim = rng.choice(self.nodes)
        self.survivors = [node for node in self.nodes if node is not self.victim]
        self.clients = [f"user{number}/device" for number in range(options.clients)]
        self.crowds, self.reports, self.publishers, self.codes, self.costs = [], [], [], [], []

    # What happens.

    def join(self, user, count, nodes):
        """Lets a crowd come; returns when all of it is attached."""
        crowd = Crowd(self.options.program, self.folder, [node.url for node in nodes], count, user,
                      ["--times", "--user", user, "--arrivals", str(self.options.arrivals)]).start()
        self.crowds.append(crowd)
        self.reports.append(CrowdReports(crowd.files(0)[1]))
        self.wait(lambda: self.reports[-1].read().attached >= count, lambda: f"{self.reports[-1].attached} of {count} clients are attached")

    def wait(self, fits, words):
        deadline = time.monotonic() + PATIENCE
        while not fits():
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{words()} after {PATIENCE} s; see {self.folder}")
            time.sleep(0.1)

    def check(self):
        for process in (*self.crowds, *self.survivors):
            process.require_running()
        for publisher in self.publishers:
            if publisher.failure is not None:
                raise RuntimeError(f"a publisher failed: {publisher.failure}")

    def publish(self, clients, nodes, rate, name):
        self.publishers.append(SteadyPublisher(nodes, clients, random.Random(self.rng.random()), rate, name, len(self.publishers)))
        self.publishers[-1].start()

    def come(self):
        """All clients come for the first time, without traffic."""
        for node in self.nodes:
            node.start(PATIENCE)
        pids = [node.process.pid for node in self.nodes]
        time.sleep(1)
        idle, began = cpu_of(pids), now()
        time.sleep(1)
        idle = (cpu_of(pids) - idle) / ((now() - began) / 1e9)
        used, began = cpu_of(pids), now()
        self.join("user", self.options.clients, self.nodes)
        used, took = cpu_of(pids) - used, (now() - began) / 1e9
        self.costs.append(Cost("a first connect", self.options.clients, used, idle * took))
        print(f"{self.options.clients} clients came for the first time within {took:.1f} s; {told(refusals(self.reports[0].connections, began, now()))}", flush=True)
        for number, survivor in enumerate(self.survivors):
            share = self.options.probes // 2
            self.join(f"probe-{number}-", share, [survivor])
            self.publish([f"probe-{number}-{probe}/device" for probe in range(share)], [survivor], self.options.probe_rate / 2, f"probe{number}")
        for number in range(2):
            self.publish(self.clients[number::2], self.survivors, self.options.rate / 2, f"p{number}")

    def die(self):
        """Steady traffic, a death, and all come back."""
        pids = [node.process.pid for node in self.nodes]
        began, usual = now(), cpu_of(pids)
        time.sleep(self.options.before)
        self.check()
        self.victim.require_running()
        held = self.held(self.victim)
        usual = (cpu_of(pids) - usual) / ((now() - began) / 1e9)
        left = [node.process.pid for node in self.survivors]
        used, died = cpu_of(left), now()
        self.victim.kill()
        herd = self.reports[0]
        self.wait(lambda: self.is_whole(herd.read(), died, held), lambda: f"{herd.attached} of {self.options.clients} clients are attached again")
        used, back = cpu_of(left) - used, now()
        time.sleep(self.options.after)
        self.check()
        return began, died, back, now(), used, usual, held

    def held(self, node):
        """How many clients are attached to a node, by the newest welcome of each."""
        newest = {}
        self.reports[0].read()
        with open(self.reports[0].path, encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split(" ")
                if words[0] == "welcome":
                    newest[words[2]] = words[-1].strip()
        return sum(name == node.name for name in newest.values())

    def is_whole(self, herd, died, held):
        # Right after a death nobody has noticed yet.
        return herd.attached >= self.options.clients and len(comebacks(herd.connections, died).times) >= held

    def end(self):
        """Lets everything be handled, and ends all processes in order."""
        for publisher in self.publishers:
            publisher.finish()
        wanted = sum(publisher.count for publisher in self.publishers)
        deadline = time.monotonic() + PATIENCE
        while self.handled() < wanted and time.monotonic() < deadline:
            self.check()
            time.sleep(0.2)
        time.sleep(1)  # Whatever would still come, twice or invented, comes now.
        self.codes += [crowd.stop(PATIENCE) for crowd in self.crowds]
        self.codes += [node.stop(PATIENCE) for node in self.survivors]
        for reports in self.reports:
            reports.read()

    def handled(self):
        count = 0
        for crowd in self.crowds:
            with open(crowd.files(0)[0], "rb") as file:
                count += sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))
        return count

    # What came of it.

    def run(self):
        self.come()
        began, died, back, ended, used, usual, held = self.die()
        self.end()
        faults, probes = collections.Counter(), []
        for number, crowd in enumerate(self.crowds):
            lives, arrivals = with_times(crowd.lives)
            sends = [send for publisher in self.publishers for send in publisher.sends if send.client.startswith(crowd.name)]
            faults.update(judge_downlink(sends, lives))
            probes += arrivals if number else []
        found = comebacks(self.reports[0].connections, died, ended)
        self.costs.append(Cost("a resume", len(found.times), used, usual * (back - died) / 1e9))
        parts = [("before", began, died), ("while they came back", died, back), ("after", back, ended)]
        delays = [(name, Delays(arrival.delay for arrival in probes if begin <= due(arrival.text) < end)) for name, begin, end in parts]
        print(report(found, delays, self.costs))
        growth = ratio(delays[0][1], delays[1][1])
        print(f"\nnode {self.victim.name} had {held} clients; the survivors' p99 was {'-' if growth is None else f'{growth:.1f}'} times what it was before")
        print(f"accepted {sum(publisher.count for publisher in self.publishers)}, handled {self.handled()}: {shown(faults)}; exit codes {self.codes}")
        lines = [f"crowd: {line}" for reports in self.reports for line in reports.other] + [line for node in self.nodes for line in node.errors()]
        words = wrong(found, held, faults, self.codes, integrity(self.store), lines)
        words += [f"there were no messages to probes {name}, so nothing is proven" for name, some in (delays[0], delays[2]) if not len(some)]
        if self.options.strict and (growth is None or growth > MOST_RATIO):
            words.append(f"the survivors' p99 grew more than {MOST_RATIO} times")
        for word in words[:LINES]:
            print(f"WRONG: {word}")
        if len(words) > LINES:
            print(f"WRONG: and {len(words) - LINES} more")
        print("FAILED" if words else "good", flush=True)
        return not words

    def clean(self):
        for publisher in self.publishers:
            publisher.stopping.set()
        for process in (*self.crowds, *self.nodes):
            if process.is_running:
                process.kill()


def allow(clients):
    """Raises the limit of open files; what is in the way, in words, or None."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptors(clients)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return f"{clients} clients in one process need {wanted} open files, and the limit is {hard}: raise it (ulimit -Hn {wanted}, as root) or say --clients"
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return None


def main():
    parser = argparse.ArgumentParser(prog="Tools/herd", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, " (Tools/herd builds it when this is left out)")
    add_sizes(parser, SIZES, "20 seconds")
    parser.add_argument("--strict", action="store_true", help=f"fail when the survivors' delays grow more than {MOST_RATIO} times")
    options = settle_sizes(parser.parse_args(), SIZES)
    if not 3 <= options.clients <= 20_000 or options.probes < 2:
        parser.error("--clients is 3 to 20000, --probes at least 2")
    if obstacle := allow(options.clients):
        print(f"Tools/herd: {obstacle}", file=sys.stderr)
        return 1
    return Herd.conduct(options, f"{options.clients} clients, {options.rate:g} messages/s; ")


if __name__ == "__main__":
    sys.exit(main())
