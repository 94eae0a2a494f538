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
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import Reader, Writer  # noqa: E402
from disk import FaultyDisk, build_library  # noqa: E402
from judge import Send, judge_downlink, judge_uplink, read_printed  # noqa: E402
from nodes import Node  # noqa: E402
from publish import post, settled  # noqa: E402

DEADLINE = 60  # Seconds that only a hang ever takes.
READER, ABSENT = "alice/phone", "bob"  # One who has been there before, and one who comes when all is over.


@dataclasses.dataclass
class Scenario:
    """What happens to the disk, and what may come of it."""

    name: str
    rules: object = lambda number: ()  # Gives what the disk does from the middle on, for N = number.
    numbers: object = range(1, 2)
    flow: object = None  # How it goes; None: Trial.crash.
    nodes: int = 1
    payload: int = 20  # Bytes of each message, about.
    sends: int = 12  # After the fault began.
    is_at_start: bool = False  # Whether the disk fails before the first node begins, which may then refuse to.
    is_struck: bool = True  # Whether a run in which the disk was never struck proves nothing.
    is_healed: bool = True  # Whether the disk is well again before the nodes die, and then they must serve again.
    kept: int | None = 0  # How many percent of what was not synced a power cut leaves; None: no power cut.
    is_uplink_used: bool = False  # Whether messages go up meanwhile, too.
    is_read: bool = False  # Whether a client gets everything before the nodes die.
    may_lose: bool = False  # Whether the disk lied, so that something may be gone if that is said.
    meanwhile: object = None  # Called with the trial when the disk begins to fail.
    change: object = None  # Called with the trial between the lives of the nodes.


class Skipped(Exception):
    """What the scenario needs cannot be had here."""


class Trial:
    """One run of a scenario, in a folder of its own."""

    def __init__(self, options, library, scenario, number, seed):
        self.program, self.scenario, self.number, self.seed = options.program, scenario, number, seed
        self.rng = random.Random(f"{seed} {scenario.name} {number}")
        self.folder = tempfile.mkdtemp(prefix="trial-", dir=options.folder)
        os.mkdir(self.path("store"))
        self.store = self.path("store/gapless.db")
        patterns = [f"*/gapless.db{ending}" for ending in ("", "-wal", "-journal", "-progress*")]
        self.disk = FaultyDisk(library, self.folder, [*patterns, "*/alice-phone.state*"])
        self.nodes, self.clients, self.sends, self.told = [], [], [], []
        self.printed, self.writers = self.path("printed.jsonl"), []
        self.mounted = None  # A file system to be taken down in the end.

    def path(self, name):
        return os.path.join(self.folder, name)

    # What the trial does.

    def begin_node(self, is_on_disk=True):
        environment = {**os.environ, **(self.disk.environment if is_on_disk else {})}
        room = ["--max-bytes", "100000000", "--max-message-bytes", "1000000"]
        node = Node(self.program, f"n{len(self.nodes)}", self.store, self.folder, room, self.printed, environment)
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

    def send_until_accepted(self, node, client):
        deadline = time.monotonic() + DEADLINE
        while (send := self.send(node, client)).fate != "accepted":
            if time.monotonic() > deadline:
                raise RuntimeError(f"node {node.name} does not serve again on a disk that is well")
            time.sleep(0.2)
        return send

    def begin_reader(self, node, client, is_on_disk=False):
        environment = {**os.environ, **self.disk.environment} if is_on_disk else None
        self.clients.append(Reader(self.program, self.folder, [node.url], client, environment).start())
        return self.clients[-1]

    def read(self, node, client, is_enough):
        """Lets a client get the next messages until it has enough; gives all that it ever got."""
        reader = self.begin_reader(node, client)
        deadline = time.monotonic() + DEADLINE
        while not is_enough(reader.life):
            if self.scenario.may_lose and self.says(node, "could not be read"):
                self.told.append("log: messages could not be read")
                break
            if not reader.is_running or time.monotonic() > deadline:
                raise RuntimeError(f"{client} does not get what it should (exit {reader.process.poll()})")
            time.sleep(0.02)
        code = reader.stop()
        if code != 0:
            raise RuntimeError(f"{client} ended with {code}")
        return reader.life

    def read_through(self, node, client, last):
        return self.read(node, client, lambda life: any(event[0] == "message" and event[2] == last.text for event in life))

    def write(self, nodes, count):
        """A client sends lines up, through whichever node takes them."""
        if not self.writers or not self.writers[-1].is_running:
            self.writers.append(Writer(self.program, self.folder, [node.url for node in nodes], "writer", len(self.writers)).start())
            self.clients.append(self.writers[-1])
        before = sum(len(writer.fed) for writer in self.writers)
        self.writers[-1].feed([f"up {number}" for number in range(before, before + count)])
        self.writers[-1].wait_until_safe(len(self.writers[-1].fed))

    def wait_until_printed(self, line):
        deadline = time.monotonic() + DEADLINE
        while not any(text == line for _, _, text in read_printed(self.printed)[0]):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{line!r} does not come up")
            time.sleep(0.05)

    def work(self, node, count):
        """The node stores messages for both clients, and the reader handles its own."""
        for _ in range(count):
            self.send_until_accepted(node, ABSENT)
            last = self.send_until_accepted(node, READER)
        self.read_through(node, READER, last)

    def says(self, node, words):
        """The lines of a node's log that contain the words."""
        with open(self.path(f"node-{node.name}.log"), encoding="utf-8", errors="replace") as file:
            return [line.strip() for line in file if words in line]

    def kill_all(self):
        for process in (*self.clients, *self.nodes):
            if process.is_running:
                process.kill()

    def clean(self):
        self.kill_all()
        if self.mounted is not None:
            shutil.copytree(self.mounted, self.path("copy-of-store"))
            subprocess.run(["umount", self.mounted], check=False)

    def cut_power(self):
        files = [f"{self.store}{ending}" for ending in ("", "-wal", "-journal", "-progress", "-progress.new")]
        self.disk.cut_power([*files, self.path("alice-phone.state")], self.seed, self.scenario.kept)

    # How it goes.

    def run(self):
        """Gives the faults that were found."""
        return (self.scenario.flow or Trial.crash)(self)

    def crash(self):
        """The disk fails in the middle of the work; then all nodes die, and with them perhaps the machine."""
        scenario = self.scenario
        if scenario.is_at_start:
            self.disk.fail(*scenario.rules(self.number))
            try:
                self.begin_node().kill()
            except RuntimeError:
                pass  # It may refuse to start on such a disk.
            self.require_strike()
            self.disk.heal()
            if scenario.kept is not None:
                self.cut_power()
        nodes = [self.begin_node() for _ in range(scenario.nodes)]
        self.work(nodes[0], 3)
        if not scenario.is_at_start:
            self.disk.fail(*scenario.rules(self.number))
        if scenario.meanwhile is not None:
            scenario.meanwhile(self)
        for turn in range(scenario.sends):
            if scenario.is_uplink_used:
                self.write(nodes, 3)
            self.send(nodes[turn % len(nodes)], self.rng.choice((READER, ABSENT)))
        self.require_strike()
        if scenario.is_read:
            self.read_through(nodes[0], READER, self.send_until_accepted(nodes[0], READER))
        self.disk.heal()
        if scenario.is_healed:
            for node in nodes:
                self.send_until_accepted(node, READER)
        self.kill_all()
        if scenario.kept is not None:
            self.cut_power()
        if scenario.change is not None:
            scenario.change(self)
        return self.judge()

    def require_strike(self):
        if self.scenario.is_struck and not self.disk.strikes:
            raise RuntimeError("the disk was never struck")

    def put_back(self):
        """A copy of the file is put back while no node runs: before its numbers are used again (N = 1, 3, 5), or after; the progress file stays
        (1, 2), is removed (3, 4), or is put back as well (5, 6)."""
        node = self.begin_node()
        self.work(node, 3)
        self.send_until_accepted(node, READER)
        self.send_until_accepted(node, ABSENT)
        self.kill_all()
        endings = ("", "-wal", "-progress") if self.number >= 5 else ("", "-wal")
        for ending in endings:
            if os.path.exists(self.store + ending):
                shutil.copyfile(self.store + ending, self.path(f"copy{ending}"))
        old = list(self.sends)
        node = self.begin_node()
        self.work(node, 4)
        self.kill_all()
        for ending in ("", "-wal", "-shm", "-progress")[:4 if self.number >= 3 else 3]:
            if os.path.exists(self.store + ending):
                os.remove(self.store + ending)
            if ending in endings and os.path.exists(self.path(f"copy{ending}")):
                shutil.copyfile(self.path(f"copy{ending}"), self.store + ending)
        node = self.begin_node()
        fresh = [self.send_until_accepted(node, READER) for _ in range(1 if self.number % 2 else 9)]
        life = self.read_through(node, READER, fresh[-1])
        resets = [place for place, event in enumerate(life) if event[0] == "reset"]
        wrong = {}
        if [life[place] for place in resets] != [("reset", "rollback")]:
            wrong["resets"] = [life[place] for place in resets]
        after = [event[2] for event in life[resets[-1]:] if event[0] == "message"] if resets else []
        stored = [send.text for send in [*old, *fresh] if send.client == READER and send.text not in {event[2] for event in life[:resets[0]] if resets}]
        # What was acknowledged before the copy was made is not there any more; the rest comes, in order.
        missing = [text for text in stored if text not in after]
        if missing or [text for text in after if text in stored] != stored:
            wrong["stored messages that did not come after the reset, in order"] = (missing, after)
        absent = [event[2] for event in self.read(node, ABSENT, lambda life: len(life) == 4)]
        if absent != [send.text for send in old if send.client == ABSENT]:
            wrong["the absent client"] = absent
        return wrong

    def small_disk(self):
        """A file system of its own is full until there is room, and then read-only for a node that starts."""
        place = os.path.dirname(self.store)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "gapless", place], capture_output=True, check=False).returncode != 0:
            raise Skipped("this needs the right to mount a file system")
        self.mounted = place
        nodes = [self.begin_node(is_on_disk=False) for _ in range(2)]
        self.work(nodes[0], 3)
        with open(os.path.join(place, "filler"), "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4_096):
                    pass
            except OSError:
                pass  # Now it is full.
        turn = 0
        while self.send(nodes[turn % 2], ABSENT).fate == "accepted":
            turn += 1
        os.remove(filler.name)
        for node in nodes:
            self.send_until_accepted(node, READER)
        self.kill_all()
        wrong = {}
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        try:
            self.begin_node(is_on_disk=False).kill()
            wrong["a node starts on a read-only disk"] = 1
        except RuntimeError:
            pass
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)
        return {**wrong, **self.judge()}

    def save_in_vain(self):
        """The client's own disk fails: it ends, and has acknowledged nothing that it did not save."""
        node = self.begin_node(is_on_disk=False)
        for _ in range(30):
            self.send_until_accepted(node, READER)
        self.disk.fail(*self.scenario.rules(self.number))
        reader = self.begin_reader(node, READER, is_on_disk=True)
        deadline = time.monotonic() + DEADLINE
        while reader.is_running and time.monotonic() < deadline:
            self.send(node, READER)
            time.sleep(0.02)
        wrong = {}
        if reader.process.poll() != 74:
            wrong["the client's exit code"] = reader.process.poll()
        self.require_strike()
        self.disk.heal()
        self.kill_all()
        if self.scenario.kept is not None:
            self.cut_power()
        return {**wrong, **self.judge()}

    # What came of it.

    def judge(self):
        checked = subprocess.run([self.program, "store", "check", self.store], capture_output=True, text=True, timeout=DEADLINE, check=False)
        if checked.returncode != 0:
            self.told.append(f"store check: {(checked.stdout + checked.stderr).strip()}")
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
            lives[client] = [self.read_through(node, client, last)]
        up = {}
        if self.writers:
            self.write([node], 1)
            self.wait_until_printed(self.writers[-1].fed[-1])
            up = judge_uplink([(writer.fed, writer.safe) for writer in self.writers], read_printed(self.printed)[0])
            self.writers[-1].kill()
        code = node.stop(DEADLINE)
        if code != 0 and not self.told:
            raise RuntimeError(f"the last node ended with {code}")
        self.told += [f"log: {line}" for line in self.says(node, "new life")]
        self.told += [f"{client}: reset {event[1]}" for client in lives for event in lives[client][0] if event[0] == "reset"]
        return self.verdict({**judge_downlink(self.sends, lives), **{f"up: {fault}": count for fault, count in up.items()}})

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


def on(call, ending, how, count):
    """From the Nth call on a file of the store, `count` calls; 0 is for ever."""
    return lambda number: [(call, f"*/gapless.db{ending}", how, number, count)]


def everywhere(how):
    """No call that changes anything works any more, on any file of the store."""
    return lambda number: [(call, "*/gapless.db*", how, number, 0) for call in ("write", "truncate")]


def on_state(call, how, count):
    return lambda number: [(call, "*/alice-phone.state*", how, number, count)]


def cut_log(trial):
    """Cuts the write-ahead log off: to nothing, within its header, within its first frame, and to N tenths."""
    size = os.path.getsize(f"{trial.store}-wal")
    os.truncate(f"{trial.store}-wal", {0: 0, 1: 20, 2: 32, 3: 2_000}.get(trial.number, size * (trial.number - 3) // 10))


def remove(ending):
    return lambda trial: os.remove(trial.store + ending)


def damage_log(trial):
    """Changes a byte of the write-ahead log, in its Nth tenth."""
    with open(f"{trial.store}-wal", "r+b") as file:
        place = os.path.getsize(file.name) * trial.number // 10 - 100
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 0x55]))


# A disk that lies where it must not: whoever runs this without finding a fault sees nothing.
PLANTED = Scenario("a sync that lies unseen", on("sync", "-wal", "lie", 0), is_healed=False)
LARGE = {"payload": 400_000}  # Enough for the log to be moved into the database.
ONE_TO = {count: range(1, count + 1) for count in (2, 3, 4, 5, 6, 9)}

SCENARIOS = [
    # No receipt after a failed sync: what was accepted survives the power cut that follows, what was refused does not come back to life.
    Scenario("a sync of the log fails once", on("sync", "-wal", "EIO", 1), ONE_TO[5]),
    Scenario("a sync of the log fails once, and some of it is written all the same", on("sync", "-wal", "EIO", 1), ONE_TO[5], kept=60),
    Scenario("a sync of the log fails once under one of two processes", on("sync", "-wal", "EIO", 1), ONE_TO[3], nodes=2),
    Scenario("syncs of the log fail until the disk is well again", on("sync", "-wal", "EIO", 0), ONE_TO[3]),
    Scenario("syncs of the log fail until the end", on("sync", "-wal", "EIO", 0), ONE_TO[3], is_healed=False),
    Scenario("a sync of the log fails once while messages go up", on("sync", "-wal", "EIO", 1), ONE_TO[9], is_uplink_used=True),
    Scenario("syncs of the log fail for a while as messages go up to two processes", on("sync", "-wal", "EIO", 0), ONE_TO[5], nodes=2, is_uplink_used=True),
    # Writes.
    Scenario("a write to the log fails once", on("write", "-wal", "EIO", 1), ONE_TO[9]),
    Scenario("a write to the log fails once under one of two processes", on("write", "-wal", "EIO", 1), ONE_TO[5], nodes=2, kept=60),
    Scenario("writes to the log fail until the disk is well again", on("write", "-wal", "EIO", 0), ONE_TO[5]),
    Scenario("writes to the log are short until nothing more fits", on("write", "-wal", "short", 0), ONE_TO[5], kept=60),
    Scenario("the disk is full until there is room", everywhere("ENOSPC"), ONE_TO[5]),
    Scenario("the disk is full until there is room, with two processes", everywhere("ENOSPC"), ONE_TO[5], nodes=2),
    Scenario("the disk is full until there is room, while messages go up", everywhere("ENOSPC"), ONE_TO[5], is_uplink_used=True),
    Scenario("a small disk is full, and then read-only", flow=Trial.small_disk, payload=20_000),
    Scenario("the disk is read-only for a while", everywhere("EROFS"), ONE_TO[5]),
    # The log is moved into the database.
    Scenario("a write to the database fails while the log is moved", on("write", "", "EIO", 1), ONE_TO[4], **LARGE),
    Scenario("the sync of the database fails while the log is moved", on("sync", "", "EIO", 1), **LARGE),
    Scenario("nothing can be written to the database, ever", on("write", "", "ENOSPC", 0), is_healed=False, kept=60, **LARGE),
    # The beginning, and the file beside the database.
    Scenario("the first start fails at a write", on("write", "*", "EIO", 0), ONE_TO[9], is_at_start=True),
    Scenario("the first start fails at a sync", on("sync", "*", "EIO", 0), ONE_TO[6], is_at_start=True),
    Scenario("the progress file cannot be written", on("write", "-progress*", "EIO", 0), is_at_start=True),
    Scenario("the progress file cannot be synced", on("sync", "-progress*", "EIO", 0), is_at_start=True),
    # A disk that lies: what is gone may be gone, never in silence.
    # What nobody got before a power cut takes it away from a disk that lied throughout is known to nobody: so somebody gets it before.
    Scenario("a sync of the log lies, and the next one is honest", on("sync", "-wal", "lie", 1), ONE_TO[5]),
    Scenario("all syncs of the log lie before a power cut", on("sync", "-wal", "lie", 0), ONE_TO[5], may_lose=True, is_healed=False, is_read=True),
    Scenario("all syncs of all files lie before a power cut", on("sync", "*", "lie", 0), ONE_TO[5], may_lose=True, is_healed=False, is_read=True),
    Scenario("all syncs of the log lie, and some of it is written", on("sync", "-wal", "lie", 0), ONE_TO[5], may_lose=True, is_healed=False, is_read=True,
             kept=50),
    Scenario("a write to the log is dropped", on("write", "-wal", "lie", 1), ONE_TO[9], may_lose=True, kept=None),
    Scenario("a write to the log is torn", on("write", "-wal", "torn", 1), ONE_TO[9], may_lose=True, kept=None),
    Scenario("a write to the database is dropped while the log is moved", on("write", "", "lie", 1), ONE_TO[4], may_lose=True, **LARGE),
    Scenario("the sync of the database lies while the log is moved", on("sync", "", "lie", 0), may_lose=True, **LARGE),
    # Files that are not what they were.
    Scenario("the log is cut off", numbers=range(0, 13), kept=None, may_lose=True, is_struck=False, change=cut_log),
    Scenario("the log is damaged", numbers=ONE_TO[9], kept=None, may_lose=True, is_struck=False, change=damage_log),
    Scenario("the log is removed", kept=None, may_lose=True, is_struck=False, change=remove("-wal")),
    Scenario("the log is removed while nodes work", nodes=2, kept=None, is_struck=False, is_healed=False, meanwhile=remove("-wal")),
    Scenario("the log is cut off while a node works", numbers=range(0, 13), kept=None, may_lose=True, is_struck=False, is_healed=False, meanwhile=cut_log),
    Scenario("the index of the log is removed", kept=None, is_struck=False, change=remove("-shm")),
    Scenario("a copy of the store is put back", numbers=ONE_TO[6], flow=Trial.put_back),
    # The client's disk.
    Scenario("the client cannot write its state", on_state("write", "EIO", 0), ONE_TO[5], flow=Trial.save_in_vain),
    Scenario("the client's disk is full", on_state("write", "short", 0), ONE_TO[5], flow=Trial.save_in_vain),
    Scenario("the client cannot sync its state", on_state("sync", "EIO", 0), ONE_TO[5], flow=Trial.save_in_vain),
    Scenario("the client cannot sync its state, and some of it is written", on_state("sync", "EIO", 1), ONE_TO[5], flow=Trial.save_in_vain, kept=50),
]


def run_one(options, library, scenario, number, seed):
    """Whether nothing is wrong."""
    trial = Trial(options, library, scenario, number, seed)
    try:
        wrong = trial.run()
    except Skipped as reason:
        print(f"  {scenario.name}: skipped, {reason}", flush=True)
        wrong = {}
    except Exception as error:  # whatever it is, the scenario failed
        wrong = {"FAILED": "".join(traceback.format_exception_only(error)).strip()}
        if not isinstance(error, RuntimeError):
            traceback.print_exc()
    finally:
        trial.clean()
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
        planted.clean()
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
