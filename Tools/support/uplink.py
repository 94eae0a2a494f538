#!/usr/bin/env python3
"""Lines through the standard input of `gapless connect`, while that process and both nodes are killed at random.

Each line is fed once, to whichever process runs then; what a killed process had read and not saved is gone, and nobody promised it. What the
process said to be safe ({"taken":N}) has to reach the handler. The nodes print what their handlers get into one file; the judge reads that
file and the reports, and nobody's counters. It is first shown files with planted faults.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node  # noqa: E402


def judge(lives, printed):
    """Compares lives, [(lines fed, how many of them were said to be safe)], with the printed [(outbox, number, text)]."""
    faults = {"lost": 0, "invented": 0, "out of order": 0, "another text under a number": 0, "a text under two numbers": 0, "another outbox": 0}
    first, texts, last = {}, set(), 0
    for outbox, number, text in printed:
        if outbox != printed[0][0]:
            faults["another outbox"] += 1
        elif number in first:
            faults["another text under a number"] += first[number] != text
        else:
            # Whoever handles a number for the first time has handled those before it, or somebody else had.
            faults["out of order"] += number != last + 1
            faults["a text under two numbers"] += text in texts
            first[number], last = text, max(last, number)
            texts.add(text)
    order = [first[number] for number in sorted(first)]
    place = {text: index for index, text in enumerate(text for fed, _ in lives for text in fed)}
    faults["invented"] = sum(1 for text in order if text not in place)
    known = [place[text] for text in order if text in place]
    faults["out of order"] += sum(1 for before, after in zip(known, known[1:]) if after <= before)
    for fed, safe in lives:
        got = sum(1 for text in fed if text in texts)
        # What a process took is the beginning of what it was fed.
        faults["lost"] += max(0, safe - got) + sum(1 for text in fed[:got] if text not in texts)
    return faults


def judge_judges():
    """Whether each kind of fault is seen when it is planted."""
    lives = [(["1", "2", "3"], 2), (["4", "5"], 2)]
    good = [("o", 1, "1"), ("o", 2, "2"), ("o", 2, "2"), ("o", 3, "4"), ("o", 4, "5")]
    planted = {
        "lost": [("o", 1, "1"), ("o", 2, "4"), ("o", 3, "5")],
        "invented": [*good, ("o", 5, "6")],
        "out of order": [("o", 1, "2"), ("o", 2, "1"), ("o", 3, "4"), ("o", 4, "5")],
        "another text under a number": [*good[:2], ("o", 2, "3"), *good[3:]],
        "a text under two numbers": [*good, ("o", 5, "5")],
        "another outbox": [*good, ("p", 1, "5")],
    }
    return all(judge(lives, case)[fault] > 0 for fault, case in planted.items()) and not any(judge(lives, good).values())


def read_printed(path):
    """What the handlers printed; a node that was killed in the middle of a line left a piece of it before the next one."""
    printed, torn = [], 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            event, start = None, -1
            while event is None and (start := line.find("{", start + 1)) >= 0:
                try:
                    event = json.loads(line[start:])
                except ValueError:
                    continue
            torn += start != 0
            if not isinstance(event, dict):
                continue
            if event.get("event") == "message":
                printed.append((event["outbox"], event["seq"], event["text"]))
    return printed, torn


class Connection:
    """One life of `gapless connect`."""

    def __init__(self, options, nodes, folder, number, *more):
        self.log = os.path.join(folder, f"connect-{number}.log")
        self.fed = []
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [options.program, "connect", *[node.url for node in nodes], "--client", "alice/terminal",
                 "--state", os.path.join(folder, "alice.state"), "--report-input", *more],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)

    def feed(self, lines, tail=b""):
        """Writes the lines, and the beginning of another one that never ends."""
        self.fed += lines
        try:
            os.write(self.process.stdin.fileno(), "".join(f"{line}\n" for line in lines).encode() + tail)
        except BrokenPipeError:
            raise RuntimeError(f"connect ended by itself with {self.process.wait()}; see {self.log}") from None

    @property
    def safe(self):
        """How many of its lines the process has said to be safe."""
        safe = 0
        with open(self.log, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith('{"taken":') and line.endswith("}\n"):
                    safe = json.loads(line)["taken"]
        return safe

    def wait_until_safe(self, count, patience=60):
        deadline = time.monotonic() + patience
        while self.safe < count:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"{self.safe} of {count} lines are safe after {patience} s; see {self.log}")
            time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


class Trial:
    def __init__(self, options, rng, folder):
        self.options, self.rng, self.folder = options, rng, folder
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
        self.connection = Connection(self.options, self.nodes, self.folder, len(self.lives) + 1, *more)
        self.lives.append(self.connection)

    def end(self):
        """Kills the process, perhaps in the middle of a line."""
        self.connection.feed([], tail=b"half a line" if self.rng.random() < 0.5 else b"")
        self.connection.kill()
        self.kills["connect"] += 1

    def strike(self, node):
        node.kill()
        self.kills[node.name] += 1

    def stroll(self):
        """Feeds in bursts, and kills a node now and then."""
        dead = None
        for _ in range(self.rng.randrange(5, 25)):
            self.connection.feed(self.lines(self.rng.randrange(1, 60)))
            time.sleep(self.rng.uniform(0, 0.1))
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
            if time.monotonic() > deadline or self.connection.process.poll() is not None:
                raise RuntimeError(f"a line does not reach the handler within {patience} s; see {self.connection.log}")
            time.sleep(0.05)

    def run(self):
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
            raise RuntimeError(f"the last connect ended with {code}; see {self.connection.log}")
        codes = [node.stop() for node in self.nodes]
        return codes

    def clean(self):
        if self.connection is not None and self.connection.process.poll() is None:
            self.connection.kill()
        for node in self.nodes:
            if node.is_running:
                node.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--lives", type=int, default=9, help="how many processes are killed")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if not judge_judges():
        print("the judge does not see what it should")
        return 1
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    folder = tempfile.mkdtemp(prefix="gapless-uplink-")
    print(f"seed {seed}; files in {folder}", flush=True)
    trial, good = Trial(options, random.Random(seed), folder), False
    try:
        codes = trial.run()
        printed, torn = read_printed(trial.output)
        lives = [(life.fed, life.safe) for life in trial.lives]
        faults = judge(lives, printed)
        fed, safe = sum(len(lines) for lines, _ in lives), sum(count for _, count in lives)
        handled = len({number for _, number, _ in printed})
        print(f"fed {fed}, said to be safe {safe}, handled {handled}, repeated {len(printed) - handled}, torn {torn}, "
              + ", ".join(f"{name} {count}" for name, count in faults.items())
              + f"; safe and unsent at a kill {trial.unsent}; SIGKILLs "
              + ", ".join(f"{name} {count}" for name, count in trial.kills.items()) + f"; exit codes {codes}; seed {seed}", flush=True)
        # A trial in which nothing was at stake proves nothing.
        good = not any(faults.values()) and codes == [0, 0] and trial.unsent > 0 and safe > 0
    except (RuntimeError, subprocess.TimeoutExpired) as error:
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
