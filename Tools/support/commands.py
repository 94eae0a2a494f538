#!/usr/bin/env python3
"""The commands and options of the program, each used as the manual says, with real nodes: what it prints, what it leaves behind, how it ends."""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fleet_commands  # noqa: E402
import status_commands  # noqa: E402
from program_judge import DEADLINE, Judge, joined, lines, numbers, shown  # noqa: E402


def summary(errors):
    """The last line on standard error of `send`."""
    try:
        return json.loads(errors[-1]) if errors else {}
    except ValueError:
        return {}


def queues(judge):
    """queue list, show, remove, disconnect."""
    node = judge.node("queues")
    at = ["--admin", node.admin_url]
    for options in ([], ["--json"]):
        empty = judge.run("queue", "list", *at, *options)
        judge.expect(f"queue list {options} of none", empty.returncode == 0 and len(lines(empty.stdout)) == (0 if options else 1)
                     and (empty.stdout == "" or not options), shown(empty))
    for client in ("alice/phone", "alice/tab", "bob"):
        judge.run("send", *at, "--to", client, "x", "yz")
    table = judge.run("queue", "list", *at)
    rows = [line.split() for line in lines(table.stdout)]
    judge.expect("queue list", table.returncode == 0 and rows[0][:3] == ["CLIENT", "WAITING", "BYTES"]
                 and [row[:3] for row in rows[1:]] == [[client, "2", "3"] for client in ("alice/phone", "alice/tab", "bob")], shown(table))
    for options, clients in ((["--user", "bob"], ["bob"]), (["--user", "alice"], ["alice/phone", "alice/tab"]), (["--limit", "1"], ["alice/phone"])):
        listed = judge.run("queue", "list", *at, *options, "--json")
        judge.expect(f"queue list --json {options}", [json.loads(line)["client"] for line in lines(listed.stdout)] == clients, shown(listed))
    card = judge.run("queue", "show", "alice/phone", GAPLESS_ADMIN=node.admin_url)
    judge.expect("queue show, the node from the environment", card.returncode == 0 and "2 messages, 3 bytes" in card.stdout, shown(card))
    facts = depth(judge, node, "alice/phone", whole=True)
    judge.expect("queue show --json", facts.get("head") == 2 and facts.get("acknowledged") == 0 and "attached" not in facts, facts)
    for verb in ("show", "remove", "disconnect"):
        nameless = judge.run("queue", verb, *at, "")
        judge.expect(f"queue {verb} of no name", nameless.returncode == 64 and "say which client" in nameless.stderr, shown(nameless))
    nobody = judge.run("queue", "show", *at, "nobody")
    judge.expect("queue show of nobody", nobody.returncode == 65 and "no such client" in nobody.stderr, shown(nobody))

    state = ["--client", "alice/phone", "--state", judge.path("removed.state")]
    client = judge.beside("connect", node.url, *state)
    judge.expect("a client comes", client.says("online alice/phone") and client.wait(lambda out, _: out == ["x", "yz"]), client.lines)
    attached = depth(judge, node, "alice/phone", whole=True).get("attached", {})
    judge.expect("queue show tells the node", attached.get("node") == "queues", attached)
    removed = judge.run("queue", "remove", *at, "alice/phone")
    judge.expect("queue remove", removed.returncode == 0 and "removed alice/phone" in removed.stderr, shown(removed))
    code = client.end()
    judge.expect("the client of a removed queue stops", code == 77 and any("4452" in line for line in client.lines["err"]), f"exit {code}, {client.lines}")
    told = judge.run("queue", "remove", *at, "bob", "--json")
    judge.expect("queue remove --json", (told.returncode, told.stdout, told.stderr) == (0, '{"removed":"bob"}\n', ""), shown(told))
    left = judge.run("queue", "list", *at, "--json")
    judge.expect("a removed queue is gone", [json.loads(line)["client"] for line in lines(left.stdout)] == ["alice/tab"], shown(left))
    again = judge.run("queue", "remove", *at, "alice/phone")
    judge.expect("queue remove of nobody", again.returncode == 65, shown(again))
    judge.run("send", *at, "--to", "alice/phone", "new")
    back = judge.run("connect", node.url, *state, "--count", "1")
    judge.expect("a removed client comes back", back.stdout == "new\n" and "reset " in back.stderr, shown(back))
    disconnect(judge, node, at)


def disconnect(judge, node, at):
    """queue disconnect."""
    client = judge.beside("connect", node.url, "--client", "carol")
    judge.expect("a client comes to be sent away", client.says("online carol"), client.lines)
    away = judge.run("queue", "disconnect", *at, "carol")
    judge.expect("queue disconnect", away.returncode == 0 and away.stderr == "sent carol away with 4452 for 60 min; it was connected\n", shown(away))
    code = client.end()
    judge.expect("who is sent away stops", code == 77 and any("4452" in line for line in client.lines["err"]), f"exit {code}, {client.lines}")
    refused = judge.run("connect", node.url, "--client", "carol")
    judge.expect("who is sent away is refused", refused.returncode == 77 and "4452" in refused.stderr, shown(refused))
    told = judge.run("queue", "disconnect", *at, "carol", "--lift", "--json")
    judge.expect("queue disconnect --lift --json", (told.returncode, told.stdout, told.stderr) == (0, '{"client":"carol","wasAway":true}\n', ""), shown(told))
    again = judge.run("queue", "disconnect", *at, "carol", "--lift")
    judge.expect("queue disconnect --lift of one who may come", (again.returncode, again.stderr) == (0, "carol was not sent away\n"), shown(again))
    judge.run("send", *at, "--to", "carol", "kept")
    back = judge.run("connect", node.url, "--client", "carol", "--count", "1")
    judge.expect("who is let in comes, and has its messages", back.returncode == 0 and back.stdout == "kept\n", shown(back))
    kicked = judge.run("queue", "disconnect", *at, "nobody/here", "--code", "4300", "--for", "0s", "--json")
    judge.expect("queue disconnect --json of nobody", (kicked.returncode, kicked.stdout) == (0, '{"attached":false,"client":"nobody/here","code":4300,"for":0}\n'),
                 shown(kicked))
    for options, exit_code, words in ((["--code", "4200"], 65, "4452"), (["--for", "25h"], 64, "up to 1d"), (["--for", "soon"], 64, "up to 1d")):
        wrong = judge.run("queue", "disconnect", *at, "carol", *options)
        judge.expect(f"queue disconnect {options}", wrong.returncode == exit_code and words in wrong.stderr, shown(wrong))
    no_name = judge.run("queue", "disconnect", *at, "a/b/c")
    judge.expect("queue disconnect of what is no client", no_name.returncode == 65 and "no such client" in no_name.stderr, shown(no_name))
    judge.stops(node)


def depth(judge, node, client, whole=False):
    done = judge.run("queue", "show", "--admin", node.admin_url, client, "--json")
    facts = json.loads(done.stdout) if done.returncode == 0 else {}
    return facts if whole else facts.get("depth")


def stores(judge):
    """store info, check, restored, and what a client learns of a restore."""
    node, file, copy = judge.node("store"), judge.path("store.db"), judge.path("copy.db")

    def information():
        done = judge.run("store", "info", "--json", file)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    connect = ["connect", node.url, "--client", "alice/phone", "--state", judge.path("restored.state"), "--format", "json"]
    judge.run("send", "--admin", node.admin_url, "--to", "alice/phone", text=joined(numbers(1, 5)))
    first = judge.run(*connect, "--count", "3")
    judge.expect("the first three", [json.loads(line)["text"] for line in lines(first.stdout)] == numbers(1, 3), shown(first))
    facts = information()
    judge.expect("store info --json", (facts.get("queues"), facts.get("messages"), facts.get("payload-bytes"), facts.get("live-nodes")) == (1, 2, 2, "store"), facts)
    text = judge.run("store", "info", file)
    judge.expect("store info", text.returncode == 0 and ["live", "nodes", "store"] in [line.split() for line in lines(text.stdout)], shown(text))
    sound = judge.run("store", "check", file)
    judge.expect("store check beside a node", (sound.returncode, sound.stdout) == (0, "sound: 1 queues, 2 messages\n"), shown(sound))
    refused = judge.run("store", "restored", file)
    judge.expect("store restored beside a node", refused.returncode == 75 and "open" in refused.stderr
                 and information().get("incarnation") == facts.get("incarnation"), shown(refused))
    judge.stops(node)

    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    node.start()
    judge.run("send", "--admin", node.admin_url, "--to", "alice/phone", "6")
    second = judge.run(*connect, "--count", "3")
    judge.expect("the next three", [json.loads(line)["text"] for line in lines(second.stdout)] == numbers(4, 6), shown(second))
    judge.stops(node)
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(file + ending):
            os.remove(file + ending)
    shutil.copyfile(copy, file)
    done = judge.run("store", "restored", file)
    judge.expect("store restored", done.returncode == 0 and done.stdout == f"incarnation {information().get('incarnation')}\n"
                 and information().get("incarnation") != facts.get("incarnation"), shown(done))
    node.start()
    third = judge.run(*connect, "--count", "2")
    events = [json.loads(line) for line in lines(third.stdout)]
    judge.expect("after a restore: a reset, and what is stored", events[:1] == [{"reset": {"reason": "rollback"}}]
                 and [event.get("text") for event in events[1:]] == ["4", "5"], shown(third))
    judge.run("send", "--admin", node.admin_url, "--to", "alice/phone", "7", "8", "9")
    judge.stops(node)
    with sqlite3.connect(file) as database:
        database.execute("DELETE FROM messages WHERE sequence = (SELECT max(sequence) - 1 FROM messages)")
    database.close()
    damaged = judge.run("store", "check", file)
    judge.expect("store check of a store with a hole", damaged.returncode == 65 and damaged.stdout and "damaged" in damaged.stderr, shown(damaged))


OLDER = """
DROP TRIGGER nodeForgotten; DROP TABLE nodeReports; DROP TABLE sentAway;
UPDATE meta SET schema = 1, minimumReader = 1; PRAGMA user_version = 1;
"""


def schemas(judge):
    """store migrate, and nodes that raise the schema by themselves."""
    node, file = judge.node("schema"), judge.path("schema.db")

    def schema():
        done = judge.run("store", "info", "--json", file)
        return json.loads(done.stdout).get("schema") if done.returncode == 0 else shown(done)

    def change(script):
        with sqlite3.connect(file) as database:
            database.executescript(script)
        database.close()

    judge.run("send", "--admin", node.admin_url, "--to", "alice/phone", "1")
    new = judge.run("store", "migrate", file)
    judge.expect("store migrate of a new store, beside a node", (new.returncode, new.stdout) == (0, "schema 2, as before\n"), shown(new))
    judge.stops(node)

    change(OLDER)
    judge.expect("a store with the tables of an older program", schema() == 1, schema())
    change("INSERT INTO nodes SELECT 7, 'older', 1, 1, clock + 3600000, 0 FROM meta")
    refused = judge.run("store", "migrate", file)
    judge.expect("store migrate beside an older program", refused.returncode == 75 and "The node older is alive" in refused.stderr and schema() == 1, shown(refused))
    change("DELETE FROM nodes WHERE name = 'older'")
    raised = judge.run("store", "migrate", file)
    judge.expect("store migrate", (raised.returncode, raised.stdout) == (0, "schema 2, was 1\n") and schema() == 2, shown(raised))

    change(OLDER)
    node.start()
    deadline = time.monotonic() + DEADLINE
    while schema() != 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    judge.expect("a node raises the schema by itself", schema() == 2, schema())
    sound = judge.run("store", "check", file)
    judge.expect("what it raised is sound", (sound.returncode, sound.stdout) == (0, "sound: 1 queues, 1 messages\n"), shown(sound))
    client = judge.run("connect", node.url, "--client", "alice/phone", "--state", judge.path("schema.state"), "--count", "1")
    judge.expect("and holds what it held", client.stdout == "1\n", shown(client))
    judge.stops(node)


def sends(judge):
    """send: to whom, from where, how many at once, and what it says at the end."""
    node = judge.node("send")
    at = ["--admin", node.admin_url]

    def got(client, count, *options):
        done = judge.run("connect", node.url, "--client", client, "--count", str(count), *options)
        return lines(done.stdout), lines(done.stderr)

    def sent(title, done, count, requests):
        told = summary(lines(done.stderr))
        judge.expect(title, done.returncode == 0 and done.stdout == "" and (told.get("sent"), told.get("requests")) == (count, requests)
                     and set(told) == {"sent", "requests", "retries", "waits"}, shown(done))

    sent("send --to with texts one by one", judge.run("send", *at, "--to", "alice/tv", "--batch", "1", "1", "2"), 2, 2)
    sent("send --to with texts", judge.run("send", *at, "--to", "alice/phone", "Good day", "ä€𝄞"), 2, 1)
    sent("send --to with one line at once", judge.run("send", *at, "--to", "alice/phone", "--batch", "1", text="3\n\n5"), 3, 3)
    sent("send of nothing", judge.run("send", *at, "--to", "alice/phone"), 0, 0)
    quiet = judge.run("send", *at, "--to", "alice/phone", "--quiet", "6")
    judge.expect("send --quiet", (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", ""), shown(quiet))
    judge.expect("texts and lines arrive in order", got("alice/phone", 6)[0] == ["Good day", "ä€𝄞", "3", "", "5", "6"], "something else")
    judge.run("send", *at, "--to", "alice/tab", "first")
    judge.run("send", *at, "--to", "bob", "first")
    sent("send --user", judge.run("send", *at, "--user", "alice", "for alice"), 1, 1)
    seen = [got("alice/phone", 1)[0], got("alice/tab", 2)[0], depth(judge, node, "bob")]
    judge.expect("send --user reaches each client of the user", seen == [["for alice"], ["first", "for alice"], 1], seen)
    for title, arguments in (("send --to and --user", ["--to", "a", "--user", "a"]), ("send --batch 0", ["--to", "a", "--batch", "0"])):
        wrong = judge.run("send", *at, *arguments, "x")
        judge.expect(title, wrong.returncode == 64, shown(wrong))
    lost = judge.run("send", "--admin", "http://127.0.0.1:1", "--to", "a", "--give-up", "200ms", "x")
    judge.expect("send to no node gives up", lost.returncode == 75 and '"sent":0' in lost.stderr, shown(lost))

    judge.run("send", *at, "--to", "alice/late", "--ttl", "1ms", "short")
    judge.run("send", *at, "--to", "alice/late", "--ttl", "1h", "long")
    out, errors = got("alice/late", 1)
    judge.expect("send --ttl: an expired message is a gap", out == ["long"] and "gap 1 1 expired" in errors, (out, errors))
    judge.stops(node)


def overflow(judge):
    """Full queues: the oldest go and are told, or the newest wait."""
    node = judge.node("overflow", "--max-messages", "100")
    for client in ("absent/text", "absent/json"):
        judge.run("send", "--admin", node.admin_url, "--to", client, text=joined(numbers(1, 1_000)))
        judge.expect("retention keeps 100", depth(judge, node, client) == 100, depth(judge, node, client))
    text = judge.run("connect", node.url, "--client", "absent/text", "--count", "100")
    gaps = [line for line in lines(text.stderr) if line.startswith("gap ")]
    judge.expect("an overflow as text", gaps == ["gap 1 900 overflow"] and lines(text.stdout) == numbers(901, 1_000), shown(text))
    done = judge.run("connect", node.url, "--client", "absent/json", "--count", "100", "--format", "json")
    first, *rest = [json.loads(line) for line in lines(done.stdout)] or [None]
    judge.expect("an overflow as json", first == {"gap": {"from": 1, "to": 900, "reason": "overflow"}}
                 and [(event.get("seq"), event.get("text")) for event in rest] == [(number, str(number)) for number in range(901, 1_001)]
                 and all(event.get("time", 0) > 0 for event in rest), shown(done))
    judge.stops(node)

    node = judge.node("full", "--max-messages", "10", "--on-overflow", "reject-new")
    given_up = judge.run("send", "--admin", node.admin_url, "--to", "a/1", "--give-up", "200ms", text=joined(numbers(1, 30)))
    told = summary(lines(given_up.stderr)[:1])
    judge.expect("send to a full queue gives up", given_up.returncode == 75 and told.get("sent") == 10 and told.get("waits", 0) > 0, shown(given_up))
    sender = judge.beside("send", "--admin", node.admin_url, "--to", "a/2")
    sender.feed(numbers(1, 50))
    deadline = time.monotonic() + DEADLINE
    while depth(judge, node, "a/2") != 10 and time.monotonic() < deadline:
        pass
    judge.expect("a full queue makes send wait", depth(judge, node, "a/2") == 10 and sender.process.poll() is None, sender.lines)
    reader = judge.run("connect", node.url, "--client", "a/2", "--count", "50")
    judge.expect("it goes on in order when a client reads", lines(reader.stdout) == numbers(1, 50) and "gap " not in reader.stderr, shown(reader))
    code, told = sender.end(), summary(sender.lines["err"])
    judge.expect("send that waited ends well", code == 0 and told.get("sent") == 50 and told.get("waits", 0) > 0, f"exit {code}, {sender.lines}")
    judge.stops(node)


def first_frame(listener):
    """Plays a server for one handshake, and returns the client's first frame."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(DEADLINE)
        file = connection.makefile("rb")
        head = iter(file.readline, b"\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.decode().partition(":") for line in head)}
        key = hashlib.sha1((fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: gapless.v1\r\n"
                           b"Sec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n")
        length = file.read(2)[1] & 127
        length = int.from_bytes(file.read(2), "big") if length == 126 else length
        mask = file.read(4)
        return bytes(byte ^ mask[place % 4] for place, byte in enumerate(file.read(length))).decode()


def connects(judge):
    """connect: its forms, its ends, and standard input."""
    node = judge.node("connect")
    at = ["connect", node.url]
    judge.run("send", "--admin", node.admin_url, "--to", "a/1", *numbers(1, 5))
    three = judge.run(*at, "--client", "a/1", "--count", "3")
    judge.expect("connect --count", three.returncode == 0 and lines(three.stdout) == numbers(1, 3) and depth(judge, node, "a/1") == 2, shown(three))
    rest = judge.run(*at, "--client", "a/1", "--window", "1", "--idle-exit", "1", "--format", "json")
    judge.expect("connect --window --idle-exit --format json", rest.returncode == 0
                 and [(json.loads(line)["seq"], json.loads(line)["text"]) for line in lines(rest.stdout)] == [(4, "4"), (5, "5")], shown(rest))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        asking = judge.beside("connect", f"ws://127.0.0.1:{listener.getsockname()[1]}/gapless", "--client", "a/1", "--window", "7")
        hello = first_frame(listener)
        asking.process.terminate()
    judge.expect("connect --window is asked for", hello.startswith("HELLO {") and json.loads(hello[6:]).get("window", {}).get("messages") == 7, hello)
    judge.expect("SIGTERM ends connect with 0", asking.end() == 0, asking.lines)

    printed = judge.run(*at, "--client", "a/2", "--idle-exit", "1", "--report-input", text="up\n\nä")
    judge.expect("standard input", printed.returncode == 0 and '{"taken":3}' in printed.stderr, shown(printed))
    seen, deadline = b"", time.monotonic() + DEADLINE
    while seen.count(b"\n") < 3 and select.select([node.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
        seen += os.read(node.process.stdout.fileno(), 65_536) or b"(the end)\n\n\n"
    events = [json.loads(line) for line in lines(seen.decode()) if line.startswith("{")]
    judge.expect("serve --uplink print", [(event["event"], event["client"], event["seq"], event["text"]) for event in events]
                 == [("message", "a/2", number, text) for number, text in enumerate(("up", "", "ä"), 1)], seen)
    judge.stops(node)

    node = judge.node("echo", "--uplink", "echo")
    echoed = judge.run("connect", node.url, "--client", "a/2", "--count", "3", text="one\ntwo\nthree\n")
    judge.expect("serve --uplink echo", echoed.returncode == 0 and lines(echoed.stdout) == ["one", "two", "three"], shown(echoed))
    judge.stops(node)
    node = judge.node("discard", "--uplink", "discard")
    gone = judge.run("connect", node.url, "--client", "a/2", "--idle-exit", "1", text="one\ntwo\n")
    # The client left when both were acknowledged; a line would have been written before that.
    printed = select.select([node.process.stdout], [], [], 0)[0]
    judge.expect("serve --uplink discard", gone.returncode == 0 and gone.stdout == "" and not printed, shown(gone))
    judge.stops(node)


def web_token(secret, **claims):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.new(secret, signed, hashlib.sha256).digest())).decode()


def authentication(judge):
    """serve --auth: tokens, web tokens, strangers."""
    tokens = judge.write("tokens.json", {"tokens": [
        {"token": "a-secret-of-alice", "user": "alice"},
        {"sha256": hashlib.sha256(b"a-secret-of-bob's").hexdigest(), "user": "bob", "device": "phone"}]})
    node = judge.node("tokens", "--auth", f"tokens:{tokens}")

    def comes(title, node, client, code, words, *options, **environment):
        named = ["--client", client] if client else []
        done = judge.run("connect", node.url, *named, "--idle-exit", "1", *options, **environment)
        judge.expect(title, done.returncode == code and words in done.stderr, shown(done))

    comes("--auth tokens, connect --token-file", node, "alice/tab", 0, "online alice/tab", "--token-file", judge.write("alice.token", "a-secret-of-alice\n"))
    comes("--auth tokens, a digest, GAPLESS_TOKEN", node, "bob/phone", 0, "online bob/phone", GAPLESS_TOKEN="a-secret-of-bob's")
    comes("--auth tokens, another device", node, "bob/tab", 77, "445", "--token", "a-secret-of-bob's")
    comes("--auth tokens, another user", node, "bob/phone", 77, "4451", "--token", "a-secret-of-alice")
    comes("--auth tokens, no token", node, "alice/tab", 77, "4302")
    waiting = judge.beside("connect", node.url, "--client", "alice/tab", "--token-file", judge.write("later.token", "not-the-secret-yet"))
    refused = waiting.says("4302")
    judge.write("later.token", "a-secret-of-alice")
    judge.expect("connect --token-file is read anew", refused and waiting.says("online alice/tab"), waiting.lines)
    judge.stops(node)

    secret = os.urandom(32)
    keys = judge.write("keys.json", {"audience": "gapless", "issuer": "https://issuer.example", "keys": [
        {"kty": "oct", "alg": "HS256", "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()}]})
    node = judge.node("jwt", "--auth", f"jwt:{keys}")
    claims = {"iss": "https://issuer.example", "aud": "gapless", "sub": "alice", "exp": int(time.time()) + 3_600}
    comes("--auth jwt", node, "alice/tab", 0, "online alice/tab", "--token", web_token(secret, **claims))
    comes("--auth jwt, another user", node, "bob", 77, "4451", "--token", web_token(secret, **claims))
    comes("--auth jwt, expired", node, "alice/tab", 77, "4300", "--token", web_token(secret, **{**claims, "exp": 1}))
    comes("--auth jwt, another audience", node, "alice/tab", 77, "4302", "--token", web_token(secret, **{**claims, "aud": "others"}))
    comes("--auth jwt, another key", node, "alice/tab", 77, "4302", "--token", web_token(os.urandom(32), **claims))
    judge.stops(node)

    node = judge.node("anonymous", "--auth", "anonymous")
    comes("--auth anonymous", node, None, 0, "online ")
    node_of = ["connect", node.url, "--state", judge.path("anonymous.state"), "--idle-exit", "1"]
    names = [[line.split()[1] for line in lines(judge.run(*node_of).stderr) if line.startswith("online ")] for _ in range(2)]
    judge.expect("--auth anonymous: the state keeps the name", len(names[0]) == 1 and names[0] == names[1], names)
    judge.stops(node)


def guards(judge):
    """serve: the key of the HTTP API, and origins of web pages."""
    key = judge.write("admin.key", "a-key-of-the-administrator\n")
    node = judge.node("guards", "--admin-key-file", key, "--allow-origin", "https://app.example", "--allow-origin", "https://two.example")

    def status(address, path, headers):
        connection = http.client.HTTPConnection(*address.rsplit(":", 1), timeout=DEADLINE)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    for given, code in (({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Bearer a-key-of-the-administrator"}, 200)):
        seen = status(node.admin, "/v1/clients", given)
        judge.expect(f"--admin-key-file, {given}", seen == code, seen)
    without = judge.run("queue", "list", "--admin", node.admin_url)
    judge.expect("queue list without the key", without.returncode == 77, shown(without))
    with_key = judge.run("queue", "list", "--admin", node.admin_url, "--admin-key-file", key)
    judge.expect("queue list with the key", with_key.returncode == 0, shown(with_key))
    sent = judge.run("send", "--admin", node.admin_url, "--to", "a", "x", GAPLESS_ADMIN_KEY_FILE=key)
    judge.expect("send with the key from the environment", sent.returncode == 0, shown(sent))
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
               "Sec-WebSocket-Protocol": "gapless.v1"}
    for origin, code in (("https://app.example", 101), ("https://two.example", 101), (f"http://{node.listen}", 101),
                         ("https://evil.example", 403), ("http://app.example", 403), ("null", 403), (None, 101)):
        seen = status(node.listen, "/gapless", {**upgrade, **({"Origin": origin} if origin else {})})
        judge.expect(f"--allow-origin, origin {origin}", seen == code, seen)
    judge.stops(node)


def settings(judge):
    """The command line goes before the environment, and that before the file."""
    config = judge.write("settings.json", {"max-messages": 3, "uplink": "echo", "max-age": "1h"})
    cases = (("the file", ["--config", config], {}, 3),
             ("the file, named by the environment", [], {"GAPLESS_CONFIG": config}, 3),
             ("the environment alone", [], {"GAPLESS_MAX_MESSAGES": "5"}, 5),
             ("the environment before the file", ["--config", config], {"GAPLESS_MAX_MESSAGES": "5"}, 5),
             ("the command line before both", ["--config", config, "--max-messages", "7"], {"GAPLESS_MAX_MESSAGES": "5"}, 7))
    for number, (title, options, environment, kept) in enumerate(cases):
        node = judge.node(f"settings-{number}", *options, **environment)
        judge.run("send", "--admin", node.admin_url, "--to", "a", *numbers(1, 10))
        judge.expect(title, depth(judge, node, "a") == kept, depth(judge, node, "a"))
        judge.stops(node)
    misspelt = judge.run("serve", "--config", judge.write("misspelt.json", {"max-mesages": 3}), "--listen", "127.0.0.1:0", "--store", "memory")
    judge.expect("a misspelt setting in a file", misspelt.returncode == 78 and "max-mesages" in misspelt.stderr, shown(misspelt))

    bare = judge.beside("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", "memory", "--name", "bare")
    ready = json.loads(bare.lines["out"][0]) if bare.wait(lambda out, _: out) else {}
    ports = [ready.get(name, "").rpartition(":") for name in ("listen", "admin")]
    judge.expect("the ready line", set(ready) == {"event", "listen", "admin", "node"} and (ready["event"], ready["node"]) == ("ready", "bare")
                 and all(host == "127.0.0.1" and int(port) > 0 for host, _, port in ports), bare.lines)
    bare.process.terminate()
    code = bare.end()
    judge.expect("one ready line, and SIGTERM", code == 0 and len(bare.lines["out"]) == 1, f"exit {code}, {bare.lines}")


def encryption(judge):
    """serve --tls-certificate, connect --tls-trust."""
    if shutil.which("openssl") is None:
        print("skipped: encryption: there is no openssl to make a certificate with")
        return
    certificate, key = judge.path("certificate.pem"), judge.path("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", key,
                    "-out", certificate, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
    node = judge.node("tls", "--tls-certificate", certificate, "--tls-key", key)
    judge.run("send", "--admin", node.admin_url, "--to", "a", "sealed")
    connect = ["connect", f"wss://{node.listen}/gapless", "--client", "a"]
    stranger = judge.run(*connect, "--idle-exit", "1")
    judge.expect("a certificate that nobody trusts", stranger.returncode == 75 and stranger.stdout == "", shown(stranger))
    trusting = judge.run(*connect, "--count", "1", "--tls-trust", certificate)
    judge.expect("connect --tls-trust", trusting.returncode == 0 and trusting.stdout == "sealed\n", shown(trusting))
    plain = judge.run("connect", node.url, "--client", "a", "--idle-exit", "1")
    judge.expect("no TLS where TLS is wanted", plain.returncode == 75, shown(plain))
    judge.stops(node)


def moving(judge):
    """SIGTERM of the node that a client is at, with another one beside it on the same store."""
    last = 3_000
    nodes = {name: judge.node(name, "--max-messages", "10000", store="moving.db") for name in ("left", "right")}
    client = judge.beside("connect", nodes["left"].url, nodes["right"].url, "--client", "a/1")
    judge.expect("the client comes", client.says("online a/1"), client.lines)
    here = "left" if "(node left)" in client.lines["err"][0] else "right"
    there = "right" if here == "left" else "left"
    sender = judge.beside("send", "--admin", nodes[here].admin_url, "--admin", nodes[there].admin_url, "--to", "a/1", "--batch", "10")
    sender.feed(numbers(1, last // 3))
    judge.expect("lines come", client.wait(lambda out, _: len(out) >= 100), len(client.lines["out"]))
    codes = []
    stopper = threading.Thread(target=lambda: codes.append(nodes[here].stop()), daemon=True)
    stopper.start()
    sender.feed(numbers(last // 3 + 1, 2 * last // 3))
    judge.expect("the client moves", client.says(f"(node {there})"), client.lines["err"])
    stopper.join(2 * DEADLINE)
    judge.expect("SIGTERM of the node that the client was at", codes == [0], codes)
    sender.feed(numbers(2 * last // 3 + 1, last))
    code = sender.end()
    judge.expect("the sender goes on", code == 0 and summary(sender.lines["err"]).get("sent") == last, f"exit {code}, {sender.lines}")
    client.wait(lambda out, _: len(out) >= last)
    client.process.terminate()
    code = client.end()
    judge.expect("no line is lost, doubled or out of order", client.lines["out"] == numbers(1, last), f"{len(client.lines['out'])} lines")
    judge.expect("nobody hears of a gap", code == 0 and not any(line.startswith(("gap", "reset")) for line in client.lines["err"]), f"exit {code}, {client.lines['err']}")
    judge.stops(nodes[there])


PARTS = (queues, fleet_commands.fleet, fleet_commands.top, status_commands.statuses, status_commands.outputs, status_commands.orders, stores, schemas, sends,
         overflow, connects, authentication, guards, settings, encryption, moving)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS], help="one part of it")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="gapless-commands-")
    judge = Judge(options.program, folder)
    try:
        for part in PARTS:
            if options.only in (None, part.__name__):
                try:
                    part(judge)
                except Exception as error:  # What was seen is so wrong that the part cannot go on.
                    traceback.print_exc()
                    judge.expect(part.__name__, False, repr(error))
        print(f"{judge.cases} cases, {judge.faults} wrong")
        return 1 if judge.faults or not judge.cases else 0
    finally:
        judge.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
