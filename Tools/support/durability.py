#!/usr/bin/env python3
"""No receipt before its own fdatasync: a node under strace gets one send after the other, and the tracer's order is judged.

For each send the trace must show, after the request was read and before the answer was written, a finished fdatasync of the write-ahead
log. The judge is first shown a trace in which one sync is missing, and must find it.
"""

import argparse
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node  # noqa: E402

SYNC = re.compile(r"\bf(?:data)?sync\(\d+<[^>]*-wal>\)\s*=\s*0|<\.\.\. f(?:data)?sync resumed>\)\s*=\s*0")
REQUEST = re.compile(r"\b(?:read|recvfrom|recvmsg|readv)\(.*POST /v1/messages|<\.\.\. (?:read|recvfrom|recvmsg|readv) resumed>.*POST /v1/messages")
ANSWER = re.compile(r"\b(?:write|writev|sendto|sendmsg)\(.*HTTP/1\.1 20[0-9]")


def judge(lines, expected):
    """The faults of a trace that should hold `expected` sends, one after the other."""
    faults, answers, synced, asked = [], 0, 0, False
    for line in lines:
        if REQUEST.search(line):
            synced, asked = 0, True
        elif SYNC.search(line):
            synced += 1
        elif ANSWER.search(line) and asked:
            answers += 1
            if synced == 0:
                faults.append(f"answer {answers} was written before any sync")
            asked = False
    if answers != expected:
        faults.append(f"{answers} answers in the trace, {expected} sends")
    return faults


class TracedNode(Node):
    """A node whose system calls are written to a file."""

    def __init__(self, trace, *rest):
        super().__init__(*rest)
        self.trace = trace
        self.program = self.wrap(self.program)

    def wrap(self, program):
        path = os.path.join(self.folder, "traced")
        with open(path, "w", encoding="utf-8") as file:
            calls = "fdatasync,fsync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg"
            file.write(f'#!/bin/sh\nexec strace -D -f -y -s 64 -o "{self.trace}" -e trace={calls} "{program}" "$@"\n')
        os.chmod(path, 0o755)
        return path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--sends", type=int, default=40)
    options = parser.parse_args()

    good = ["1 read(9<TCP>, \"POST /v1/messages HTTP\"", "2 fdatasync(7</x/g.db-wal>) = 0", "1 write(9<TCP>, \"HTTP/1.1 200 OK\""]
    if judge(good * 2, 2) or not judge(good + [good[0], good[2]], 2) or not judge(good, 2):
        print("the judge does not see what it should")
        return 1

    if shutil.which("strace") is None:
        print("strace is missing")
        return 1
    folder = tempfile.mkdtemp(prefix="gapless-durability-")
    node = None
    try:
        trace = os.path.join(folder, "trace")
        node = TracedNode(trace, options.program, "a", os.path.join(folder, "gapless.db"), folder).start(60)
        host, port = node.admin.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        for number in range(options.sends):
            connection.request("POST", "/v1/messages", body=f'{{"to":"alice/phone","text":"message {number}"}}',
                               headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status // 100 != 2:
                print(f"send {number}: {answer.status}")
                return 1
        connection.close()
        node.stop()
        deadline = time.monotonic() + 10
        while not os.path.exists(trace) and time.monotonic() < deadline:
            time.sleep(0.05)
        with open(trace, encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
        faults = judge(lines, options.sends)
        syncs = sum(1 for line in lines if SYNC.search(line))
        print(f"{options.sends} sends, {syncs} finished syncs of the log, {len(faults)} faults")
        print("\n".join(faults[:10]))
        return 1 if faults else 0
    finally:
        if node is not None and node.is_running:
            subprocess.run(["pkill", "-KILL", "-P", str(node.process.pid)], check=False)
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
