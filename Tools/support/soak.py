#!/usr/bin/env python3
"""Many clients on two nodes and one file, while either node is killed at random: nothing lost, nothing twice, everything in order.

A publisher sends numbered texts to all clients through both nodes and notes what was accepted; `gapless crowd` holds the clients in one
process and notes what each handler got. The notes are compared in the end.
"""

import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Crowd  # noqa: E402
from judge import judge_downlink, shown  # noqa: E402
from nodes import Node, Trial, add_options, integrity  # noqa: E402
from publish import Publisher  # noqa: E402


def handled(lives):
    return sum(1 for client in lives for life in lives[client] for event in life if event[0] == "message")


class Soak(Trial):
    name = "soak"

    def __init__(self, options, rng, folder):
        super().__init__(options, rng, folder)
        self.store = os.path.join(folder, "gapless.db")
        room = ["--max-messages", "1000000", "--max-bytes", "1000000000"]
        self.nodes = [Node(options.program, name, self.store, folder, room) for name in ("a", "b")]
        self.crowd, self.kills = None, {"a": 0, "b": 0}

    def strike(self):
        """Kills one node and starts it again, after a while each."""
        time.sleep(self.rng.uniform(0.3, 4.0))
        victim = self.rng.choice(self.nodes)
        victim.require_running()
        victim.kill()
        self.kills[victim.name] += 1
        time.sleep(self.rng.choice((0.0, 0.1, 0.5, 2.0)))
        victim.start(60)

    def run(self):
        clients = [f"user{number}/device" for number in range(self.options.clients)]
        for node in self.nodes:
            node.start()
        self.crowd = Crowd(self.options.program, self.folder, [node.url for node in self.nodes], self.options.clients).start()
        publisher = Publisher(self.nodes, clients, random.Random(self.options.seed + 1), self.options.rate)
        publisher.start()
        end = time.monotonic() + self.options.seconds
        while time.monotonic() < end and publisher.failure is None:
            self.strike()
        publisher.finish()
        deadline, want = time.monotonic() + 120, publisher.count
        while time.monotonic() < deadline and handled(self.crowd.lives) < want:
            self.crowd.require_running()
            time.sleep(0.3)
        time.sleep(1)
        self.crowd.stop()
        lives = self.crowd.lives
        faults = judge_downlink(publisher.sends, lives)
        codes = [node.stop() for node in self.nodes]
        intact = integrity(self.store)
        print(f"accepted {want}, handled {handled(lives)}, {shown(faults)}; SIGKILLs a {self.kills['a']}, b {self.kills['b']}; "
              f"{publisher.retries} retries; exit codes {codes}; integrity {intact}; seed {self.options.seed}", flush=True)
        return not any(faults.values()) and codes == [0, 0] and intact == "ok"

    def clean(self):
        if self.crowd is not None and self.crowd.is_running:
            self.crowd.kill()
        for node in self.nodes:
            if node.is_running:
                node.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--rate", type=float, default=3000, help="messages a second")
    options = parser.parse_args()
    return Soak.conduct(options, f"{options.clients} clients; ")


if __name__ == "__main__":
    sys.exit(main())
