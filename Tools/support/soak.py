#!/usr/bin/env python3
"""Many clients on two nodes and one file, while either node is killed at random: nothing lost, nothing twice, everything in order.

A publisher sends numbered texts to all clients through both nodes and notes what was accepted; `gapless crowd` holds the clients in one
process and notes what each handler got. The notes are compared in the end. The judge is first shown notes with planted faults.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node  # noqa: E402


def judge(accepted, handled):
    """Compares {client: texts accepted} with {client: texts handled}; gives {fault: how many}."""
    faults = {"lost": 0, "doubled": 0, "out of order": 0, "invented": 0}
    for client in accepted.keys() | handled.keys():
        sent, got = accepted.get(client, []), handled.get(client, [])
        if sent == got:
            continue
        known, seen, last = {text: place for place, text in enumerate(sent)}, set(), -1
        for text in got:
            if text not in known:
                faults["invented"] += 1
            elif text in seen:
                faults["doubled"] += 1
            else:
                seen.add(text)
                faults["out of order"] += known[text] < last
                last = max(last, known[text])
        faults["lost"] += len(sent) - len(seen)
    return faults


def judge_judges():
    """Whether each kind of fault is seen when it is planted."""
    sent = {"a": ["1", "2", "3"]}
    cases = {"lost": ["1", "3"], "doubled": ["1", "2", "2", "3"], "out of order": ["2", "1", "3"], "invented": ["1", "2", "3", "4"]}
    return all(judge(sent, {"a": got})[fault] == 1 for fault, got in cases.items()) and not any(judge(sent, sent).values())


def settled(status, lines, count):
    """How many lines of a batch an answer says are stored; None when it settles nothing.

    A node that stored some lines and refused the next remembers just that under the key: the rest needs a new one.
    """
    if status != 200:
        return None
    stored = 0
    for line in lines:
        try:
            error = json.loads(line).get("error")
            if error is not None:
                return None if error["code"] == "unknown" else stored
        except ValueError:
            return None
        stored += 1
    return stored if stored == count else None


def settled_settles():
    """Whether each kind of answer is read as it is meant."""
    good, bad = b'{"deliveries":[]}', b'{"error":{"code":"full"}}'
    cases = [(200, [good, good], 2), (200, [good, bad], 1), (200, [bad, bad], 0), (200, [good], None), (200, [good, b"{"], None),
             (200, [good, b'{"error":{"code":"unknown"}}'], None), (503, [bad], None)]
    return all(settled(status, lines, 2) == stored for status, lines, stored in cases)


class Publisher(threading.Thread):
    """Sends batches in order, the same lines under the same key until a node says what became of them."""

    def __init__(self, nodes, clients, rng, rate):
        super().__init__(daemon=True)
        self.nodes, self.clients, self.rng, self.rate = nodes, clients, rng, rate
        self.accepted = {client: [] for client in clients}
        self.stopping = threading.Event()
        self.retries, self.count, self.failure = 0, 0, None

    def run(self):
        try:
            began = time.monotonic()
            while not self.stopping.is_set():
                batch = [(self.rng.choice(self.clients), f"{self.count + offset}") for offset in range(self.rng.randrange(1, 400))]
                self.count += len(batch)
                self.send(batch)
                ahead = self.count / self.rate - (time.monotonic() - began)
                if ahead > 0:
                    self.stopping.wait(ahead)
        except Exception as error:  # the main thread reports it
            self.failure = error

    def send(self, batch):
        key, turn, deadline = uuid.uuid4().hex, self.rng.randrange(2), time.monotonic() + 60
        while batch:
            node = self.nodes[turn % 2]
            body = "".join(json.dumps({"to": client, "text": text}) + "\n" for client, text in batch)
            try:
                host, port = node.admin.rsplit(":", 1)
                connection = http.client.HTTPConnection(host, int(port), timeout=15)
                connection.request("POST", "/v1/messages", body=body,
                                   headers={"Content-Type": "application/x-ndjson", "Idempotency-Key": key})
                answer = connection.getresponse()
                lines = answer.read().splitlines()
                connection.close()
                stored = settled(answer.status, lines, len(batch))
                problem = f"{answer.status} {lines[stored or 0:][:2]!r}"
                if stored is not None:
                    for client, text in batch[:stored]:
                        self.accepted[client].append(text)
                    batch, key = batch[stored:], uuid.uuid4().hex
                    if not batch:
                        return
                    if stored:
                        deadline = time.monotonic() + 60
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            self.retries += 1
            turn += 1
            if time.monotonic() > deadline:
                raise RuntimeError(f"no node accepts a batch: {problem}")
            time.sleep(self.rng.uniform(0, 0.2))


def read_notes(path):
    notes = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break
            client, _, text = line.rstrip("\n").split(" ", 2)
            notes.setdefault(client, []).append(text)
    return notes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--rate", type=float, default=3000, help="messages a second")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if not judge_judges() or not settled_settles():
        print("the judge does not see what it should")
        return 1
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="gapless-soak-")
    print(f"seed {seed}; {options.clients} clients; files in {folder}", flush=True)
    nodes, crowd, good = [], None, False
    clients = [f"user{number}/device" for number in range(options.clients)]
    try:
        store, handled = os.path.join(folder, "gapless.db"), os.path.join(folder, "handled.txt")
        room = ["--max-messages", "1000000", "--max-bytes", "1000000000"]
        nodes = [Node(options.program, name, store, folder, room).start() for name in ("a", "b")]
        with open(handled, "wb") as out, open(os.path.join(folder, "crowd.log"), "wb") as log:
            crowd = subprocess.Popen([options.program, "crowd", nodes[0].url, nodes[1].url, "--clients", str(options.clients)],
                                     stdin=subprocess.DEVNULL, stdout=out, stderr=log)
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
        publisher.stopping.set()
        publisher.join(120)
        if publisher.failure is not None or publisher.is_alive():
            raise RuntimeError(f"the publisher failed: {publisher.failure}")
        deadline, want = time.monotonic() + 120, publisher.count
        while time.monotonic() < deadline and sum(map(len, read_notes(handled).values())) < want:
            if crowd.poll() is not None:
                raise RuntimeError(f"the crowd ended with {crowd.returncode}; see crowd.log")
            time.sleep(0.3)
        time.sleep(1)
        crowd.send_signal(signal.SIGTERM)
        crowd.wait(60)
        faults = judge(publisher.accepted, read_notes(handled))
        with open(os.path.join(folder, "crowd.log"), "rb") as file:
            reported = sum(1 for line in file if line.startswith((b"gap ", b"reset ")))
        codes = [node.stop() for node in nodes]
        check = subprocess.run(["sqlite3", store, "PRAGMA integrity_check"], capture_output=True, text=True, check=False) if shutil.which("sqlite3") else None
        intact = check.stdout.strip() if check else "not asked (no sqlite3)"
        print(f"accepted {want}, handled {sum(map(len, read_notes(handled).values()))}, "
              + ", ".join(f"{name} {count}" for name, count in faults.items())
              + f", gaps and resets {reported}; SIGKILLs a {kills['a']}, b {kills['b']}; {publisher.retries} retries; "
              + f"exit codes {codes}; integrity {intact}; seed {seed}", flush=True)
        good = not any(faults.values()) and reported == 0 and codes == [0, 0] and intact in ("ok", "not asked (no sqlite3)")
    except RuntimeError as error:
        print(f"FAILED: {error}", flush=True)
    finally:
        if crowd is not None and crowd.poll() is None:
            crowd.kill()
            crowd.wait()
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
