#!/usr/bin/env python3
"""Real nodes and clients on a disk that fails, lies, is full, loses power, or holds other files than it did: a table of scenarios.

After each scenario everything that was accepted must reach the clients, once and in order, and nothing that was refused. Where the disk lied or
files were taken away, what is gone may be gone, but then somebody says so: a node that refuses to start, `gapless store check`, the log of a new life,
or a client's reset.
"""

import argparse
import concurrent.futures
import dataclasses
import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from disk import FaultyDisk, build_library  # noqa: E402
from judge import Send, judge_downlink, read_events, shown  # noqa: E402
from nodes import Node  # noqa: E402
from publish import post, settled  # noqa: E402

DEADLINE = 60  # Seconds that only a hang ever takes.
READER, ABSENT = "alice/phone", "bob"  # One who has been there before, and one who comes when all is over.


@dataclasses.dataclass
class Scenario:
    """What happens to the disk, and what may come of it."""

    name: str
    rules: object = lambda number: ()  # Gives what the disk does from the middle on, for N = number.
    numbers: range = range(1, 2)
    nodes: int = 1
    payload: int = 20  # Bytes of each message, about.
    sends: int = 12  # After the fault began.
    is_struck: bool = True  # Whether a run in which the disk was never struck proves nothing.
    is_healed: bool = True  # Whether the disk is well again before the nodes die, and then they must serve again.
    kept: int | None = 0  # How many percent of what was not synced a power cut leaves; None: no power cut.
    may_lose: bool = False  # Whether the disk lied, so that something may be gone if that is said.
    change: object = None  # Called between the lives of the nodes.


class Trial:
    """One run of a scenario, in a folder of its own."""

    def __init__(self, options, library, scenario, number, seed):
        self.program, self.scenario, self.number, self.seed = options.program, scenario, number, seed
        self.rng = random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix="trial-", dir=options.folder)
        self.store = self.path("gapless.db")
        self.disk = FaultyDisk(library, self.folder, ["*/gapless.db", "*/gapless.db-wal", "*/gapless.db-journal", "*/gapless.db-progress*"])
        self.nodes, self.clients, self.sends, self.told = [], [], [], []

    def path(self, name):
        return os.path.join(self.folder, name)

    # What the trial does.

    def begin_node(self, is_on_disk=True):
        environment = {**os.environ, **(self.disk.environment if is_on_disk else {})}
        node = Node(self.program, f"n{len(self.nodes)}", self.store, self.folder, ["--max-bytes", "100000000"], environment=environment)
        self.nodes.append(node)
        return node.start(DEADLINE)

    def send(self, node, client):
        """Sends one message, and notes what the node says of it."""
        text = f"{len(self.sends)}-{'x' * self.scenario.payload}"
        send = Send(client, text, "unknown", "p")
        self.sends.append(send)
        try:
            status, lines = post(node, f'{{"to":"{client}","text":"{text}"}}\n', timeout=DEADLINE)
        except (OSError, http.client.HTTPException):
            return send
        receipts = settled(status, lines, 1)
        if receipts:
            delivery = receipts[0]["deliveries"][0]
            send.fate, send.number, send.epoch = "accepted", delivery["sequence"], delivery["epoch"]
        elif not any(b'"unknown"' in line for line in lines):
            send.fate = "refused"
        return send

    def read(self, node, client, count):
        """Lets a client get the next messages, which it saves before it acknowledges them; gives all that it ever got."""
        name = client.replace("/", "-")
        output, log = self.path(f"{name}.jsonl"), self.path(f"{name}.log")
        with open(output, "ab") as out, open(log, "ab") as errors:
            process = subprocess.Popen([self.program, "connect", node.url, "--client", client, "--state", self.path(f"{name}.state"), "--format", "json"],
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        self.clients.append(process)
        deadline = time.monotonic() + DEADLINE
        while not count(read_events(output)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{client} does not get what it should (exit {process.poll()})")
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        code = process.wait(DEADLINE)
        if code != 0:
            raise RuntimeError(f"{client} ended with {code}")
        return read_events(output)

    def kill_all(self):
        for process in self.clients:
            if process.poll() is None:
                process.kill()
                process.wait()
        for node in self.nodes:
            if node.is_running:
                node.kill()

    # The parts of a scenario.

    def run(self):
        """Gives the faults that were found."""
        scenario = self.scenario
        nodes = [self.begin_node() for _ in range(scenario.nodes)]
        for _ in range(3):
            self.send(nodes[0], READER)
            self.send(nodes[0], ABSENT)
        self.read(nodes[0], READER, lambda events: len(events) == 3)
        self.strike(nodes)
        self.kill_all()
        if scenario.kept is not None:
            self.disk.cut_power([f"{self.store}{suffix}" for suffix in ("", "-wal", "-progress")], self.seed, scenario.kept)
        if scenario.change is not None:
            scenario.change(self)
        checked = subprocess.run([self.program, "store", "check", self.store], capture_output=True, text=True, timeout=DEADLINE, check=False)
        if checked.returncode != 0:
            self.told.append(f"store check: {(checked.stdout + checked.stderr).strip()}")
        return self.judge()

    def strike(self, nodes):
        self.disk.fail(*self.scenario.rules(self.number))
        for turn in range(self.scenario.sends):
            self.send(nodes[turn % len(nodes)], self.rng.choice((READER, ABSENT)))
        if self.scenario.is_struck and not self.disk.strikes:
            raise RuntimeError("the disk was never struck")
        self.disk.heal()
        if not self.scenario.is_healed:
            return
        for node in nodes:
            deadline = time.monotonic() + DEADLINE
            while self.send(node, READER).fate != "accepted":
                if time.monotonic() > deadline:
                    raise RuntimeError(f"node {node.name} does not serve again on a disk that is well")
                time.sleep(0.2)

    def judge(self):
        try:
            node = self.begin_node(is_on_disk=False)
        except RuntimeError as refusal:
            self.told.append(f"refused: {refusal}")
            return self.verdict({})
        lives = {}
        for client in (READER, ABSENT):
            last = self.send(node, client)
            if last.fate != "accepted":
                self.told.append(f"send: {last.fate}")
                return self.verdict({})
            lives[client] = [self.read(node, client, lambda events, text=last.text: any(event[0] == "message" and event[2] == text for event in events))]
        code = node.stop(DEADLINE)
        if code != 0:
            raise RuntimeError(f"the last node ended with {code}")
        with open(self.path(f"node-{node.name}.log"), encoding="utf-8", errors="replace") as file:
            self.told += [f"log: {line.strip()}" for line in file if "new life" in line]
        self.told += [f"{client}: reset {event[1]}" for client in lives for event in lives[client][0] if event[0] == "reset"]
        return self.verdict(judge_downlink(self.sends, lives))

    def verdict(self, faults):
        """Turns what was found into what is wrong."""
        if self.scenario.may_lose:
            if self.told:
                # A number that is given again is told by the reset; a text that nobody sent never is.
                return {fault: count for fault, count in faults.items() if count and fault in ("invented", "refused and stored")}
            return {f"{fault}, and silence": count for fault, count in faults.items() if count}
        wrong = {fault: count for fault, count in faults.items() if count}
        if self.told:
            wrong["said to be wrong"] = self.told
        return wrong


def sync_of_the_log(how, count):
    return lambda number: [("sync", "*-wal", how, number, count)]


# A disk that lies where it must not: whoever runs this without finding a fault sees nothing.
PLANTED = Scenario("a sync that lies unseen", sync_of_the_log("lie", 0), is_healed=False)

SCENARIOS = [
    # No receipt after a failed sync: what was accepted survives the power cut that follows, what was refused does not come back to life.
    Scenario("a sync of the log fails once", sync_of_the_log("EIO", 1), range(1, 6)),
    Scenario("a sync of the log fails once, and some of it is written all the same", sync_of_the_log("EIO", 1), range(1, 6), kept=60),
    Scenario("a sync of the log fails once under one of two processes", sync_of_the_log("EIO", 1), range(1, 4), nodes=2),
    Scenario("syncs of the log fail until the disk is well again", sync_of_the_log("EIO", 0), range(1, 4)),
    Scenario("syncs of the log fail until the end", sync_of_the_log("EIO", 0), range(1, 4), is_healed=False),
]


def run_one(options, library, scenario, number, seed):
    """Whether nothing is wrong."""
    trial = Trial(options, library, scenario, number, seed)
    try:
        wrong = trial.run()
    except Exception as error:  # whatever it is, the scenario failed
        wrong = {"FAILED": "".join(traceback.format_exception_only(error)).strip()}
        if options.verbose:
            traceback.print_exc()
    finally:
        trial.kill_all()
    fates = [send.fate for send in trial.sends]
    said = f"{fates.count('accepted')} accepted, {fates.count('refused')} refused, {fates.count('unknown')} unknown, struck {len(trial.disk.strikes)}"
    title = f"{scenario.name}, N={number}"
    if wrong:
        print(f"WRONG: {title}: {wrong}; {said}; files and logs: {trial.folder}", flush=True)
    else:
        told = f"; told: {'; '.join(line[:100] for line in trial.told)}" if trial.told else ""
        print(f"  {title}: {said}{told}", flush=True) if options.verbose else None
        None if options.keep else shutil.rmtree(trial.folder, ignore_errors=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--all", action="store_true", help="every N of every scenario; else one N of each, drawn from the seed")
    parser.add_argument("--only", default="", help="scenarios whose names contain this")
    parser.add_argument("--jobs", type=int, default=4, help="how many run at once (4)")
    parser.add_argument("--keep", action="store_true", help="keep files and logs")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    rng = random.Random(seed)
    options.folder = tempfile.mkdtemp(prefix="gapless-disk-")
    library = build_library(options.folder)
    planted = Trial(options, library, PLANTED, 1, seed)
    try:
        found = planted.run()
    finally:
        planted.kill_all()
    if not found.get("lost"):
        print(f"the judge does not see what it should: {found}; files and logs: {planted.folder}")
        return 1
    cases = [(scenario, number) for scenario in SCENARIOS if options.only in scenario.name
             for number in (scenario.numbers if options.all else [rng.choice(scenario.numbers)])]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda case: run_one(options, library, *case, seed), cases))
    print(f"{len(cases)} trials of {len({scenario.name for scenario, _ in cases})} scenarios, {results.count(False)} wrong; seed {seed}", flush=True)
    if all(results) and not options.keep:
        shutil.rmtree(options.folder, ignore_errors=True)
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
