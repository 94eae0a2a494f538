#!/usr/bin/env python3
"""Lines through `gapless connect` to a backend in Python over webhooks, while that process, both nodes and the backend are killed at random.

The backend writes down what it handles, and answers each message with one reply. Now and then it fails, hangs for longer than nodes wait, or cuts its
answer off. What was said to be safe has to be handled at least once and in order, and each reply has to reach the client once, however often its
message was posted. Calls about events have to come in order, each under its own number and none left out; in each, clients attach and detach in order.
"""

import argparse
import collections
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from backend import Backend  # noqa: E402
from judge import judge_uplink, read_events, read_printed, shown  # noqa: E402
from nodes import Node, add_options  # noqa: E402
from uplink import Uplink  # noqa: E402


def judge_replies(printed, received, mark):
    """Compares the replies that the client got, [text], with the messages that were handled; those through the mark have one each."""
    outboxes = {outbox for outbox, _, _ in printed}
    wanted = {f"reply {outbox} {number}" for outbox in outboxes for number in range(1, mark + 1)}
    return {"replies lost": len(wanted - set(received)), "replies twice": len(received) - len(set(received)),
            "replies invented": len(set(received) - wanted)}


def judge_events(records):
    """What is wrong with what the backend was told beside messages."""
    calls = [record for record in records if record["event"] == "call"]
    contents, numbers, last = {}, {}, {}
    faults = {"unverified": sum(record["event"] == "unverified" for record in records),
              "wrong keys": sum(record["event"] == "wrong key" for record in records),
              "events dropped": 0, "calls out of order": 0, "events out of order": 0}
    for call in calls:
        life, content = f"{call['node']}/{call['incarnation']}", json.dumps(call["events"])
        faults["wrong keys"] += call["key"] != f"{life}/{call['call']}"
        if call["key"] in contents:
            # An answer got lost, and the call came again.
            faults["wrong keys"] += contents[call["key"]] != content
            faults["calls out of order"] += call["call"] != numbers.get(life)
            continue
        contents[call["key"]] = content
        faults["calls out of order"] += call["call"] != numbers.get(life, 0) + 1
        numbers[life] = call["call"]
        faults["events dropped"] += call.get("dropped", 0)
        for event in call["events"]:
            if "generation" not in event:
                continue
            place = (event["generation"], event["event"] == "detached")
            faults["events out of order"] += place <= last.get((life, event["client"]), (0, True))
            last[life, event["client"]] = place
    kinds = {event["event"] for call in calls for event in call["events"]}
    return faults | {"kinds of events missing": len({"attached", "detached"} - kinds)}


class Webhooks(Uplink):
    name = "webhooks"

    def __init__(self, options, rng, folder):
        super().__init__(options, rng, folder)
        self.backend = Backend(folder, options.seed).start()
        self.output = self.backend.output
        self.nodes = [Node(options.program, node.name, node.store, folder, self.backend.options) for node in self.nodes]
        self.received = os.path.join(folder, "received.jsonl")
        self.kills["backend"] = 0

    def pause(self):
        """Between two bursts the backend goes down now and then, for a while."""
        super().pause()
        if self.rng.random() < 0.1:
            self.backend.require_running()
            self.backend.kill()
            self.kills["backend"] += 1
            time.sleep(self.rng.uniform(0, 0.5))
            self.backend.start()

    def run(self):
        codes = self.strike_all()
        printed, _ = read_printed(self.output)
        lives = [(life.fed, life.safe) for life in self.lives]
        mark = max((number for _, number, _ in printed), default=0)
        received = [event[2] for event in read_events(self.received) if event[0] == "message"]
        records = self.backend.records()
        faults = judge_uplink(lives, printed) | judge_replies(printed, received, mark) | judge_events(records)
        mishaps = collections.Counter(record["what"] for record in records if record["event"] == "mishap")
        again = len(printed) - mark + sum(record["event"] == "again" for record in records)
        safe = sum(count for _, count in lives)
        print(f"said to be safe {safe}, handled {mark}, posted again {again}, replies {len(received)}, {shown(faults)}; "
              + ", ".join(f"{what} {count}" for what, count in sorted(mishaps.items()))
              + f"; safe and unsent at a kill {self.unsent}; SIGKILLs "
              + ", ".join(f"{name} {count}" for name, count in self.kills.items()) + f"; exit codes {codes}; seed {self.options.seed}", flush=True)
        # A trial in which nothing was at stake proves nothing.
        return not any(faults.values()) and codes == [0, 0] and self.unsent > 0 and safe > 0 and self.kills["backend"] > 0

    def clean(self):
        super().clean()
        if self.backend.is_running:
            self.backend.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--lives", type=int, default=4, help="how many processes are killed")
    return Webhooks.conduct(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
