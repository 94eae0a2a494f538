#!/usr/bin/env python3
"""Two nodes on one SQLite file, one sender, one client, and SIGKILL for nodes and client while a text passes through.

The sender reads the text from a file, the client writes what it gets to another file. In the end the two files are compared byte by
byte; nobody's own counters are believed. The moments of the kills are drawn from a seed, as a share of the text that has arrived, so
that they fall into the middle of the work however fast the machine is.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node  # noqa: E402

WORDS = ("gap", "queue", "node", "client", "replay", "drain", "epoch", "fence", "window", "ack", "naïve", "größer", "消息", "сигнал", "🔔")


def write_text(path, lines, rng):
    """A log that never was: every line is different, of very different length, some with leading spaces or none of a word."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for number in range(1, lines + 1):
            count = rng.choice((0, 1, 3, 8, 8, 8, 20, 60))
            text = " ".join(rng.choice(WORDS) for _ in range(count))
            file.write(f"{' ' * rng.choice((0, 0, 0, 2))}{number} {text}\n")


def arguments():
    parser = argparse.ArgumentParser(prog="Tools/demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the gapless program (Tools/demo builds it)")
    parser.add_argument("--seed", type=int, default=None, help="seed of the text and of the kills; drawn when left out")
    parser.add_argument("--lines", type=int, default=100_000, help="lines of text (100000)")
    parser.add_argument("--kills", type=int, default=4, help="SIGKILLs for each of: node a, node b, client (4)")
    parser.add_argument("--client", default=None, metavar="COMMAND",
                        help="another client: called as COMMAND URL URL --client NAME --state FILE, writes each message as a line to its standard output")
    parser.add_argument("--patience", type=float, default=120, help="seconds without any progress that count as failure (120)")
    parser.add_argument("--keep", action="store_true", help="keep the folder with files and logs")
    return parser.parse_args()


class Demo:
    def __init__(self, options):
        self.options = options
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
        self.rng = random.Random(self.seed)
        self.folder = tempfile.mkdtemp(prefix="gapless-demo-")
        self.input = os.path.join(self.folder, "sent.txt")
        self.output = os.path.join(self.folder, "received.txt")
        self.kills = {"a": 0, "b": 0, "client": 0}
        self.client = None
        self.sender = None
        self.nodes = {}

    def start_client(self):
        urls = [self.nodes["a"].url, self.nodes["b"].url]
        if self.options.client:
            command = [*self.options.client.split(), *urls, "--client", "demo/reader", "--state", os.path.join(self.folder, "client.state")]
        else:
            command = [self.options.program, "connect", *urls, "--client", "demo/reader", "--state", os.path.join(self.folder, "client.state")]
        with open(self.output, "ab") as out, open(os.path.join(self.folder, "client.log"), "ab") as log:
            self.client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log)

    def start_sender(self):
        command = [self.options.program, "send", "--admin", self.nodes["a"].admin_url, "--admin", self.nodes["b"].admin_url,
                   "--to", "demo/reader", "--batch", "200"]
        with open(self.input, "rb") as text, open(os.path.join(self.folder, "send.log"), "ab") as log:
            self.sender = subprocess.Popen(command, stdin=text, stdout=subprocess.DEVNULL, stderr=log)

    def schedule(self, size):
        """The kills, in order: (bytes received, victim, seconds until it is started again)."""
        plan = []
        for victim in ("a", "b", "client"):
            for _ in range(self.options.kills):
                plan.append((int(size * self.rng.uniform(0.02, 0.95)), victim, self.rng.choice((0.0, 0.05, 0.3, 1.0))))
        return sorted(plan)

    def strike(self, victim):
        self.kills[victim] += 1
        if victim == "client":
            self.client.kill()
            self.client.wait()
        else:
            self.nodes[victim].kill()

    def revive(self, victim):
        if victim == "client":
            self.start_client()
        else:
            self.nodes[victim].start()

    def run(self):
        print(f"seed {self.seed}; files in {self.folder}", flush=True)
        write_text(self.input, self.options.lines, self.rng)
        size = os.path.getsize(self.input)
        store = os.path.join(self.folder, "gapless.db")
        room = ["--max-messages", str(self.options.lines + 1_000), "--max-bytes", str(size + 1_048_576), "--max-age", "24h"]
        for name in ("a", "b"):
            self.nodes[name] = Node(self.options.program, name, store, self.folder, room).start()
        print(f"two nodes on one file: {self.nodes['a'].url} and {self.nodes['b'].url}", flush=True)
        self.start_client()
        self.start_sender()
        plan = self.schedule(size)
        dead = []  # (moment to start again, victim)
        began = seen_at = time.monotonic()
        seen, longest, told = 0, 0.0, 0
        while True:
            now = time.monotonic()
            got = os.path.getsize(self.output)
            if got != seen:
                longest = max(longest, now - seen_at) if seen else longest
                seen, seen_at = got, now
            if plan and got >= plan[0][0] and not any(victim == plan[0][1] for _, victim in dead):
                _, victim, pause = plan.pop(0)
                self.strike(victim)
                dead.append((now + pause, victim))
                continue
            for entry in [entry for entry in dead if entry[0] <= now]:
                dead.remove(entry)
                self.revive(entry[1])
            if not any(victim == "client" for _, victim in dead) and self.client.poll() is not None:
                raise RuntimeError(f"the client ended by itself with {self.client.returncode}; see client.log")
            if self.sender.poll() not in (None, 0):
                raise RuntimeError(f"the sender ended with {self.sender.returncode}; see send.log")
            if got >= size and self.sender.poll() == 0 and not plan and not dead:
                break
            if now - seen_at > self.options.patience:
                print(f"no progress for {self.options.patience} s: {got} of {size} bytes arrived", flush=True)
                break
            if now - told > 5 and sys.stderr.isatty():
                told = now
                print(f"  {100 * got // size} % received, {sum(self.kills.values())} kills", file=sys.stderr, flush=True)
            time.sleep(0.002)
        # Whatever would still come, twice or invented, comes now.
        time.sleep(1)
        self.client.send_signal(signal.SIGTERM)
        try:
            self.client.wait(20)
        except subprocess.TimeoutExpired:
            self.client.kill()
            self.client.wait()
        return self.report(time.monotonic() - began, longest)

    def report(self, seconds, longest):
        with open(self.input, "rb") as file:
            sent = file.read()
        with open(self.output, "rb") as file:
            received = file.read()
        sent_lines, received_lines = sent.splitlines(), received.splitlines()
        duplicates = len(received_lines) - len(set(received_lines))
        missing = len(set(sent_lines) - set(received_lines))
        foreign = len(set(received_lines) - set(sent_lines))
        with open(os.path.join(self.folder, "client.log"), "rb") as file:
            gaps = sum(1 for line in file if line.startswith((b"gap ", b"reset ")))
        equal = sent == received
        print(f"""
sent            {len(sent_lines)} lines, {len(sent)} bytes
received        {len(received_lines)} lines, {len(received)} bytes
missing         {missing}
duplicates      {duplicates}
invented        {foreign}
gaps and resets {gaps}
SIGKILLs        node a {self.kills['a']}, node b {self.kills['b']}, client {self.kills['client']}
longest pause   {longest * 1000:.0f} ms
took            {seconds:.1f} s
seed            {self.seed}
byte for byte   {'EQUAL' if equal else 'DIFFERENT'}""", flush=True)
        return equal and gaps == 0

    def clean(self, keep):
        for process in (self.client, self.sender):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        for node in self.nodes.values():
            if node.is_running:
                node.kill()
        if keep:
            print(f"files and logs: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


BY_HAND = """
Try it by hand, in three terminals:
  {program} serve --listen 127.0.0.1:8080 --admin 127.0.0.1:8081 --store sqlite:gapless.db --name a
  {program} connect ws://127.0.0.1:8080/gapless --client alice/phone --state alice.state
  {program} send --admin http://127.0.0.1:8081 --to alice/phone "Good morning"
Then stop the node or the client with Control-C or kill -9, send more, and start it again."""


def main():
    options = arguments()
    demo = Demo(options)
    good = False
    try:
        good = demo.run()
    except RuntimeError as error:
        print(f"FAILED: {error}", flush=True)
    finally:
        demo.clean(options.keep or not good)
    if good:
        print(BY_HAND.format(program=os.path.relpath(options.program)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
