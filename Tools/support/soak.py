#!/usr/bin/env python3
"""Many clients on two nodes and one file, while either node is killed at random: nothing lost, nothing twice, everything in order.

A publisher sends numbered texts to all clients through both nodes and notes what was accepted; `gapless crowd` holds the clients in one
process and notes what each handler got. The notes are compared in the end.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Crowd  # noqa: E402
from judge import judge_downlink, shown  # noqa: E402
from nodes import Node, integrity  # noqa: E402
from publish import Publisher  # noqa: E402


def handled(lives):
    return sum(1 for client in lives for life in lives[client] for event in life if event[0] == "message")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--rate", type=float, default=3000, help="messages a second")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="gapless-soak-")
    print(f"seed {seed}; {options.clients} clients; files in {folder}", flush=True)
    nodes, crowd, good = [], None, False
    clients = [f"user{number}/device" for number in range(options.clients)]
    try:
        store = os.path.join(folder, "gapless.db")
        room = ["--max-messages", "1000000", "--max-bytes", "1000000000"]
        nodes = [Node(options.program, name, store, folder, room).start() for name in ("a", "b")]
        crowd = Crowd(options.program, folder, [node.url for node in nodes], options.clients).start()
        publisher = Publisher(nodes, clients, random.Random(seed + 1), options.rate)
        publisher.start()
        end, kills = time.monotonic() + options.seconds, {"a": 0, "b": 0}
        while time.monotonic() < end and publisher.failure is None:
            time.sleep(rng.uniform(0.3, 4.0))
            victim = rng.choice(nodes)
            victim.kill()
            kills[victim.name] += 1
            time.sleep(rng.choice((0.0, 0.1, 0.5, 2.0)))
            victim.start(60)
        publisher.finish()
        deadline, want = time.monotonic() + 120, publisher.count
        while time.monotonic() < deadline and handled(crowd.lives) < want:
            crowd.require_running()
            time.sleep(0.3)
        time.sleep(1)
        crowd.stop()
        lives = crowd.lives
        faults = judge_downlink(publisher.sends, lives)
        codes = [node.stop() for node in nodes]
        intact = integrity(store)
        print(f"accepted {want}, handled {handled(lives)}, {shown(faults)}; SIGKILLs a {kills['a']}, b {kills['b']}; {publisher.retries} retries; "
              f"exit codes {codes}; integrity {intact}; seed {seed}", flush=True)
        good = not any(faults.values()) and codes == [0, 0] and intact == "ok"
    except RuntimeError as error:
        print(f"FAILED: {error}", flush=True)
    finally:
        if crowd is not None and crowd.is_running:
            crowd.kill()
        for node in nodes:
            if node.is_running:
                node.kill()
        if good and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"files and logs: {folder}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
