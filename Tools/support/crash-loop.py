#!/usr/bin/env python3
"""Crash loops: real nodes on one SQLite file, and SIGKILL for nodes, publishers and clients at random, for as long as asked.

Round after round, with two processes on the file or three, with queues that keep everything, that drop what is too much, or that drop what is too
old. Messages go down through two HTTP publishers that hang up in the middle and come again under the same key, and through `gapless send`; up
through `gapless connect`. Clients are a crowd that keeps nothing, and readers with state files. What was accepted and what was handled stands in
logs; judge.py compares them, and knows nothing else. In the end of each round the file is examined.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Crowd, Reader, Sender, Writer, feed  # noqa: E402
from judge import Send, judge_downlink, judge_uplink, read_printed, read_sends, shown, write_sends  # noqa: E402
from nodes import Node, integrity  # noqa: E402
from publish import Publisher  # noqa: E402

KEPT = 10
RETENTION = {"everything": ["--max-messages", "1000000", "--max-bytes", "1000000000"],
             "the newest": ["--max-messages", str(KEPT)],
             "the young": ["--max-messages", "1000000", "--max-bytes", "1000000000", "--max-age", "2s"]}
SENT_TO, WRITER = "sent/to", "writer/terminal"
KINDS = ("node", "reader", "crowd", "send", "writer")  # What is killed.
PATIENCE = 120  # Seconds without the end of a round that count as failure.


class Round:
    """One round, in a folder of its own."""

    def __init__(self, options, seed, processes, retention):
        self.options, self.rng, self.retention = options, random.Random(seed), retention
        self.folder = tempfile.mkdtemp(prefix="gapless-crash-")
        self.store, self.printed = os.path.join(self.folder, "gapless.db"), os.path.join(self.folder, "printed.jsonl")
        arguments = [*RETENTION[retention], "--new-queues-per-second", "none", "--drain-time", "500ms", "--move-time", "2s"]
        self.nodes = [Node(options.program, name, self.store, self.folder, arguments, self.printed) for name in "abc"[:processes]]
        self.kills, self.due, self.leaving = collections.Counter(), [], []
        self.readers, self.crowd, self.publishers = [], None, []
        self.sender, self.closing, self.sends = None, [], []
        self.writer, self.writers, self.lines = None, [], 0

    # What is killed, and comes back.

    def later(self, begin):
        moment = time.monotonic() + self.rng.choice((0, 0.1, 0.5, 2))
        self.due.append((lambda: time.monotonic() >= moment, begin))

    def after_drops(self, begin):
        """Waits until so much was sent that queues must have dropped something, or until nothing more is."""
        sent = self.sent + 2 * KEPT * self.options.clients
        self.due.append((lambda: self.sent >= sent or all(publisher.stopping.is_set() for publisher in self.publishers), begin))

    @property
    def sent(self):
        return sum(publisher.count for publisher in self.publishers)

    def kill(self, kind, process):
        if process.is_running and process not in self.leaving:
            process.kill()
            self.kills[kind] += 1
            wait = self.after_drops if kind == "crowd" and self.retention == "the newest" else self.later
            wait(lambda: process.start(PATIENCE) if kind == "node" else process.start())

    def stop(self, node):
        """SIGTERM, and SIGKILL when the time is over in which it may end in order."""
        def begin():
            self.leaving.remove(node)
            if node.is_running:
                node.kill()
                self.kills["node that was stopping"] += 1
            node.start(PATIENCE)

        if node.is_running and node not in self.leaving:
            node.process.send_signal(signal.SIGTERM)
            self.leaving.append(node)
            self.later(begin)

    def begin_sender(self):
        self.sender = Sender(self.options.program, self.folder, [node.admin_url for node in self.nodes], SENT_TO, self.kills["send"] + len(self.closing))
        self.sender.start().sends = []

    def feed_sender(self):
        if self.sender is None:
            return
        sends = [Send(SENT_TO, f"s{len(self.sends) + offset}", "unknown", "s") for offset in range(self.rng.randrange(1, 30))]
        self.sends += sends
        self.sender.sends += sends
        feed(self.sender, [send.text for send in sends])
        if len(self.sender.sends) > 200:
            self.end_sender(self.rng.random() < 0.6)

    def end_sender(self, is_killed):
        """Kills the sender in the middle of its work, or lets it do all of it; then it says by its exit code that all was accepted."""
        sender, self.sender = self.sender, None
        if sender is None:
            return
        if is_killed:
            sender.kill()
            self.kills["send"] += 1
        else:
            sender.process.stdin.close()
            self.closing.append(sender)
            self.wait_for(sender)
        self.later(self.begin_sender)

    def wait_for(self, sender):
        # One after the other: two at once would have no order.
        while sender.process.poll() is None:
            self.bring_back()
            time.sleep(0.01)
        if sender.process.returncode != 0:
            raise RuntimeError(f"send ended with {sender.process.returncode}; see {sender.path('.log')}")
        for send in sender.sends:
            send.fate = "accepted"

    def begin_writer(self):
        self.writer = Writer(self.options.program, self.folder, [node.url for node in self.nodes], WRITER, len(self.writers) + 1).start()
        self.writers.append(self.writer)

    def feed_writer(self):
        if self.writer is None:
            return
        count = self.rng.randrange(1, 30)
        self.writer.feed([f"w{number}" for number in range(self.lines, self.lines + count)])
        self.lines += count

    def kill_writer(self):
        if self.writer is not None:
            self.writer.kill()
            self.writer = None
            self.kills["writer"] += 1
            self.later(self.begin_writer)

    def bring_back(self):
        for entry in [entry for entry in self.due if entry[0]()]:
            self.due.remove(entry)
            entry[1]()

    # The round.

    def run(self, seconds):
        for node in self.nodes:
            node.start(PATIENCE)
        urls = [node.url for node in self.nodes]
        names = [f"user{number}/device" for number in range(self.options.clients)]
        self.readers = [Reader(self.options.program, self.folder, urls, client).start() for client in ("reader/0", "reader/1", SENT_TO)]
        self.crowd = Crowd(self.options.program, self.folder, urls, self.options.clients).start()
        self.publishers = [Publisher(self.nodes, [*names, "reader/0", "reader/1"], random.Random(self.rng.random()), self.options.rate / 2, name, 100, 0.1)
                           for name in ("p", "q")]
        self.begin_sender()
        self.begin_writer()
        for publisher in self.publishers:
            publisher.start()
        end = time.monotonic() + seconds
        # However slow the machine is, something must have been at stake; only a hang keeps it away for so long.
        while time.monotonic() < end or (time.monotonic() < end + PATIENCE and any(self.kills[kind] < 1 for kind in KINDS)):
            self.bring_back()
            self.feed_sender()
            self.feed_writer()
            if self.rng.random() < 0.12:
                self.strike()
            time.sleep(self.rng.uniform(0, 0.1))
            for publisher in self.publishers:
                if publisher.failure is not None:
                    raise RuntimeError(f"a publisher failed: {publisher.failure}")
        return self.settle()

    def strike(self):
        kind = self.rng.choice((*KINDS, "node", "node", "stop", "reader"))
        if kind == "stop":
            self.stop(self.rng.choice(self.nodes))
        elif kind == "node":
            self.kill(kind, self.rng.choice(self.nodes))
        elif kind == "reader":
            self.kill(kind, self.rng.choice(self.readers))
        elif kind == "crowd":
            self.kill(kind, self.crowd)
        elif kind == "send":
            self.end_sender(True)
        else:
            self.kill_writer()

    def settle(self):
        """Lets everything come back and come to an end; gives what is wrong."""
        for publisher in self.publishers:
            publisher.stopping.set()
        while self.due:
            self.bring_back()
            time.sleep(0.01)
        for publisher in self.publishers:
            publisher.finish()
        self.end_sender(False)
        self.due.clear()  # No other sender comes.
        self.feed_writer()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and (self.judge()[0]["lost"] or self.judge()[1]["lost"]):
            for process in (*self.readers, self.crowd, self.writer):
                process.require_running()
            time.sleep(0.2)
        time.sleep(0.5)  # Whatever would still come, twice or invented, comes now.
        codes = [process.stop() for process in (self.writer, *self.readers, self.crowd)] + [node.stop() for node in self.nodes]
        down, up = self.judge()
        wrong = {**{f"down: {fault}": count for fault, count in down.items() if count}, **{f"up: {fault}": count for fault, count in up.items() if count}}
        if any(codes):
            wrong["exit codes"] = codes
        intact = integrity(self.store)
        if intact != "ok":
            wrong["integrity_check"] = intact
        check = subprocess.run([self.options.program, "store", "check", self.store], capture_output=True, text=True, check=False)
        if check.returncode != 0:
            wrong["store check"] = check.stdout + check.stderr
        return down, up, wrong

    def all_sends(self):
        return [send for publisher in self.publishers for send in publisher.sends] + self.sends

    def lives(self):
        return {**self.crowd.lives, **{reader.client: [reader.life] for reader in self.readers}}

    def judge(self):
        log = os.path.join(self.folder, "sends.jsonl")
        write_sends(log, self.all_sends())
        down = judge_downlink(read_sends(log), self.lives(), KEPT if self.retention == "the newest" else None, self.retention == "the young")
        up = judge_uplink([(writer.fed, writer.safe) for writer in self.writers], read_printed(self.printed)[0])
        return down, up

    def counts(self):
        """What happened, so that a round in which nothing was at stake is seen."""
        lives = self.lives()
        events = [event for client in lives for life in lives[client] for event in life]
        fates = collections.Counter(send.fate for send in self.all_sends())
        return collections.Counter({
            "accepted": fates["accepted"], "in doubt": fates["unknown"],
            "handled": sum(1 for event in events if event[0] == "message"),
            "told to be gone": sum(event[2] - event[1] + 1 for event in events if event[0] == "gap"),
            "uplink fed": self.lines, "uplink handled": len({number for _, number, _ in read_printed(self.printed)[0]}),
            **{f"SIGKILL {kind}": count for kind, count in self.kills.items()},
        })

    def clean(self):
        for publisher in self.publishers:
            publisher.stopping.set()
        for process in (*self.nodes, *self.readers, self.crowd, self.sender, self.writer, *self.closing):
            if process is not None and process.is_running:
                process.kill()


def main():
    parser = argparse.ArgumentParser(prog="Tools/crash-loop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the gapless program (Tools/crash-loop builds it)")
    parser.add_argument("--minutes", type=float, required=True, help="begin rounds for so long; at least two")
    parser.add_argument("--seed", type=int, default=None, help="seed of the kills; drawn when left out")
    parser.add_argument("--clients", type=int, default=100, help="how many clients the crowd has (100)")
    parser.add_argument("--rate", type=float, default=800, help="messages a second (800)")
    parser.add_argument("--keep", action="store_true", help="keep the folders with files and logs")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    print(f"seed {seed}", flush=True)
    began, number, good = time.monotonic(), 0, True
    seconds = min(20, options.minutes * 60 / 3)
    totals, faults = collections.Counter(), {"down": collections.Counter(), "up": collections.Counter()}
    while good and (number < 2 or time.monotonic() - began < options.minutes * 60 - seconds):
        number += 1
        rng = random.Random(f"{seed} {number}")
        processes = 1 + number if number < 3 else rng.choice((2, 3))
        retention = ("everything", "the newest")[number - 1] if number < 3 else rng.choice(list(RETENTION))
        trial, wrong = Round(options, f"{seed} {number}", processes, retention), None
        try:
            down, up, wrong = trial.run(seconds)
            counts = trial.counts()
            totals += counts
            faults["down"].update(down)
            faults["up"].update(up)
            print(f"round {number}: {processes} processes, queues keep {retention}: " + ", ".join(f"{name} {count}" for name, count in counts.items()), flush=True)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            wrong = {"FAILED": str(error)}
        finally:
            trial.clean()
            good = wrong == {}
            if good and not options.keep:
                shutil.rmtree(trial.folder, ignore_errors=True)
        if not good:
            print(f"WRONG in round {number}: {wrong}; files and logs: {trial.folder}", flush=True)
    print(f"{number} rounds in {(time.monotonic() - began) / 60:.1f} minutes: " + ", ".join(f"{name} {count}" for name, count in totals.items()))
    for way, counts in faults.items():
        print(f"{way}: {shown(counts)}")
    print(f"integrity_check and store check after each round: {'ok' if good else 'see above'}; seed {seed}", flush=True)
    # Where nothing was killed, or nothing dropped, nothing is proven.
    proves = all(totals[f"SIGKILL {kind}"] for kind in KINDS) and totals["handled"] and totals["uplink handled"] and totals["told to be gone"]
    if good and not proves:
        print("too little happened to prove anything")
    return 0 if good and proves else 1


if __name__ == "__main__":
    sys.exit(main())
