#!/usr/bin/env python3
"""Checks the test vectors: their shape, their names, and that each rule of Protocol.md has one. Usage: check-vectors.py [FOLDER]

The format is described in vectors/README.md. `minimal-client.py` reads the frames that come down, to show that another language can.
"""

import importlib.util
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

COMMON = {"name", "rules", "section"}
FIELDS = {
    "frame": {"direction", "bytes", "binary", "limit", "is", "close", "ignored", "canonical"},
    "attach": {"hello", "queue", "time", "is"},
    "server": {"settings", "time", "steps"},
    "client": {"settings", "state", "attached", "steps"},
    "handshake": {"settings", "request", "status", "answer", "token", "gets", "direction", "url", "refused"},
    "statement": {"why", "shownBy"},
}
# Each verb of a step with the fields that may stand beside it.
DONE = {
    "server": {
        "open": {"node"}, "hello": {"node"}, "up": {"binary"}, "gone": set(), "pass": set(), "stall": set(),
        "send": {"to", "ttl", "binary"}, "return": set(), "throw": set(), "store": set(), "copy": set(), "restore": set(),
        "life": set(), "remove": {"code", "at"}, "sendAway": {"code", "for", "at"}, "letIn": {"at"}, "drain": {"wait", "spread", "within", "endpoints"},
        "cordon": set(), "uncordon": set(), "overload": set(), "relieve": set(), "rebalance": set(), "socket": set(), "kill": set(),
    },
    "client": {
        "start": set(), "leave": set(), "end": set(), "takeOver": set(), "opened": {"subprotocol"}, "failed": {"retryAfter"},
        "welcome": set(), "down": {"binary"}, "close": {"with", "closeFrame"}, "closed": set(), "send": {"binary"}, "handle": set(),
        "pass": set(), "stall": set(), "saved": set(), "token": set(), "noToken": set(), "probe": set(), "restart": set(),
    },
}
EXPECTED = {
    "server": {
        "welcome": {"without"}, "down": {"binary"}, "close": {"with", "without"}, "dropped": set(),
        "handler": {"number", "outbox", "client", "binary"}, "cancelled": set(), "queue": {"is"}, "refused": set(), "nothing": set(),
    },
    "client": {
        "connect": {"within", "to"}, "hello": {"without"}, "up": {"binary"}, "closes": set(), "message": set(), "gap": set(),
        "reset": set(), "mayRepeat": set(), "confirmed": set(), "discarded": set(), "asked": set(), "stopped": set(), "idle": set(),
        "record": {"without"}, "refused": set(), "nothing": set(), "noConnect": set(),
    },
}


def bytes_of(value):
    """The bytes that a vector writes."""
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, list):
        return b"".join(bytes_of(part) for part in value)
    if isinstance(value, dict) and len(value) == 1:
        if "hex" in value:
            return bytes.fromhex(value["hex"])
        if "repeat" in value:
            unit, count = value["repeat"]
            return bytes_of(unit) * count
    raise ValueError(f"no bytes: {value}")


def rules(text):
    """Each rule of Protocol.md with the section that it stands in."""
    found, section, fenced = {}, "", False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        heading = re.match(r"#{2,} ([0-9]+(?:\.[0-9]+)?)[. ]", line)
        if heading:
            section = heading.group(1)
        for rule in re.findall(r"\[(R[0-9.]+-[0-9]+)\]", line):
            found.setdefault(rule, section)
    return found


def check_steps(kind, steps):
    if not isinstance(steps, list) or not steps:
        yield "has no steps"
        return
    if not any(verb in step for step in steps for verb in EXPECTED[kind]):
        yield "expects nothing"
    verbs = {**DONE[kind], **EXPECTED[kind]}
    for number, step in enumerate(steps, 1):
        found = [key for key in step if key in verbs]
        # `close` and `up` are done by one side and expected of the other, never both in one kind.
        if len(found) != 1:
            yield f"step {number} has not one verb: {step}"
            continue
        unknown = set(step) - {found[0], "on"} - verbs[found[0]]
        if unknown:
            yield f"step {number} has unknown fields: {sorted(unknown)}"


def check(kind, vector, known):
    missing = COMMON - set(vector)
    if missing:
        yield f"lacks {sorted(missing)}"
        return
    unknown = set(vector) - COMMON - FIELDS[kind]
    if unknown:
        yield f"has unknown fields: {sorted(unknown)}"
    if not vector["rules"]:
        yield "names no rule"
    for rule in vector["rules"]:
        if rule not in known:
            yield f"names {rule}, which is no rule"
    if vector["section"] not in {known.get(rule) for rule in vector["rules"]}:
        yield f"stands in section {vector['section']}, where none of its rules is"
    if kind == "frame":
        if vector.get("direction") not in ("up", "down"):
            yield "is neither up nor down"
        if sum(key in vector for key in ("is", "close", "ignored")) != 1:
            yield "is not exactly one of good, bad and ignored"
        for key in ("bytes", "canonical"):
            if key in vector:
                bytes_of(vector[key])
    elif kind in ("server", "client"):
        yield from check_steps(kind, vector.get("steps"))
    elif kind == "attach" and not ({"resume", "close"} & set(vector.get("is", {}))):
        yield "says neither what becomes of the position nor why it is refused"


def load_client():
    sys.dont_write_bytecode = True
    path = os.path.join(HERE, "minimal-client.py")
    spec = importlib.util.spec_from_file_location("minimal_client", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Anything:
    """Stands for a number of which nothing is expected: the next one always follows it."""

    def __lt__(self, other):
        return True

    def __add__(self, other):
        return Unreached()


class Unreached:
    def __lt__(self, other):
        return False


class Reader:
    """What `Client.frame` of minimal-client.py works on: takes down what it was told, and does nothing."""

    def __init__(self, module):
        self.module, self.read, self.taken = module, {}, Anything()
        self.newest, self.opening, self.state = self, None, self
        # The connection: it is the client too.
        self.epoch, self.welcomed, self.error, self.die_at, self.token_sent = "e", True, None, None, None

    def frame(self, binary, data):
        if data.startswith(b"WELCOME"):
            self.welcomed, self.opening = False, self
        self.module.Client.frame(self, self, binary, data)
        if self.error:
            self.read = {"frame": "ERROR", **self.error}
        return self.read

    def take_message(self, seq, at, payload, binary):
        self.read = {"frame": "MSG", "seq": seq, "time": at, "payload": bytes(payload), "binary": binary}

    def take_gap(self, first, last, reason):
        self.read = {"frame": "GAP", "to": last, "reason": reason}

    def uplink_acknowledged(self, connection, seq):
        self.read = {"frame": "ACK", "seq": seq}

    def welcome(self, connection, fields):
        self.read = {"frame": "WELCOME", **fields}

    def drain(self, connection, within, endpoints):
        self.read = {"frame": "DRAIN", "within": round(within * 1000)}

    def usable(self, urls, connection):
        return urls

    def token(self):
        return None

    def send(self, frame):
        self.read = {"frame": "PING", "n": int(frame.split(b" ")[1])}


def read_frames(frames):
    """Lets minimal-client.py read every frame that comes down."""
    module, count, faults = load_client(), 0, []
    for file_name, vector in frames:
        if vector["direction"] != "down":
            continue
        count += 1
        reader, outcome = Reader(module), "good"
        try:
            read = reader.frame(vector.get("binary", False), bytes_of(vector["bytes"]))
        except (module.Malformed, UnicodeDecodeError):
            outcome = "bad"
        if outcome != ("bad" if "close" in vector else "good"):
            faults.append(f"{file_name}: {vector['name']}: minimal-client.py finds it {outcome}")
        elif outcome == "good" and "is" in vector:
            expected = dict(vector["is"])
            if "payload" in expected:
                expected["payload"] = bytes_of(expected["payload"])
            if read.get("frame") == "MSG":
                expected.setdefault("binary", False)
            if any(key in expected and read[key] != expected[key] for key in read):
                faults.append(f"{file_name}: {vector['name']}: minimal-client.py reads {read}")
        elif outcome == "good" and "ignored" in vector and read:
            faults.append(f"{file_name}: {vector['name']}: minimal-client.py does not ignore it")
    return count, faults


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "vectors")
    with open(os.path.join(ROOT, "Protocol.md"), encoding="utf-8") as file:
        known = rules(file.read())
    faults, names, named, count, frames = [], {}, set(), 0, []
    for file_name in sorted(os.listdir(folder)):
        if not file_name.endswith(".json"):
            continue
        with open(os.path.join(folder, file_name), encoding="utf-8") as file:
            content = json.load(file)
        kind = content.get("kind")
        if set(content) != {"format", "kind", "vectors"} or content["format"] != "gapless-vectors/1" or kind not in FIELDS:
            faults.append(f"{file_name}: not of the format gapless-vectors/1")
            continue
        for vector in content["vectors"]:
            name = vector.get("name", "?")
            if name in names:
                faults.append(f"{file_name}: {name}: stands in {names[name]} too")
            names[name] = file_name
            count += 1
            named.update(vector.get("rules", []))
            try:
                faults += [f"{file_name}: {name}: {fault}" for fault in check(kind, vector, known)]
            except (ValueError, TypeError, AttributeError) as error:
                faults.append(f"{file_name}: {name}: {error}")
            if kind == "frame":
                frames.append((file_name, vector))
    faults += [f"no vector names {rule}" for rule in known if rule not in named]
    if not faults:
        read, wrong = read_frames(frames)
        faults += wrong
        print(f"{count} vectors, {len(named)} rules, {read} frames read in Python: {'faults' if faults else 'clean'}")
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
