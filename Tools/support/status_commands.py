"""What the commands make of answers that no real node gives on demand, and of an output that takes nothing; parts of `commands.py`."""

import http.server
import json
import os
import signal
import subprocess
import threading
import time

from fleet_commands import Screen
from program_judge import DEADLINE, shown

NOBODY = (404, {"error": {"code": "noSuchClient", "message": "There is no such client."}})
UNKNOWN = (503, {"error": {"code": "unknown", "message": "It may have been removed."}})
LOST = (None, None)  # The connection ends instead of an answer.


class Pretender:
    """Something at an address of a node: it gives the same answer to every call of a method and path, and 200 with `others` else."""

    def __init__(self, answers, others=None):
        self.asked, self.gate = [], threading.Event()
        pretender = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                pretender.asked.append(f"{self.command} {self.path}")
                status, body = next((answers[beginning] for beginning in answers if pretender.asked[-1].startswith(beginning)), (200, others))
                if status == "waits":
                    pretender.gate.wait(DEADLINE)
                    status, body = LOST
                if status is None:
                    self.close_connection = True
                    return
                text = (body if isinstance(body, str) else json.dumps(body or {})).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def until(fits):
    """Waits until it fits, and tells whether that came."""
    deadline = time.monotonic() + DEADLINE
    while not fits() and time.monotonic() < deadline:
        time.sleep(0.02)
    return fits()


def statuses(judge):
    """One exit code for each status, whatever is asked; the next address where that helps; and what a lost answer may have done."""
    node = judge.node("statuses")
    commands = {"queue list": ["queue", "list"], "queue show": ["queue", "show", "a"], "queue remove": ["queue", "remove", "a"], "node list": ["node", "list"],
                "node cordon": ["node", "cordon", "statuses"]}
    for status, code in ((400, 65), (409, 65), (413, 65), (429, 75), (503, 75), (500, 69), (502, 69), (504, 69), (301, 69)):
        with Pretender({"": (status, {"error": {"code": "x", "message": f"said {status}"}})}) as one:
            for title, command in commands.items():
                done = judge.run(*command, "--admin", one.url)
                judge.expect(f"{title} where a node says {status}", done.returncode == code and f"said {status}" in done.stderr, shown(done))
    for status in (429, 500, 502, 503, 504):
        with Pretender({"": (status, {})}) as one:
            for title in ("queue list", "node list", "node cordon"):
                done = judge.run(*commands[title], "--admin", one.url, "--admin", node.admin_url)
                judge.expect(f"{title} where the first node says {status}", done.returncode == 0, shown(done))
    judge.run("node", "uncordon", "statuses", "--wait", "--admin", node.admin_url)
    for first, code in ((UNKNOWN, 0), (LOST, 0), ((500, {}), 0), ((429, {}), 65), (NOBODY, 65)):
        with Pretender({"DELETE": first}) as one, Pretender({"DELETE": NOBODY}) as other:
            done = judge.run("queue", "remove", "a", "--admin", one.url, "--admin", other.url)
            judge.expect(f"queue remove: {first[0]}, and then 404", done.returncode == code, shown(done))
    with Pretender({"POST": LOST}) as one:
        done = judge.run("node", "cordon", "statuses", "--wait", "--admin", one.url, "--admin", node.admin_url)
        judge.expect("node cordon where the first answer is lost", done.returncode == 0 and "cordoned" in done.stderr, shown(done))
    judge.stops(node)


def outputs(judge):
    """Results that do not arrive are no success."""
    node = judge.node("outputs")
    at = ["--admin", node.admin_url]
    judge.run("send", *at, "--to", "alice/phone", "x")
    commands = (["node", "list", *at], ["node", "list", *at, "--json"], ["queue", "list", *at], ["queue", "list", *at, "--json"],
                ["queue", "show", *at, "alice/phone"], ["top", "--once", *at, "--interval", "200ms"], ["store", "info", judge.path("outputs.db")],
                ["store", "check", judge.path("outputs.db")], ["node", "uncordon", *at, "outputs", "--json"])
    for command in commands:
        with open("/dev/full", "wb") as full:
            done = subprocess.run([judge.program, *command], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE,
                                  check=False, env=judge.environment)
        judge.expect(f"{' '.join(command[:2])} to a full disk", done.returncode == 74 and "standard output cannot be written" in done.stderr,
                     f"exit {done.returncode}, {done.stderr}")
    judge.stops(node)


def orders(judge):
    """Orders from top that are still under way when it ends, and a terminal that takes nothing."""
    nodes = {"nodes": [{"name": "slow", "state": "serving", "age": 0, "notReady": []}]}

    def watch(url, words):
        screen = Screen([judge.program, "top", "--admin", url, "--interval", "200ms"], judge.environment)
        judge.running.append(screen)
        judge.expect("top shows the node", screen.shows("1 of 1 addresses answer") and screen.shows(words), screen.written[-600:])
        return screen

    def confirms(screen, keys, question):
        place = screen.press(keys)
        judge.expect("top asks", screen.shows(question, place), screen.written[place:])
        return screen.press("y")

    with Pretender({"POST": ("waits", None)}, nodes) as one:
        for end in ("q", "\x03", signal.SIGTERM):
            screen = watch(one.url, "slow")
            confirms(screen, "d", "Drain slow?")
            judge.expect("the order is under way", until(lambda: any(asked.startswith("POST") for asked in one.asked)), one.asked)
            one.asked.clear()
            if isinstance(end, str):
                screen.press(end)
            else:
                screen.process.send_signal(end)
            code, same = screen.end()
            judge.expect(f"top ends with an order under way ({end!r}), and says so", (code, same) == (0, True)
                         and b"it is not known whether slow was told to drain" in screen.written, f"exit {code}, restored {same}, {screen.written[-300:]}")

    node = judge.node("brief")
    screen = watch(node.admin_url, "brief")
    place = confirms(screen, "d", "Drain brief?")
    screen.press("q")
    code, same = screen.end()
    judge.expect("an order that was confirmed a moment before the end is given", (code, same) == (0, True) and b"brief was told to drain" in screen.written[place:],
                 f"exit {code}, restored {same}, {screen.written[-300:]}")
    judge.expect("and obeyed", node.process.wait(DEADLINE) == 0, node.process.returncode)

    # A terminal that takes nothing for a while, and a person who presses keys all the same.
    with Pretender({}, nodes) as one:
        screen = watch(one.url, "slow")
        os.set_blocking(screen.keyboard, False)
        for _ in range(12_000):
            try:
                os.write(screen.keyboard, b"\x0c")
            except BlockingIOError:
                time.sleep(0.001)
        screen.process.send_signal(signal.SIGTERM)
        os.set_blocking(screen.keyboard, True)
        code, same = screen.end()
        judge.expect("SIGTERM while the terminal takes nothing", (code, same) == (0, True), f"exit {code}, restored {same}")
