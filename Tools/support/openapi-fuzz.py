#!/usr/bin/env python3
"""Draws calls from the node's own description of its HTTP API, good and broken ones, and holds every answer against it.

    openapi-fuzz.py --program PATH [--cases N] [--seed N] [--keep]

A call that the description allows is never refused as malformed, one that it forbids always is; each status, media type and body is one that
is described; nothing fails but for want of the store; secrets come back neither in answers nor in logs; and after all that the node is alive,
holds no more files open than before, and still does what it should.
"""

import argparse
import base64
import http.client
import json
import os
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node, Trial, add_options  # noqa: E402
from openapi import Answer, Document, judge, strict_json  # noqa: E402

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~@+:=|-"
NUMBERS = [-1, 0, 1, 2, 999, 1001, 4452, 4500, 65_535, 65_536, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, 10**40, -2**63, 0.5, 1e300, -0.25]
TEXTS = ["", " ", "a", "é", "\u0000", "\u202e", "a/b", "a/b/c", "..", "a b", "%2F", "true", "0", "x" * 65, "x" * 129, "😀" * 40, "'\"; --", "\\", "\n"]
SECRET = "s3cret-that-nobody-repeats"  # In whatever a call brings along; no answer and no log holds it.
LEAKS = [SECRET.encode(), b".swift", b"Fatal error", b"/Sources/", b"sqlite", b"SQLite", b"0x0000", b"Traceback"]
KEY = "k" * 40
MORE_FILES = 16  # Open at the end: connections of the node to its store, which it makes when it needs them. One a call would be hundreds.
TIMEOUT = 60  # Seconds that only a hang ever takes.


class Call:
    """A request: what it is, the bytes of it, and whether the description allows it (None: it does not say)."""

    def __init__(self, title, method, path, headers=None, body=b"", allowed=None, is_http=True):
        self.title, self.method, self.path, self.body, self.allowed, self.is_http = title, method, path, body, allowed, is_http
        self.headers = list(headers or [])
        self.raw = None  # Bytes in place of what the rest says.
        self.is_public = False  # Whether it is one for the listener that clients connect to.
        self.declared = len(body)

    @property
    def target(self):
        """The path and the query, also where the whole URL stands in their place."""
        return self.path if not self.path.startswith("http://") else "/" + self.path.split("/", 3)[-1]

    def bytes(self):
        if self.raw is not None:
            return self.raw
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {self.declared}")
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "surrogateescape") + self.body


class Draw:
    """Draws calls."""

    def __init__(self, document, host, key, own_name, rng):
        self.document, self.host, self.key, self.own_name, self.rng = document, host, key, own_name, rng
        self.names = ["alice", "alice/phone", "bob/tab-1", "a:b@c"]

    # Values.

    def value(self, schema, name=""):
        """A value that the schema allows."""
        rng = self.rng
        if "$ref" in schema:
            return self.value(self.document.schema(schema["$ref"]), schema["$ref"].rpartition("/")[2])
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        if name == "Message":
            return self.message(schema)
        if "oneOf" in schema:
            return self.value(rng.choice(schema["oneOf"]))
        kind = schema.get("type")
        if kind == "object":
            required = schema.get("required", [])
            return {each: self.value(of) for each, of in schema.get("properties", {}).items() if each in required or rng.random() < 0.5}
        if kind == "array":
            low = max(1, schema.get("minItems", 0))
            return [self.value(schema["items"]) for _ in range(rng.randint(low, min(low + 3, schema.get("maxItems", low + 3))))]
        if kind == "integer":
            low, high = schema.get("minimum", 0), schema.get("maximum", 2**53 - 1)
            return rng.choice([low, high, rng.randint(low, min(high, low + 100_000))])
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "string":
            return self.text(schema, name)
        return rng.choice([None, True, 17, -2.5, "text", [1, [2]], {"a": {"b": []}}])

    def text(self, schema, name):
        rng = self.rng
        if schema.get("contentEncoding") == "base64":
            return base64.b64encode(rng.randbytes(rng.randint(0, 50))).decode()
        if name == "ClientID" and rng.random() < 0.8:
            return rng.choice(self.names)
        if name == "NodeName" and rng.random() < 0.3:
            return self.own_name
        for _ in range(100):
            text = "".join(rng.choice(ALPHABET) for _ in range(rng.choice([1, 2, 8, 64])))
            if not self.document.faults(text, schema):
                return text
        raise RuntimeError(f"no text fits {schema}")

    def message(self, schema):
        """One recipient, one content, and some of the rest."""
        properties, rng = schema["properties"], self.rng
        chosen = [rng.choice(["to", "user"]), rng.choice(["text", "json", "base64"]), *(each for each in ("ttl", "existingOnly") if rng.random() < 0.3)]
        return {name: self.value(properties[name]) for name in chosen} | ({"id": f"key-{rng.randrange(200)}"} if rng.random() < 0.2 else {})

    def spoiled(self, value):
        """A value with something changed in it."""
        rng = self.rng
        if isinstance(value, dict) and value and rng.random() < 0.85:
            changed, name = dict(value), rng.choice(list(value))
            match rng.randrange(4):
                case 0: del changed[name]
                case 1: changed[rng.choice(["more", name.upper() + "x", "", "é"])] = 1
                case _: changed[name] = self.spoiled(value[name])
            return changed
        if isinstance(value, list) and value and rng.random() < 0.7:
            changed = list(value)
            changed[rng.randrange(len(value))] = self.spoiled(changed[0])
            return changed
        return rng.choice([None, True, [], {}, [[]], {"a": 1}, rng.choice(NUMBERS), rng.choice(NUMBERS), rng.choice(TEXTS), rng.choice(TEXTS), SECRET + " "])

    # Calls.

    def call(self):
        """Some call."""
        kinds = [self.good] * 6 + [self.wrong_body] * 6 + [self.wrong_bytes] * 3 + [self.wrong_place] * 3 + [self.wrong_head] * 4 + [self.wrong_http] * 2
        return self.rng.choice(kinds)()

    def operation(self):
        """Some call of the admin listener: what nobody describes is not the same on the other one."""
        return self.rng.choice([each for each in self.document.operations if not each.servers])

    def headers(self, kind=None):
        headers = [("Host", self.host)]
        if self.key:
            headers.append(("Authorization", f"Bearer {self.key}"))
        return headers + ([("Content-Type", kind)] if kind else [])

    def path(self, operation):
        """The path of a call with good values in it, and its query."""
        filled = {each["name"]: self.value(each["schema"], each["schema"].get("$ref", "").rpartition("/")[2])
                  for each in operation.parameters if each["in"] == "path"}
        if operation.id.startswith("drainNode"):  # It would end the node; every other name is nobody's.
            filled["name"] += "-x"
        query = [each["name"] + "=" + urllib.parse.quote(str(self.value(each["schema"])), safe="")
                 for each in operation.parameters if each["in"] == "query" and self.rng.random() < 0.4]
        return operation.filled(filled) + ("?" + "&".join(query) if query else "")

    def good(self, operation=None):
        """A call that the description allows."""
        operation = operation or self.rng.choice(self.document.operations)
        kinds = list(operation.body.get("content", {}))
        kind = self.rng.choice(kinds) if kinds else ("application/json" if operation.method == "POST" else None)
        call = Call("good", operation.method, self.path(operation), self.headers(kind), allowed=True)
        call.is_public = bool(operation.servers)
        if kinds and (operation.body.get("required") or self.rng.random() < 0.8):
            schema = operation.content(kind)
            lines = [self.value(schema.get("x-line", schema)) for _ in range(self.rng.randint(1, 5) if "x-line" in schema else 1)]
            call.body = "\n".join(json.dumps(each) for each in lines).encode()
            if self.rng.random() < 0.2 and any(each["name"] == "Idempotency-Key" for each in operation.parameters):
                call.headers.append(("Idempotency-Key", f"batch-{self.rng.randrange(1_000_000)}"))
                if any(isinstance(each, dict) and "id" in each for each in lines):
                    call.allowed = None  # Two keys.
        call.declared = len(call.body)
        return call

    def with_body(self):
        return self.good(self.rng.choice([each for each in self.document.operations if each.body]))

    def wrong_body(self):
        """A body with something changed in it: the schema says whether it is allowed still."""
        call = self.with_body()
        operation = self.document.find(call.method, call.path)
        schema = operation.content("application/json")
        call.title, call.headers = "changed body", self.headers("application/json")
        value = self.value(schema)
        for _ in range(self.rng.randint(1, 3)):
            value = self.spoiled(value)
        call.body = json.dumps(value, ensure_ascii=self.rng.random() < 0.5).encode("utf-8", "surrogatepass")
        call.declared, call.allowed = len(call.body), allows(self.document, schema, call.body)
        return call

    def wrong_bytes(self):
        """A body that is no JSON, or none that everybody reads in one way; or less of it than was promised."""
        call, rng = self.with_body(), self.rng
        call.title, call.headers = "broken body", self.headers("application/json")
        schema = self.document.find(call.method, call.path).content("application/json")
        text = json.dumps(self.value(schema)).encode()
        place = rng.randrange(len(text))
        call.body = [
            text[:place], text[:place] + bytes([rng.randrange(256)]) + text[place + 1:], b"[" * 5_000, b'{"a":' * 5_000, text + text, b"\xef\xbb\xbf" + text,
            text.decode().encode("utf-16"), b'{"to":"a","text":"\\ud800"}', b'{"to":"a","to":"a","text":""}', b"\xff\xfe", b"NaN",
            b'{"to":"a","text":"' + b"x" * 1_500_000 + b'"}',
        ][rng.randrange(12)]
        call.declared, call.allowed = len(call.body), allows(self.document, schema, call.body)
        if not call.body:  # It is one without fields, where no field is needed.
            call.allowed = None
        if rng.random() < 0.1:
            call.declared, call.allowed, call.is_http = len(call.body) + 10, None, False
        return call

    def wrong_place(self):
        """A method or a path that nobody describes, or odd values in a path and a query."""
        call, rng = self.good(self.operation()), self.rng
        call.title, call.allowed = "wrong place", None
        match rng.randrange(6):
            case 0: call.method = rng.choice(["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "DELETE", "GET", "POST", "BREW", "get"])
            case 1: call.path = rng.choice(["/", "//", "/v1", "/v2/clients", "/v1/clients/a/b/c", "/v1/messages/", "/v1/nodes/x/dance", "/..", "/%2e%2e/v1/nodes",
                                            "/v1/clients/../nodes", "/metrics/x", "/openapi.json.bak", "*", "/v1/clients#x"])
            case 2: call.path = f"/v1/clients/{rng.choice(['%00', '%zz', '%', '%2F', '%C3%A9', '%FF', 'x' * 4_000, '%2e%2e', '..', '+', '%0d%0aX:1', SECRET + '%20'])}"
            case 3: call.path = "/v1/clients?" + rng.choice(["limit=0", "limit=1001", "limit=-1", "limit=1e3", "limit=", "limit=99999999999999999999", "user=a%2Fb",
                                                             "after=%20", "user=", "sort=up", "limit=1&limit=2", "&&=&", "user=%FF", "x" * 3_000, SECRET])
            case 4: call.path = call.path + rng.choice(["?", "?x=1", "/", "%20", ";x"])
            case 5: call.path = "http://" + self.host + call.path
        return call

    def wrong_head(self):
        """Headers that are missing, foreign, odd or too many."""
        call, rng = self.good(self.operation()), self.rng
        call.title, call.allowed = "wrong head", None
        kind = rng.randrange(9)
        if kind == 0:
            call.headers = [each for each in call.headers if each[0] != "Host"]
        elif kind == 1:
            call.headers[0] = ("Host", rng.choice(["evil.example.com", "", "a:b:c", "127.0.0.1:1:2", "[::1", "localhost.", "é", SECRET]))
        elif kind == 2:
            call.headers.append(("Host", self.host))
        elif kind == 3:
            call.headers.append(("Origin", rng.choice(["https://evil.example.com", "null", "", f"http://{self.host}"])))
        elif kind == 4:
            call.headers.append(("Sec-Fetch-Site", rng.choice(["cross-site", "same-site", "", "x"])))
        elif kind == 5:
            wrong = rng.choice(["", "text/plain", "application/xml", "application/json; charset=utf-7", "application/x-www-form-urlencoded", "APPLICATION/JSON", ";"])
            call.headers = [each for each in call.headers if each[0] != "Content-Type"] + [("Content-Type", wrong)]
        elif kind == 6:
            call.headers = [each for each in call.headers if each[0] != "Authorization"]
            call.headers.append(("Authorization", rng.choice([f"Bearer {SECRET}", "Bearer", "Basic " + base64.b64encode(SECRET.encode()).decode(), "", f"bearer {self.key}"])))
        elif kind == 7:
            key = rng.choice(["", "x" * 129, "a", "k\tk", "é"])
            call.headers += [("Idempotency-Key", key)] * rng.randint(1, 2)
        else:
            call.headers += [(f"X-{index}", "v" * rng.choice([1, 100])) for index in range(rng.choice([1, 50, 120]))]
        return call

    def wrong_http(self):
        """What is hardly HTTP."""
        rng, text = self.rng, self.good(self.operation()).bytes()
        head = f"Host: {self.host}\r\n" + (f"Authorization: Bearer {self.key}\r\n" if self.key else "") + "Content-Type: application/json\r\nConnection: close\r\n"
        raw = [
            text[:rng.randrange(1, len(text))], rng.randbytes(rng.randrange(1, 300)), b"GET /v1/nodes\r\n\r\n", b"GET /v1/nodes HTTP/9.9\r\n\r\n",
            f"POST /v1/messages HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
            f"POST /v1/messages HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n".encode(),
            f"POST /v1/messages HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n5\r\n{{\"to\"\r\n0\r\n\r\n".encode(),
            f"POST /v1/messages HTTP/1.1\r\n{head}Content-Length: -1\r\n\r\n".encode(), f"POST /v1/messages HTTP/1.1\r\n{head}Content-Length: 99999999999999999999\r\n\r\n".encode(),
            f"POST /v1/messages HTTP/1.1\r\n{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}".encode(),
            f"GET /v1/nodes HTTP/1.1\r\n{head}X: {'y' * 100_000}\r\n\r\n".encode(), f"GET /{'p' * 100_000} HTTP/1.1\r\n{head}\r\n".encode(),
            f"GET /v1/nodes HTTP/1.1\r\n{head} folded: 1\r\n\r\n".encode(), f"GET /v1/nodes HTTP/1.1\n{head}\n".encode(),
            f"GET /v1/nodes HTTP/1.1\r\n{head}Expect: 100-continue\r\n\r\n".encode(), f"CONNECT a:1 HTTP/1.1\r\n{head}\r\n".encode(),
            f"GET /v1/nodes HTTP/1.1\r\n{head}Upgrade: websocket\r\n\r\n".encode(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(100), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ]
        call = Call("hardly HTTP", "?", "/", is_http=False)
        call.raw = rng.choice(raw)
        return call


def allows(document, schema, body):
    """Whether the schema allows the bytes; None where it does not say, since sizes are settings."""
    try:
        value = strict_json(body.decode())
    except (ValueError, RecursionError):
        return False
    if len(body) > 60_000:
        return None
    faults = document.faults(value, schema)
    if faults:
        return False
    # The schema counts characters where the API counts bytes.
    return True if json.dumps(value, ensure_ascii=False).isascii() else None


class Wire:
    """One connection for each call, byte by byte."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))

    def ask(self, call):
        with socket.create_connection(self.address, timeout=TIMEOUT) as connection:
            reader = None
            try:
                connection.sendall(call.bytes())
                if not call.is_http:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                call.is_http = False  # It was answered, and closed, before everything was said; the answer may be lost.
            try:
                reader = http.client.HTTPResponse(connection, method=call.method)
                reader.begin()
                status, headers = reader.status, {name.lower(): value for name, value in reader.getheaders()}
                try:
                    return Answer(status, headers, reader.read())
                except http.client.HTTPException:
                    return Answer(status, headers, b"", complete=False)
            except (http.client.HTTPException, ConnectionError):
                return Answer(None)
            finally:
                if reader is not None:
                    reader.close()


class Fuzz(Trial):
    """Two nodes, one with an admin key, one without."""

    name = "openapi"

    def __init__(self, options, rng, folder):
        super().__init__(options, rng, folder)
        key = os.path.join(folder, "key")
        with open(key, "w", encoding="utf-8") as file:
            file.write(KEY)
        store = os.path.join(folder, "store.db")
        self.nodes = [Node(options.program, "open", store, folder), Node(options.program, "keyed", store, folder, ["--admin-key-file", key])]
        self.faults = 0

    def clean(self):
        for node in self.nodes:
            if node.is_running:
                node.kill()

    def fault(self, text):
        self.faults += 1
        if self.faults <= 20:
            print(f"WRONG: {text}", flush=True)

    def fetch(self, node, path):
        connection = http.client.HTTPConnection(node.admin, timeout=TIMEOUT)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def run(self):
        began = time.monotonic()
        for node in self.nodes:
            node.start()
        counts = {}
        for node, key in zip(self.nodes, ("", KEY)):
            self.try_node(node, key, self.options.cases // 2, counts)
        done = ", ".join(f"{title} {count}" for title, count in sorted(counts.items()))
        print(f"{sum(counts.values())} calls ({done}), {self.faults} wrong, {time.monotonic() - began:.0f} s", flush=True)
        return self.faults == 0

    def try_node(self, node, key, cases, counts):
        status, text = self.fetch(node, "/openapi.json")
        if status != 200:
            raise RuntimeError(f"node {node.name} answers {status} to /openapi.json")
        document = Document(strict_json(text))
        files = open_files(node)
        draw, wire, public = Draw(document, node.admin, key, node.name, self.rng), Wire(node.admin), Wire(node.listen)
        statuses = set()
        for number in range(cases):
            call = draw.call() if number >= len(document.operations) else draw.good(document.operations[number])
            counts[call.title] = counts.get(call.title, 0) + 1
            answer = (public if call.is_public else wire).ask(call)
            statuses.add(answer.status)
            for fault in self.judge(document, call, answer):
                self.fault(f"{node.name}, {call.title}: {call.bytes()[:500]!r}: {fault}; {answer.status} {answer.body[:300]!r}")
            if not node.is_running:
                raise RuntimeError(f"node {node.name} ended with {node.process.returncode} after {call.bytes()[:2_000]!r}")
        for needed in (200, 204, 400, 403, 404, 415) if not key else (200, 204, 400, 401, 404):
            if needed not in statuses:
                self.fault(f"{node.name}: no call was answered {needed}: the draws are too tame")
        self.look_behind(node, document, files)

    @staticmethod
    def judge(document, call, answer):
        """What is wrong with the answer to a call."""
        leaks = [f"the answer holds {leak!r}" for leak in LEAKS if leak in answer.body and not is_described(answer)]
        if call.is_http:
            return leaks + judge(document, call.method, call.target, answer, call.allowed)
        # What is hardly HTTP may be answered like HTTP, by a bare 400, or by the end of the connection.
        if answer.status is not None and answer.status >= 500 and answer.status not in (501, 503, 505, 507):
            leaks.append(f"it failed with {answer.status}")
        return leaks

    def look_behind(self, node, document, files):
        """The node after all that: it is alive, it is as it was, and it has said nothing that it should not."""
        probe = Call("probe", "GET", "/v1/nodes", [("Host", node.admin), ("Authorization", f"Bearer {KEY}")], allowed=True)
        for fault in self.judge(document, probe, Wire(node.admin).ask(probe)):
            self.fault(f"{node.name}, afterwards: {fault}")
        deadline = time.monotonic() + TIMEOUT
        while (now := open_files(node)) > files + MORE_FILES and time.monotonic() < deadline:
            time.sleep(0.1)
        if now > files + MORE_FILES:
            self.fault(f"{node.name} holds {now} files open, and held {files}")
        for line in node.errors():
            self.fault(line)
        with open(node.log, "rb") as log:
            text = log.read()
        for leak in (SECRET.encode(), KEY.encode()):
            if leak in text:
                self.fault(f"the log of {node.name} holds {leak!r}")


def is_described(answer):
    """Whether the answer is about programs and may name what others do not: metrics, and the description itself."""
    return answer.kind == "text/plain" or answer.body[:11] == b'{"openapi":'


def open_files(node):
    """How many files the node holds open; 0 where nobody tells."""
    try:
        return len(os.listdir(f"/proc/{node.process.pid}/fd"))
    except OSError:
        return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--cases", type=int, default=1_200, help="how many calls are drawn (default: 1200)")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    return Fuzz.conduct(options, f"{options.cases} calls; ")


if __name__ == "__main__":
    sys.exit(main())
