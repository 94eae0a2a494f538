#!/usr/bin/env python3
"""The configurations for haproxy and nginx that the documentation shows, with real nodes and clients.

    balancers.py --program PATH (haproxy | nginx) ...

Behind each: clients that say nothing for longer than the balancer's idle timeouts keep their connections; a node that stops moves its clients
to the other one, and none is without a connection in between; a message to each of them arrives, once.
"""

import argparse
import concurrent.futures
import random
import sys
import time

from clients import Crowd
from delays import CrowdReports
from haproxy import Balancer
from judge import read_crowd
from nginx import Nginx
from nodes import Node, Trial, add_options
from publish import post

CLIENTS, PATIENCE, IDLE = 20, 120, 36
# How long a node that stops waits for its balancer: haproxy looks each 2 s, and believes the third answer; nginx never looks.
WAITS = {"haproxy": "8s", "nginx": "0s"}


class Balanced(Trial):
    name = "balanced"

    def __init__(self, options, rng, folder):
        super().__init__(options, rng, folder)
        settings = ["--drain-wait", WAITS[options.balancer], "--drain-time", "2s"]
        self.nodes = [Node(options.program, name, f"{folder}/gapless.db", folder, settings, f"{folder}/printed.jsonl") for name in "ab"]
        self.balancer = self.crowd = self.reports = None

    def wait_until(self, what, holds):
        deadline = time.monotonic() + PATIENCE
        while not holds():
            self.crowd.require_running()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.options.balancer}: {what} did not come to pass within {PATIENCE} s")
            time.sleep(0.1)

    def ends(self):
        return self.reports.read().movements(0, 1 << 62).ends

    def run(self):
        for node in self.nodes:
            node.start(PATIENCE)
        if self.options.balancer == "haproxy":
            self.balancer = Balancer(self.folder, self.nodes, 200, 2).start()
        else:
            self.balancer = Nginx(self.folder, self.nodes, 200).start()
        self.crowd = Crowd(self.options.program, self.folder, [self.balancer.url], CLIENTS, options=["--times"]).start()
        self.reports = CrowdReports(self.crowd.files(0)[1])
        self.wait_until("that all are attached", lambda: self.reports.read().attached == CLIENTS)
        found = []
        time.sleep(IDLE)
        if ends := self.ends():
            found.append(f"connections ended while nothing was said: {dict(ends)}")
        code = self.nodes[0].stop(PATIENCE)
        self.wait_until("that all are attached again", lambda: self.reports.read().attached == CLIENTS)
        movements = self.reports.movements(0, 1 << 62)
        if code != 0:
            found.append(f"the node ended with {code}")
        if movements.resumed or not movements.moved or max(movements.welcomes.values()) > 1:
            found.append(f"{movements.moved} moved, {movements.resumed} had to come back, new connections {movements.spread}")
        clients = sorted(self.reports.connections)
        status, lines = post(self.nodes[1], "".join(f'{{"to":"{client}","text":"0 {client}"}}\n' for client in clients).encode())
        if status != 200 or len(lines) != CLIENTS:
            found.append(f"the messages were not taken: {status} {lines[:1]}")
        self.wait_until("that all messages arrived", lambda: self.messages() == {client: 1 for client in clients})
        found += self.reports.other
        print(f"{self.options.balancer}: idle for {IDLE} s, then a node stopped: {movements.moved} clients moved, {movements.resumed} came back; "
              f"ended: {dict(movements.ends)}", flush=True)
        for fault in found:
            print(f"WRONG: {self.options.balancer}: {fault}", flush=True)
        return not found

    def messages(self):
        """{client: how many messages it was given}."""
        lives = read_crowd(*self.crowd.files(0))
        return {client: sum(event[0] == "message" for event in life) for client, life in lives.items()}

    def clean(self):
        for process in (self.crowd, self.balancer, *self.nodes):
            if process is not None and process.is_running:
                process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("balancers", nargs="+", choices=sorted(WAITS))
    options = parser.parse_args()
    options.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(options.balancers)) as pool:
        runs = [pool.submit(Balanced.conduct, argparse.Namespace(**{**vars(options), "balancer": balancer})) for balancer in options.balancers]
    return max(run.result() for run in runs)


if __name__ == "__main__":
    sys.exit(main())
