#!/usr/bin/env python3
"""Half-open connections on real sockets: a network that swallows what is sent, one way or both, and tells nobody.

Two nodes on one SQLite file; each client reaches them through forwarding proxies of its own, and has steady traffic both ways. Then the way that it
uses falls silent while its sockets stay open. The client has to come back over the other way, and the node has to let go of the connection:

    down   the client hears nothing more: it ends the connection itself
    up     the node hears nothing more: it ends the connection, and says why
    both   neither hears anything: each ends it
    gone   both, and the client's process is killed: the node alone is left to notice

Anything lost, doubled or out of order makes this fail, and what does not come within a time that only a hang takes. How long it took is printed.
"""

import argparse
import collections
import http.client
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Crowd  # noqa: E402
from delays import CrowdReports, with_times  # noqa: E402
from judge import judge_downlink, judge_uplink, read_printed_by_client, shown  # noqa: E402
from nodes import Node, Trial, add_options, integrity  # noqa: E402
from proxy import DOWN, UP, Proxy  # noqa: E402
from steady import SteadyPublisher, now  # noqa: E402

PATIENCE = 60  # Seconds that only a hang takes.
# What is swallowed of each client, and how its connection has to end for it: (code, by whom). The network's end has no code.
CASES = {"down": ((DOWN,), {("4105", "client")}), "up": ((UP,), {("4105", "server")}),
         "both": ((UP, DOWN), {("4105", "client")}), "gone": ((UP, DOWN), set())}


def closed_silent(metrics):
    """How many connections a node closed because nothing came, of its metrics."""
    found = re.search(r'^gapless_server_connections_closed_total\{code="silent"\} (\d+)', metrics, re.MULTILINE)
    return int(found.group(1)) if found else 0


def after(events, moment, connection):
    """What a client's reports say happened behind the moment: how the connection ended - (code, by) - and when another one was welcomed."""
    end, back = None, None
    for when, kind, name, *more in events:
        if kind == "ended" and name == connection and when >= moment:
            end = tuple(more[1:])
        elif kind == "welcome" and name != connection and when >= moment and back is None:
            back = when
    return end, back


class HalfOpen(Trial):
    name = "half-open"

    def __init__(self, options, rng, folder):
        super().__init__(options, rng, folder)
        self.printed, self.store = os.path.join(folder, "printed.jsonl"), os.path.join(folder, "gapless.db")
        settings = ["--heartbeat", f"{options.heartbeat}ms", "--silence", f"{options.silence}ms"]
        self.nodes = [Node(options.program, name, self.store, folder, settings, self.printed) for name in ("a", "b")]
        self.ways, self.crowds, self.reports, self.used, self.moments = {}, {}, {}, {}, {}
        self.publisher = None

    def wait(self, words, fits):
        deadline = time.monotonic() + PATIENCE
        while not fits():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{words}: not within {PATIENCE} s; see {self.folder}")
            self.check()
            time.sleep(0.05)

    def check(self):
        for process in (*self.nodes, *(crowd for case, crowd in self.crowds.items() if case not in self.moments or case != "gone")):
            process.require_running()
        if self.publisher is not None and self.publisher.failure is not None:
            raise RuntimeError(f"a publisher failed: {self.publisher.failure}")

    def begin(self):
        for node in self.nodes:
            node.start(PATIENCE)
        for case in CASES:
            self.ways[case] = [Proxy(node.listen) for node in self.nodes]
            urls = [f"ws://{way.address}/gapless" for way in self.ways[case]]
            crowd = Crowd(self.options.program, self.folder, urls, 1, case, ["--times", "--uplink", "20", "--user", case]).start()
            self.crowds[case], self.reports[case] = crowd, CrowdReports(crowd.files(0)[1])
        for case, reports in self.reports.items():
            self.wait(f"{case}: the client comes", lambda reports=reports: reports.read().attached == 1)
        self.publisher = SteadyPublisher(self.nodes, [self.client(case) for case in CASES], random.Random(self.rng.random()), 80, "p", 0)
        self.publisher.start()
        for case, reports in self.reports.items():
            self.wait(f"{case}: traffic both ways", lambda case=case, reports=reports: len(reports.read().confirmed) >= 5 and self.handled(case) >= 5)

    @staticmethod
    def client(case):
        return f"{case}0/device"

    def handled(self, case):
        with open(self.crowds[case].files(0)[0], "rb") as file:
            return file.read().count(b"\n")

    def fall_silent(self, case):
        """The way of a client swallows from now on."""
        directions, _ = CASES[case]
        # On a machine that stands still for a while one connection may have followed another.
        self.wait(f"{case}: one connection", lambda: self.reports[case].read().attached == 1 and sum(way.count for way in self.ways[case]) == 1)
        way = max(self.ways[case], key=lambda way: way.count)
        self.used[case] = (way, self.nodes[self.ways[case].index(way)], self.reports[case].read().newest[self.client(case)])
        way.swallow(*directions)
        self.moments[case] = now()
        if case == "gone":
            self.crowds[case].kill()

    def follow(self, case):
        """Waits until the client is back and its node has let go; how long both took, in seconds."""
        way, node, connection = self.used[case]
        reports, took = self.reports[case], []
        if case != "gone":
            def is_back():
                end, back = after(reports.read().connections[self.client(case)], self.moments[case], connection)
                return end is not None and back is not None
            self.wait(f"{case}: the client comes back", is_back)
            _, back = after(reports.connections[self.client(case)], self.moments[case], connection)
            took.append(f"back after {(back - self.moments[case]) / 1e9:.1f} s")
        # The proxy forgets a connection when both sides have ended it; they give each other some seconds to answer a Close.
        self.wait(f"{case}: node {node.name} lets go of the connection", lambda: way.count == 0)
        took.append(f"let go within {(now() - self.moments[case]) / 1e9:.1f} s")
        if not all(way.swallowed[direction] for direction in CASES[case][0] if case != "gone" or direction == DOWN):
            raise RuntimeError(f"{case}: nothing was swallowed, so nothing is proven")
        return ", ".join(took) + f"; swallowed {way.swallowed[UP]} bytes up, {way.swallowed[DOWN]} down"

    def metrics(self, node):
        connection = http.client.HTTPConnection(node.admin, timeout=PATIENCE)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def end(self):
        for case, crowd in self.crowds.items():
            if case != "gone":
                # Traffic goes on over the other way.
                reports, count = self.reports[case], self.handled(case)
                moment = now()
                self.wait(f"{case}: traffic both ways goes on", lambda reports=reports, moment=moment, case=case, count=count:
                          reports.read().is_confirmed(moment) and self.handled(case) > count)
        self.publisher.finish()
        for case, crowd in self.crowds.items():
            if case != "gone":
                wanted = sum(send.client == self.client(case) for send in self.publisher.sends)
                self.wait(f"{case}: everything is handled", lambda case=case, wanted=wanted: self.handled(case) >= wanted)
        codes = [crowd.stop(PATIENCE) for case, crowd in self.crowds.items() if case != "gone"]
        codes += [node.stop(PATIENCE) for node in self.nodes]
        return codes

    def faults(self):
        faults, printed = collections.Counter(), read_printed_by_client(self.printed)
        for case, crowd in self.crowds.items():
            client, reports = self.client(case), self.reports[case].read()
            fed = reports.sent.get(client, [])
            # Of the client that was killed nobody knows what it would have got.
            if case == "gone":
                continue
            lives, _ = with_times(crowd.lives)
            faults.update(judge_downlink([send for send in self.publisher.sends if send.client == client], lives))
            faults.update({f"up: {name}": count for name, count in judge_uplink([(fed, len(fed))], printed.get(client, [])).items()})
        return faults

    def run(self):
        self.begin()
        for case in CASES:
            self.fall_silent(case)
        for case in CASES:
            print(f"{case}: {self.follow(case)}", flush=True)
        words = []
        for case, (_, ends) in CASES.items():
            if ends:
                end, _ = after(self.reports[case].read().connections[self.client(case)], self.moments[case], self.used[case][2])
                print(f"{case}: the connection ended with {end[0]}, by the {end[1]}")
                if end not in ends:
                    words.append(f"{case}: the connection ended with {end[0]} by the {end[1]}")
        silent = {node.name: closed_silent(self.metrics(node)) for node in self.nodes}
        # The client of "up" and that of "gone" noticed nothing: so their nodes did.
        for name, least in collections.Counter(self.used[case][1].name for case in ("up", "gone")).items():
            if silent[name] < least:
                words.append(f"node {name} closed {silent[name]} connections as silent, of {least} at least")
        codes = self.end()
        faults, intact = self.faults(), integrity(self.store)
        print(f"accepted {self.publisher.count} down; {shown(faults)}; closed as silent {silent}; exit codes {codes}; integrity {intact}")
        words += [f"{name} {count}" for name, count in faults.items() if count]
        words += [f"{case}: {line}" for case, reports in self.reports.items() for line in reports.other]
        words += [line for node in self.nodes for line in node.errors()]
        if any(codes) or intact != "ok":
            words.append(f"exit codes {codes}, integrity {intact}")
        for word in words:
            print(f"WRONG: {word}")
        print("FAILED" if words else "good", flush=True)
        return not words

    def clean(self):
        if self.publisher is not None:
            self.publisher.stopping.set()
        for process in (*self.crowds.values(), *self.nodes):
            if process.is_running:
                process.kill()
        for way in (way for ways in self.ways.values() for way in ways):
            way.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--heartbeat", type=int, default=500, help="milliseconds; what a node and a client say at least each")
    parser.add_argument("--silence", type=int, default=4_000, help="milliseconds; after so long a connection on which nothing comes is dead")
    return HalfOpen.conduct(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
