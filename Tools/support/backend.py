"""A backend in Python for the webhooks of nodes, which verifies calls as the article says; run by itself it is one process that can be killed.

Usage: backend.py --port PORT --secret-file FILE --output FILE --events FILE [--seed N]

It writes each message that it handles to OUTPUT as `gapless serve` prints them, and answers with one reply. Now and then it fails or hangs before or
after that, or cuts its answer off. As the article says, it claims a message before it works for it, so that runs of one that overlap do it once.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# How long nodes wait for an answer, in seconds.
TIMEOUT = 0.5

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARTICLE = "Sources/GaplessServer/GaplessServer.docc/Webhooks.md"


def article_block(language, word):
    """The block of code of the article that is in this language and holds the word."""
    with open(os.path.join(ROOT, ARTICLE), encoding="utf-8") as file:
        blocks = [block for block in re.findall(rf"```{language}\n(.*?)```", file.read(), re.DOTALL) if word in block]
    if len(blocks) != 1:
        raise RuntimeError(f"{ARTICLE} has {len(blocks)} blocks of {language} with '{word}'")
    return blocks[0]


def article_verify():
    """The function of the article that verifies a call."""
    names = {}
    exec(compile(article_block("python", "verify"), ARTICLE, "exec"), names)  # pylint: disable=exec-used
    return names["verify"]


class Service(ThreadingHTTPServer):
    """What the backend has: where it writes, what it knows, and how often it fails."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, secrets, output, events, rng):
        super().__init__(("127.0.0.1", port), Handler)
        self.secrets, self.rng, self.verify, self.lock = secrets, rng, article_verify(), threading.Lock()
        self.claimed = set()
        self.output, self.events = open(output, "ab", buffering=0), open(events, "ab", buffering=0)

    def write(self, file, record):
        # One write is one line, whatever else is killed.
        with self.lock:
            file.write((json.dumps(record) + "\n").encode())

    def handle(self, name, record):
        """Does what a message is for, unless another run of it did; whether it was this one."""
        with self.lock:
            if name in self.claimed:
                return False
            self.claimed.add(name)
            self.output.write((json.dumps(record) + "\n").encode())
            return True

    def happens(self, share):
        with self.lock:
            return self.rng.random() < share


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, content=None, length=True, upto=None):
        """Answers; without a length, or with a part of the body, the connection ends then."""
        body = b"" if content is None else json.dumps(content).encode() + b"\n"
        self.close_connection = self.close_connection or not length or upto is not None
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:upto])

    def happens(self, what, share):
        if not self.server.happens(share):
            return False
        self.server.write(self.server.events, {"event": "mishap", "what": what})
        return True

    def hang(self, what):
        """Now and then it takes longer than anybody waits."""
        if self.happens(what, 0.004):
            time.sleep(2 * TIMEOUT)

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.verify(self.headers.get("Gapless-Signature", ""), body, self.server.secrets):
            self.server.write(self.server.events, {"event": "unverified"})
            return self.answer(401)
        call, kind = json.loads(body), self.headers["Gapless-Webhook"]
        if kind == "events":
            return self.take_events(call)
        return self.take_message(call) if kind == "message" else self.answer(404)

    def take_events(self, call):
        if self.server.happens(0.1):
            return self.answer(503)
        self.server.write(self.server.events, {"event": "call", "key": self.headers["Idempotency-Key"], **call})
        # Taken note of, and the node does not hear of it.
        if self.server.happens(0.05):
            return self.answer(502)
        return self.answer(204)

    def take_message(self, call):
        name = f"{call['client']}/{call['outbox']}/{call['sequence']}"
        if self.headers["Idempotency-Key"] != name:
            self.server.write(self.server.events, {"event": "wrong key"})
        if self.server.happens(0.03):
            return self.answer(500)
        self.hang("hung before")
        if not self.server.handle(name, {"event": "message", "client": call["client"], "outbox": call["outbox"], "seq": call["sequence"],
                                         "text": call["text"]}):
            self.server.write(self.server.events, {"event": "again", "key": name})
        # Handled, and the node does not hear of it.
        self.hang("hung after")
        if self.server.happens(0.02):
            return self.answer(502)
        content = {"messages": [{"text": f"reply {call['outbox']} {call['sequence']}"}]}
        # A head without a body looks like an answer without replies.
        if self.happens("cut off", 0.01):
            return self.answer(200, content, length=self.server.happens(0.5), upto=0)
        return self.answer(200, content, length=not self.server.happens(0.05))


class Backend:
    """The backend as a process, on the same port over restarts."""

    def __init__(self, folder, seed):
        self.folder, self.seed, self.port, self.process, self.starts = folder, seed, 0, None, 0
        self.output, self.events = os.path.join(folder, "handled.jsonl"), os.path.join(folder, "events.jsonl")
        self.secret = os.path.join(folder, "webhook.secret")
        with open(self.secret, "w", encoding="utf-8") as file:
            file.write(os.urandom(32).hex() + "\n")
        open(self.output, "ab").close()

    @property
    def options(self):
        """What a node is told."""
        url = f"http://127.0.0.1:{self.port}/gapless"
        return ["--webhook", url, "--webhook-secret-file", self.secret, "--webhook-events", "all",
                "--webhook-timeout", f"{int(1000 * TIMEOUT)}ms"]

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        self.starts += 1
        command = [sys.executable, os.path.abspath(__file__), "--port", str(self.port), "--secret-file", self.secret, "--output", self.output,
                   "--events", self.events, "--seed", str(self.seed + self.starts)]
        with open(os.path.join(self.folder, "backend.log"), "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the backend ended with {self.process.wait()}; see {self.folder}/backend.log")
        self.port = json.loads(line)["port"]
        return self

    def require_running(self):
        if not self.is_running:
            raise RuntimeError(f"the backend ended by itself with {self.process.returncode}; see {self.folder}/backend.log")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def records(self):
        """What was written beside messages."""
        with open(self.events, encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--events", required=True)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with open(options.secret_file, encoding="utf-8") as file:
        secrets = file.read().split()
    service = Service(options.port, secrets, options.output, options.events, random.Random(options.seed))
    print(json.dumps({"port": service.server_address[1]}), flush=True)
    service.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
