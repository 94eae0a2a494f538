#!/usr/bin/env python3
"""Lines through the standard input of `gapless connect`, while that process and both nodes are killed at random.

Each line is fed once, to whichever process runs then; what a killed process had read and not saved is gone, and nobody promised it. What the
process said to be safe ({"taken":N}) has to reach the handler. The nodes print what their handlers get into one file; the judge reads that
file and the reports, and nobody's counters.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Writer  # noqa: E402
from judge import judge_uplink, read_printed, shown  # noqa: E402
from nodes import Node, Trial, add_options  # noqa: E402


class Uplink(Trial):
    name = "uplink"
    received = os.devnull  # Where the client's messages go.

    def __init__(self, options, rng, folder):
        super().__init__(options, rng, folder)
        self.output = os.path.join(folder, "handled.jsonl")
        store = os.path.join(folder, "gapless.db")
        self.nodes = [Node(options.program, name, store, folder, output=self.output) for name in ("a", "b")]
        self.lives, self.connection, self.next = [], None, 1
        self.kills, self.unsent = {"a": 0, "b": 0, "connect": 0}, 0

    def lines(self, count):
        made = [f"{number} {'x' * self.rng.choice((0, 3, 40, 400))}" for number in range(self.next, self.next + count)]
        self.next += count
        return made

    def begin(self, *more):
        urls = [node.url for node in self.nodes]
        self.connection = Writer(self.options.program, self.folder, urls, "alice/terminal", len(self.lives) + 1, self.received).start(*more)
        self.lives.append(self.connection)

    def end(self):
        """Kills the process, perhaps in the middle of a line."""
        self.connection.feed([], tail=b"half a line" if self.rng.random() < 0.5 else b"")
        self.connection.kill()
        self.kills["connect"] += 1

    def strike(self, node):
        node.require_running()
        node.kill()
        self.kills[node.name] += 1

    def pause(self):
        """Between two bursts."""
        time.sleep(self.rng.uniform(0, 0.1))

    def stroll(self):
        """Feeds in bursts, and kills a node now and then."""
        dead = None
        for _ in range(self.rng.randrange(5, 25)):
            self.connection.feed(self.lines(self.rng.randrange(1, 60)))
            self.pause()
            if dead is None and self.rng.random() < 0.1:
                dead = self.rng.choice(self.nodes)
                self.strike(dead)
            elif dead is not None and self.rng.random() < 0.4:
                dead.start(60)
                dead = None
        if dead is not None:
            dead.start(60)

    def starve(self):
        """Feeds lines while no node is there: what is safe then is safe in the state file alone."""
        self.wait_until_handled(self.connection.fed[-1])
        for node in self.nodes:
            self.strike(node)
        lines = self.lines(200)
        self.connection.feed(lines)
        self.connection.wait_until_safe(len(self.connection.fed))
        handled = {text for _, _, text in read_printed(self.output)[0]}
        self.unsent += sum(1 for text in lines if text not in handled)

    def wait_until_handled(self, line, patience=60):
        deadline = time.monotonic() + patience
        while not any(text == line for _, _, text in read_printed(self.output)[0]):
            if time.monotonic() > deadline or not self.connection.is_running:
                raise RuntimeError(f"a line does not reach the handler within {patience} s; see {self.connection.path('.log')}")
            time.sleep(0.05)

    def strike_all(self):
        """Kills until the last process is through; the exit codes of the nodes."""
        for node in self.nodes:
            node.start(60)
        for life in range(self.options.lives):
            self.begin()
            self.stroll()
            if life % 3 == 1:
                self.starve()
            self.end()
            for node in self.nodes:
                if not node.is_running:
                    node.start(60)
        # The last one gets nothing new but one line; it brings what is left to the server and goes.
        self.begin("--idle-exit", "3")
        self.connection.feed(self.lines(1))
        self.connection.process.stdin.close()
        code = self.connection.process.wait(120)
        if code != 0:
            raise RuntimeError(f"the last connect ended with {code}; see {self.connection.path('.log')}")
        return [node.stop() for node in self.nodes]

    def run(self):
        codes = self.strike_all()
        printed, torn = read_printed(self.output)
        lives = [(life.fed, life.safe) for life in self.lives]
        faults = judge_uplink(lives, printed)
        fed, safe = sum(len(lines) for lines, _ in lives), sum(count for _, count in lives)
        handled = len({number for _, number, _ in printed})
        print(f"fed {fed}, said to be safe {safe}, handled {handled}, repeated {len(printed) - handled}, torn {torn}, {shown(faults)}"
              f"; safe and unsent at a kill {self.unsent}; SIGKILLs "
              + ", ".join(f"{name} {count}" for name, count in self.kills.items()) + f"; exit codes {codes}; seed {self.options.seed}", flush=True)
        # A trial in which nothing was at stake proves nothing.
        return not any(faults.values()) and codes == [0, 0] and self.unsent > 0 and safe > 0

    def clean(self):
        if self.connection is not None and self.connection.is_running:
            self.connection.kill()
        for node in self.nodes:
            if node.is_running:
                node.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--lives", type=int, default=9, help="how many processes are killed")
    return Uplink.conduct(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
