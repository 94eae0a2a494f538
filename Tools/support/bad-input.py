#!/usr/bin/env python3
"""Bad input on the command line, in files and on the wire: each gets its own exit code or status and one sentence, and loses nothing."""

import argparse
import http.client
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node  # noqa: E402


class Judge:
    def __init__(self, program, folder):
        self.program, self.folder, self.faults, self.cases = program, folder, 0, 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def expect(self, title, fine, shown):
        self.cases += 1
        if not fine:
            self.faults += 1
            print(f"WRONG: {title}: {shown}")

    def run(self, title, arguments, code, words, text=b"", environment=None):
        """Runs the program; it has to end with the code, and to say the words on standard error."""
        try:
            done = subprocess.run([self.program, *arguments], input=text, capture_output=True, timeout=60, check=False,
                                  env={**os.environ, **(environment or {})})
        except subprocess.TimeoutExpired:
            self.expect(title, False, "still runs after 60 s")
            return
        said = done.stderr.decode(errors="replace")
        self.expect(title, done.returncode == code and all(word in said for word in words), f"exit {done.returncode}, {said.strip()!r}")

    def serve(self, title, store, code, words, *options):
        self.run(title, ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", store, *options], code, words)


def files(judge):
    """Files that are not what they should be."""
    os.mkdir(judge.path("folder"))
    judge.serve("a folder as database", f"sqlite:{judge.path('folder')}", 73, ["folder"])
    judge.serve("a database in no folder", f"sqlite:{judge.path('nowhere')}/g.db", 73, [])
    with open(judge.path("noise.db"), "wb") as file:
        file.write(b"this is no database " * 500)
    judge.serve("a file that is no database", f"sqlite:{judge.path('noise.db')}", 73, [])
    foreign = sqlite3.connect(judge.path("foreign.db"))
    foreign.execute("CREATE TABLE precious(x)")
    foreign.commit()
    foreign.close()
    judge.serve("somebody else's database", f"sqlite:{judge.path('foreign.db')}", 73, ["foreign"])
    still = sqlite3.connect(judge.path("foreign.db")).execute("SELECT name FROM sqlite_master").fetchall()
    judge.expect("somebody else's database is left alone", still == [("precious",)], still)
    judge.run("looking into a store that is not there", ["store", "info", judge.path("no.db")], 74, ["no.db"])
    state = judge.path("half.state")
    with open(state, "wb") as file:
        file.write(b"half a state fi")
    connect = ["connect", "ws://127.0.0.1:1/gapless", "--client", "a/b", "--idle-exit", "1"]
    judge.run("a half-written state file", [*connect, "--state", state], 74, ["half.state"])
    with open(state, "rb") as file:
        judge.expect("a half-written state file is left alone", file.read() == b"half a state fi", "changed")


def states(judge):
    """State files that a client cannot go on with: it says so, and never starts anew."""
    connect = ["connect", "ws://127.0.0.1:1/gapless", "--client", "a/b", "--idle-exit", "1"]
    good = judge.path("good.state")
    judge.run("a first state", [*connect, "--state", good], 75, ["offline"])
    with open(good, "rb") as file:
        bytes_of_good = file.read()

    def changed(name, title, words, change):
        path, contents = judge.path(name), bytearray(bytes_of_good)
        change(contents)
        with open(path, "wb") as file:
            file.write(contents)
        judge.run(title, [*connect, "--state", path], 74, [name, *words])
        with open(path, "rb") as file:
            judge.expect(f"{title} is left alone", file.read() == contents, "changed")

    def put(offset, value):
        return lambda contents: contents.__setitem__(offset, contents[offset] ^ value)

    changed("newer.state", "a state of a newer version", ["newer"], put(19, 2))
    changed("damaged.state", "a damaged state", ["damaged"], put(len(bytes_of_good) // 2, 0x10))
    changed("cut.state", "a state that was cut off", ["damaged"], lambda contents: contents.__delitem__(slice(-5, None)))
    changed("empty.state", "an empty state", ["damaged"], lambda contents: contents.clear())
    judge.run("the state of another client", ["connect", "ws://127.0.0.1:1/gapless", "--client", "c", "--state", good], 74, ["good.state", "a/b"])
    judge.run("a folder as state", [*connect, "--state", judge.path("folder")], 74, ["folder"])
    judge.run("a device as state", [*connect, "--state", "/dev/null"], 74, ["/dev/null", "regular"])
    judge.run("a state in no folder", [*connect, "--state", judge.path("nowhere/x.state")], 74, ["x.state"])
    if os.path.isdir("/proc/self"):
        # Nobody, root included, may create a file there.
        judge.run("a state in a folder that cannot be written", [*connect, "--state", "/proc/gapless.state"], 74, ["gapless.state"])
    if os.geteuid() != 0:
        os.chmod(good, 0o400)
        judge.run("a state that cannot be written", [*connect, "--state", good], 74, ["good.state"])
        os.chmod(good, 0o600)
    holder = subprocess.Popen([judge.program, *connect[:-2], "--state", judge.path("held.state")],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not os.path.exists(judge.path("held.state")) and time.monotonic() < deadline:
            time.sleep(0.05)
        judge.run("a state that is in use", [*connect, "--state", judge.path("held.state")], 74, ["held.state", "in use"])
    finally:
        holder.kill()
        holder.communicate()
    judge.run("a state whose user was killed", [*connect, "--state", judge.path("held.state")], 75, ["offline"])


def outputs(judge):
    """A file of messages that grew otherwise than a run that was killed makes it grow: nothing of it is cut off."""
    node = Node(judge.program, "d", judge.path("outputs.db"), judge.folder).start()
    state, out = judge.path("out.state"), judge.path("out.txt")
    connect = [judge.program, "connect", node.url, "--client", "reader", "--state", state]

    def send(text):
        judge.run("a send", ["send", "--admin", node.admin_url, "--to", "reader", text], 0, [])

    def start(*options):
        with open(out, "ab") as output:
            return subprocess.Popen([*connect, *options], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE)

    def end(title, client, code=0, words=()):
        said = client.communicate(timeout=60)[1].decode(errors="replace")
        judge.expect(title, client.returncode == code and all(word in said for word in words), f"exit {client.returncode}, {said!r}")

    def contains(title, *lines):
        with open(out, encoding="utf-8") as file:
            found = file.read().split()
        judge.expect(title, found == list(lines), found)

    try:
        send("1")
        end("a first run", start("--count", "1"))
        with open(out, "a", encoding="utf-8") as file:
            file.write("foreign\n")
        send("2")
        end("a run behind somebody else's line", start("--count", "1"))
        contains("what was appended between two runs is kept", "1", "foreign", "2")
        client = start("--count", "2")
        judge.expect("a run that is copied is online", client.stderr.readline().startswith(b"online"), "it is not")
        shutil.copy(state, judge.path("old.state"))
        send("3")
        send("4")
        end("a run whose state was copied", client)
        os.replace(judge.path("old.state"), state)
        send("5")
        end("a run with an old copy of the state", start("--count", "1"), words=["gap 3 4 acknowledged"])
        contains("an old copy of the state cuts off nothing that was acknowledged", "1", "foreign", "2", "3", "4", "5")
        client = start()
        judge.expect("a run that is killed is online", client.stderr.readline().startswith(b"online"), "it is not")
        client.kill()
        client.communicate()
        size = os.path.getsize(out)
        with open(out, "ab") as file:
            file.truncate(size + 100_000_000)
        end("more than a killed run can have written", start("--count", "1"), 74, ["nothing was cut off", f"back to {size} bytes"])
        judge.expect("it is left alone", os.path.getsize(out) == size + 100_000_000, os.path.getsize(out))
        os.truncate(out, size)
        send("6")
        end("the way out that was named", start("--count", "1"))
        contains("nothing is lost on it", "1", "foreign", "2", "3", "4", "5", "6")
    finally:
        code = node.stop()
    judge.expect("the node ends well", code == 0, code)


def full_disk(judge):
    """A state that finds no more room: what was said to be safe is, and nothing else was said. The limit of a file's size stands for the disk."""
    node = Node(judge.program, "c", judge.path("full.db"), judge.folder, output=judge.path("handled.jsonl")).start()
    try:
        connect = [judge.program, "connect", node.url, "--client", "alice/phone", "--state", judge.path("full.state"), "--report-input"]
        lines = [f"{number} {'x' * 1_000}" for number in range(1, 601)]

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

        # Without its default, the signal of the limit ends nobody: the write fails, as on a full disk.
        full = subprocess.run(connect, input="\n".join(lines).encode(), capture_output=True, timeout=60, check=False,
                              preexec_fn=limit, restore_signals=False)
        said = full.stderr.decode(errors="replace")
        safe = max([json.loads(line)["taken"] for line in said.splitlines() if line.startswith('{"taken":')], default=0)
        judge.expect("a full disk ends connect", full.returncode == 74 and "full.state" in said and 0 < safe < len(lines), f"exit {full.returncode}, {said!r}")
        again = subprocess.run([*connect, "--idle-exit", "1"], input=b"the last\n", capture_output=True, timeout=60, check=False)
        judge.expect("with room again it goes on", again.returncode == 0, f"exit {again.returncode}, {again.stderr!r}")
    finally:
        code = node.stop()
    judge.expect("the node ends well", code == 0, code)
    with open(judge.path("handled.jsonl"), encoding="utf-8") as file:
        handled = [event["text"] for event in map(json.loads, file) if event["event"] == "message"]
    judge.expect("what was said to be safe is handled, in order, and the rest is not invented",
                 handled[:-1] == lines[:len(handled) - 1] and len(handled) > safe and handled[-1] == "the last", handled[-3:])


def flags(judge):
    """Words that mean nothing."""
    judge.run("no such command", ["fly"], 64, [])
    judge.serve("a store of no kind", "oracle:x", 78, ["oracle:x"])
    judge.serve("no number", "memory", 78, ["--max-messages"], "--max-messages", "many")
    judge.serve("no duration", "memory", 78, ["--max-age"], "--max-age", "soon")
    judge.serve("no policy", "memory", 78, ["--on-overflow"], "--on-overflow", "explode")
    judge.serve("no way of removing", f"sqlite:{judge.path('removing.db')}", 78, ["--secure-delete"], "--secure-delete", "perhaps")
    judge.serve("no file to remove from", "memory", 78, ["--secure-delete"], "--secure-delete", "on")
    judge.serve("no authentication in the open", "memory", 78, ["loopback"], "--listen", "0.0.0.0:0")
    judge.serve("a token file that is not there", "memory", 78, ["tokens.json"], "--auth", f"tokens:{judge.path('tokens.json')}")
    webhooks(judge)
    judge.serve("half of TLS", "memory", 78, ["--tls-key"], "--tls-certificate", "x.pem")
    judge.run("a send to nobody", ["send", "--admin", "http://127.0.0.1:1", "hello"], 64, ["--to"])
    judge.run("a URL that is none", ["connect", "ftp://127.0.0.1:1/", "--client", "a"], 78, ["ftp"])
    judge.run("a secret in a URL", ["connect", "ws://127.0.0.1:1/gapless?token=x", "--client", "a"], 78, ["token"])
    judge.run("nobody there", ["connect", "ws://127.0.0.1:1/gapless", "--client", "a/b", "--idle-exit", "1"], 75, ["offline lost (", "no node"])
    judge.run("a client that is no name", ["connect", "ws://127.0.0.1:1/gapless", "--client", "a b"], 78, ["client"])


def webhooks(judge):
    """Webhooks that are not signed, not encrypted, or get nothing."""
    for name, text in (("good.secret", "x" * 64), ("short.secret", "x" * 31), ("three.secret", ("x" * 64 + "\n") * 3), ("no.secret", "\n")):
        with open(judge.path(name), "w", encoding="ascii") as file:
            file.write(text)
    good, url = ("--webhook-secret-file", judge.path("good.secret")), "http://127.0.0.1:9/hook"
    judge.serve("a webhook without a secret", "memory", 78, ["--webhook-secret-file"], "--webhook", url)
    judge.serve("a secret that is not there", "memory", 78, ["missing"], "--webhook", url, "--webhook-secret-file", judge.path("missing"))
    for name in ("short.secret", "three.secret", "no.secret"):
        judge.serve(f"a webhook with {name}", "memory", 78, ["secret"], "--webhook", url, "--webhook-secret-file", judge.path(name))
    for wrong in ("http://app.example.com/hook", "ftp://127.0.0.1/", "127.0.0.1:9", "https://user:pass@app.example.com/", ""):
        judge.serve(f"a webhook at '{wrong}'", "memory", 78, ["messageWebhook.url"], "--webhook", wrong, *good)
        judge.serve(f"authentication at '{wrong}'", "memory", 78, ["authenticator.url"], "--auth", f"webhook:{wrong}", *good)
    judge.serve("authentication without a secret", "memory", 78, ["--webhook-secret-file"], "--auth", "webhook:https://app.example.com/")
    judge.serve("an event of no kind", "memory", 78, ["--webhook-events", "attached"], "--webhook", url, *good, "--webhook-events", "attached,gone")
    judge.serve("events for nobody", "memory", 78, ["--webhook"], "--webhook-events", "all")
    judge.serve("messages for nobody", "memory", 78, ["--webhook"], "--uplink", "webhook")
    judge.serve("nothing for a webhook", "memory", 78, ["--uplink", "--webhook-events"], "--webhook", url, *good, "--uplink", "print")
    judge.serve("no time for a webhook", "memory", 78, ["messageWebhook.timeout"], "--webhook", url, *good, "--webhook-timeout", "1ms")


UPGRADE = ("GET /gapless HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: {connection}\r\nSec-WebSocket-Version: {version}\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: gapless.v1\r\n\r\n")


def behind_http(judge, node):
    """Bytes behind a request that ends HTTP: they are no reason to die, nor to grow."""
    def most_memory():
        with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) // 1_024 for line in status if line.startswith("VmHWM"))

    def flood(title, address, head, megabytes):
        if not node.is_running:
            return
        before = most_memory()
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            try:
                connection.sendall(head.encode())
                for _ in range(megabytes):
                    connection.sendall(b"A" * 1_048_576)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
            except OSError:
                pass  # The node is free to hang up.
        try:
            code = node.process.wait(0.5) if megabytes == 0 else node.process.poll()
        except subprocess.TimeoutExpired:
            code = None
        judge.expect(title, code is None, f"the node ended with {code}")
        if code is None:
            growth = most_memory() - before
            judge.expect(title, growth < 64, f"the node grew by {growth} MiB")

    common = f"Host: {node.admin}\r\n"
    request = f"POST /live HTTP/1.1\r\n{common}Content-Length: 9\r\n\r\nabc"
    for field in ("Upgrade", "Upgrade\t", "keep-alive, Upgrade \t", "Upgrade\t,x"):
        flood(f"a request behind Connection: {field!r}", node.listen, UPGRADE.format(host=node.listen, connection=field, version=13) + request, 0)
    flood("a stream behind a refused upgrade", node.listen, UPGRADE.format(host=node.listen, connection="Upgrade", version=12), 256)
    for address in (node.listen, node.admin):
        flood("a stream behind CONNECT", address, f"CONNECT a:1 HTTP/1.1\r\n{common}\r\n", 256)
        flood("a stream behind another upgrade", address, f"GET /live HTTP/1.1\r\n{common}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 256)


def unread(judge, node, call):
    """Messages from clients, more than the node's standard output takes while nobody reads it."""
    lines = b"".join(b"%d %s\n" % (number, b"u" * 60_000) for number in range(4))
    clients = []
    for number in range((os.cpu_count() or 1) + 2):
        clients.append(subprocess.Popen([judge.program, "connect", node.url, "--client", f"writer/{number}"], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
        clients[-1].stdin.write(lines)
        clients[-1].stdin.flush()
    try:
        for client in clients:
            judge.expect("a client connects while the output stands still", client.stderr.readline().startswith(b"online"), "it did not")
        call("a send while the output stands still", "POST", "/v1/messages", 200, b'{"to":"a","text":"x"}', {"Content-Type": "application/json"})
    finally:
        for client in clients:
            client.kill()
            client.communicate()


def running(judge):
    """A node that works, and callers who do not."""
    with open(judge.path("tokens.json"), "w", encoding="utf-8") as file:
        json.dump({"tokens": [{"token": "a-secret-of-alice", "user": "alice"}]}, file)
    node = Node(judge.program, "a", judge.path("g.db"), judge.folder).start()
    try:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            judge.run("a port in use", ["serve", "--listen", f"127.0.0.1:{port}", "--admin", "none", "--store", "memory"], 78, [str(port)])
        host, port = node.admin.rsplit(":", 1)

        def call(title, method, path, status, body=None, headers=None, code=None):
            connection = http.client.HTTPConnection(host, int(port), timeout=30)
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            text = answer.read()
            fine = answer.status == status and (code is None or json.loads(text)["error"]["code"] == code)
            judge.expect(title, fine, f"{answer.status} {text[:200]!r}")
            connection.close()

        kind = {"Content-Type": "application/json"}
        call("an unknown client", "GET", "/v1/clients/nobody", 404, code="noSuchClient")
        call("a slash that is not escaped", "GET", "/v1/clients/alice/phone", 404)
        call("no JSON", "POST", "/v1/messages", 400, b"{", kind)
        call("a field twice", "POST", "/v1/messages", 400, b'{"to":"a","to":"b","text":"x"}', kind)
        call("no recipient", "POST", "/v1/messages", 400, b'{"text":"x"}', kind)
        call("a message that is too large", "POST", "/v1/messages", 413, json.dumps({"to": "a", "text": "x" * 70_000}).encode(), kind)
        call("a page of somebody else", "POST", "/v1/messages", 403, b'{"to":"a","text":"x"}', {**kind, "Origin": "https://evil.example"})
        call("another name for this machine", "GET", "/v1/clients", 403, headers={"Host": "evil.example"})
        call("what is fine", "POST", "/v1/messages", 200, b'{"to":"alice/phone","text":"x"}', kind)
        call("the same key for something else", "POST", "/v1/messages", 200, b'{"to":"a","text":"1","id":"k"}', kind)
        call("the same key for something else", "POST", "/v1/messages", 409, b'{"to":"a","text":"2","id":"k"}', kind, "conflict")
        behind_http(judge, node)
        unread(judge, node, call)
    finally:
        code = node.stop() if node.is_running else node.process.returncode
    judge.expect("the node ends well", code == 0, code)
    guarded = Node(judge.program, "b", judge.path("h.db"), judge.folder, ["--auth", f"tokens:{judge.path('tokens.json')}"])
    try:
        guarded.start()
        judge.run("a wrong token", ["connect", guarded.url, "--client", "alice/phone", "--token", "wrong"], 77, ["4302"])
        judge.run("somebody else's queue", ["connect", guarded.url, "--client", "bob", "--token", "a-secret-of-alice"], 77, ["4451"])
    finally:
        if guarded.is_running:
            guarded.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="gapless-bad-input-")
    try:
        judge = Judge(options.program, folder)
        for part in (files, states, outputs, flags, running, full_disk):
            part(judge)
        print(f"{judge.cases} cases, {judge.faults} wrong")
        return 1 if judge.faults else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
