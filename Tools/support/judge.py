"""Compares what was accepted with what was handled, from logs alone. It knows nothing of the program but what it promises.

Down: `Send`s say what publishers were told, lives say what clients handled, in the order in which they did. A life is one client process, or, for a
client with a state file and exact output, all of its processes: a list of ("message", number, text), ("gap", first, last, reason) and
("reset", reason). Up: see judge_uplink.
"""

import dataclasses
import json

DOWN = ("lost", "duplicated", "out of order", "invented", "refused and stored", "unreported gap", "unjust gap", "another text under a number",
        "another epoch", "reset")


@dataclasses.dataclass
class Send:
    """A text that a publisher gave to a node; publishers never use a text twice."""

    client: str
    text: str
    fate: str  # "accepted", "refused" (nothing happened), "unknown" (either)
    publisher: str = ""
    number: int | None = None  # Of the receipt, where the publisher saw one.
    epoch: str | None = None


def judge_downlink(sends, lives, kept=None, may_expire=False):
    """Gives {fault: how many}.

    sends: in the order in which each publisher sent. lives: {client: [life, ...]}. kept: how many messages a queue is allowed to keep, when it
    may drop older ones.
    """
    faults = dict.fromkeys(DOWN, 0)
    by_client = {}
    for send in sends:
        by_client.setdefault(send.client, []).append(send)
    for client in by_client.keys() | lives.keys():
        walk = Walk(faults)
        for life in lives.get(client, []):
            walk.live(life)
        walk.check_gaps(kept, may_expire)
        walk.check_sends(by_client.get(client, []))
    return faults


class Walk:
    """Follows one client's numbers through its lives."""

    def __init__(self, faults):
        self.faults = faults
        self.covered = 0  # Everything up to here was handled or told to be gone.
        self.texts = {}  # number: text
        self.gaps = []  # (first, last, reason)

    def live(self, life):
        position = None
        for event in life:
            if event[0] == "reset":
                self.faults["reset"] += 1
                continue
            first, last = (event[1], event[1]) if event[0] == "message" else (event[1], event[2])
            # A new process may get again what the one before it handled and did not acknowledge.
            start = min(first, self.covered + 1) if position is None else position + 1
            if first > start:
                self.faults["unreported gap"] += first - start
            elif first < start:
                self.faults["duplicated"] += min(last, start - 1) - first + 1
            position = max(last, position or 0)
            self.covered = max(self.covered, position)
            if event[0] == "gap":
                self.gaps.append(event[1:])
            elif self.texts.setdefault(first, event[2]) != event[2]:
                self.faults["another text under a number"] += 1

    def check_gaps(self, kept, may_expire):
        for first, last, reason in self.gaps:
            if reason == "expired" and may_expire:
                continue
            # What the queue has room for is not dropped.
            newest = self.covered - kept if reason == "overflow" and kept is not None else 0
            self.faults["unjust gap"] += max(0, last - max(first - 1, newest))

    def check_sends(self, sends):
        known = {send.text: send for send in sends}
        places = {}
        for number, text in self.texts.items():
            self.faults["invented"] += text not in known
            self.faults["refused and stored"] += text in known and known[text].fate == "refused"
            self.faults["duplicated"] += text in places
            places.setdefault(text, number)
        gone = {number for first, last, _ in self.gaps for number in range(first, last + 1)} - self.texts.keys()
        self.faults["another epoch"] += max(0, len({send.epoch for send in sends if send.epoch is not None}) - 1)
        newest, unnumbered = {}, 0
        for send in sends:
            place = places.get(send.text)
            if place is not None:
                self.faults["out of order"] += place < newest.get(send.publisher, 0)
                newest[send.publisher] = max(place, newest.get(send.publisher, 0))
                self.faults["another text under a number"] += send.number not in (None, place)
            elif send.fate == "accepted" and send.number is None:
                unnumbered += 1
            elif send.fate == "accepted":
                self.faults["lost"] += send.number not in gone
                gone.discard(send.number)
        # Of those nobody knows the number: as many as gaps have room for may be gone.
        self.faults["lost"] += max(0, unnumbered - len(gone))


def write_sends(path, sends):
    """Writes what publishers were told to a file, a line for each send."""
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(dataclasses.asdict(send)) + "\n" for send in sends)


def read_sends(path):
    with open(path, encoding="utf-8") as file:
        return [Send(**json.loads(line)) for line in file]


def read_events(path):
    """The life of a `gapless connect --format json` that wrote to the file. A torn last line is no event."""
    life = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break
            event = json.loads(line)
            if "gap" in event:
                life.append(("gap", event["gap"]["from"], event["gap"]["to"], event["gap"]["reason"]))
            elif "reset" in event:
                life.append(("reset", event["reset"]["reason"]))
            else:
                life.append(("message", event["seq"], event["text"]))
    return life


def read_crowd(output, errors):
    """{client: life} of a `gapless crowd`: messages from its output, gaps and resets from its errors.

    The two have no common order, so a gap is put where its numbers belong. What does not fit then is found by whoever walks the life.
    """
    lives, gaps = {}, {}
    with open(errors, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if line.endswith("\n") and len(words) == 4 and words[0] == "gap":
                first, _, last = words[2].partition("-")
                gaps.setdefault(words[1], []).append(("gap", int(first), int(last or first), words[3]))
            elif line.endswith("\n") and len(words) == 3 and words[0] == "reset":
                lives.setdefault(words[1], []).append(("reset", words[2]))
    with open(output, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break
            client, number, text = line.rstrip("\n").split(" ", 2)
            waiting = gaps.get(client, [])
            while waiting and waiting[0][1] < int(number):
                lives.setdefault(client, []).append(waiting.pop(0))
            lives.setdefault(client, []).append(("message", int(number), text))
    for client, waiting in gaps.items():
        lives.setdefault(client, []).extend(waiting)
    return lives


# Up.

UP = ("lost", "invented", "out of order", "another text under a number", "a text under two numbers", "another outbox")


def judge_uplink(lives, printed):
    """Compares lives, [(lines fed, how many of them were said to be safe)], with the printed [(outbox, number, text)]."""
    faults = dict.fromkeys(UP, 0)
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


def read_printed(path):
    """What the nodes' handlers printed, and how many lines a node that was killed left in pieces before the next one."""
    printed, torn = read_events_printed(path)
    return [(event["outbox"], event["seq"], event["text"]) for event in printed], torn


def read_printed_by_client(path):
    """{client: what the nodes' handlers printed of it}."""
    printed = {}
    for event in read_events_printed(path)[0]:
        printed.setdefault(event["client"], []).append((event["outbox"], event["seq"], event["text"]))
    return printed


def read_events_printed(path):
    """The events of messages that the nodes printed, as they stand there, and the count of torn lines."""
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
            if isinstance(event, dict) and event.get("event") == "message":
                printed.append(event)
    return printed, torn


def shown(faults):
    """The faults in one line."""
    return ", ".join(f"{name} {count}" for name, count in faults.items())
