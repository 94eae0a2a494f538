#!/usr/bin/env python3
"""A client of gapless.v1, written from Protocol.md alone, with nothing but the standard library.

    minimal-client.py URL [URL...] --client NAME --state FILE [--token T | --token @FILE] [--idle-exit SECONDS]
    minimal-client.py --conformance          # does what the conformance kit says on standard input (§18.2)

Each message becomes a line of standard output, each line of standard input an uplink message; gaps and resets are told on standard
error. The state file survives SIGKILL: it holds the position and the outbox, and how long the output was when the position was saved.
When standard output is a regular file, a restart cuts it to that length, so that no line is lost and none comes twice.

One thread, one loop. `Connection` is the WebSocket (RFC 6455), `Client` the protocol, `State` the file. Numbers of the form §6.2 and
R6.2-1 are those of Protocol.md.
"""

import argparse
import base64
import collections
import fcntl
import hashlib
import heapq
import json
import os
import random
import re
import secrets
import selectors
import signal
import socket
import ssl
import stat
import struct
import sys
import tempfile
import time
import urllib.parse

SUBPROTOCOL = "gapless.v1"
LARGEST_NUMBER = 2**53 - 1
LARGEST_FRAME = 1_048_576 + 64      # what R4.3-4 asks a client to accept, with its head
ACK_DELAY = 0.25                    # R6.3-5
OPEN_TIMEOUT = 10.0                 # TCP, TLS and handshake together; the protocol names no time
CLOSE_TIMEOUT = 5.0                 # from ERROR or our Close to the end of the socket
HEALTHY_AFTER = 30.0                # R11.4-2
FORCE_AGAIN_AFTER = 60.0            # R5.3-12
LATE, PROBE = 2.0, 5.0              # R8-5
MOST_PENDING = 512                  # lines of input that may wait; then standard input is not read
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)   # goes on while the machine sleeps, so that a sleep is seen


def now():
    return time.clock_gettime(CLOCK)


def tell(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class Malformed(Exception):
    """The server sent something that does not fit the protocol: close with 4400 and resume (§11.3)."""


# --- reading frames (§3.3 to §3.5) ---------------------------------------------------------------------------------------------------

MSG_HEAD = re.compile(rb"([1-9][0-9]{0,15}) (0|[1-9][0-9]{0,15}) ")
GAP = re.compile(rb"([1-9][0-9]{0,15}) ([1-9][0-9]{0,15}) ([a-z]{1,32})")
NUMBER = re.compile(rb"0|[1-9][0-9]{0,15}")
KEYWORD = re.compile(rb"([A-Z]{1,16})(?: |\Z)")
NAME = re.compile(r"[A-Za-z0-9._~@+:=|/-]{1,129}")
EPOCH = re.compile(r"[A-Za-z0-9._~-]{1,64}")


def number(digits, least=0):
    """A number of a frame: decimal, no sign, no leading zero, at most 2^53-1 (R3.4-1)."""
    if digits is None or not NUMBER.fullmatch(digits) or not least <= int(digits) <= LARGEST_NUMBER:
        raise Malformed("not a number")
    return int(digits)


def json_integer(text):
    """Integers that are none by R3.4-1 (-0, too large) become floats, which no known field accepts."""
    return int(text) if text.isdigit() and len(text) <= 16 and int(text) <= LARGEST_NUMBER else float(text)


def json_object(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("a key twice")
    return result


def json_constant(text):
    raise Malformed(f"{text} is not JSON")


def check_json(value, depth=1):
    """Depth (R3.5-4) and lone surrogates (R3.5-2), which Python would let pass."""
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, (dict, list)):
        if depth > 8:
            raise Malformed("nested too deep")
        for item in (list(value.keys()) + list(value.values()) if isinstance(value, dict) else value):
            check_json(item, depth + 1)


def parse_object(data):
    if data is None or data[:1] != b"{" or data[-1:] != b"}":
        raise Malformed("no object")
    try:
        value = json.loads(data.decode("utf-8"), parse_int=json_integer, object_pairs_hook=json_object, parse_constant=json_constant)
        check_json(value)
    except (ValueError, RecursionError) as error:
        raise Malformed("bad JSON") from error
    return value


def field(owner, name, kind, least=0, most=LARGEST_NUMBER, needed=True):
    """A known field of the right type and within its bounds (R3.5-6), or None when it is optional and absent."""
    if name not in owner:
        if needed:
            raise Malformed(f"{name} is missing")
        return None
    value = owner[name]
    if type(value) is not kind or kind is int and not least <= value <= most:
        raise Malformed(f"{name} is wrong")
    return value


def parse_endpoints(owner):
    urls = field(owner, "endpoints", list, needed=False)
    if urls is not None and not all(type(url) is str for url in urls):
        raise Malformed("endpoints")
    return urls


def parse_welcome(data):
    """Checks each field of §4.2; a WELCOME without one of them is malformed (R4.2-1)."""
    welcome = parse_object(data)
    if not NAME.fullmatch(field(welcome, "client", str)) or not EPOCH.fullmatch(field(welcome, "epoch", str)):
        raise Malformed("client or epoch")
    for name, least in (("generation", 1), ("after", 0), ("mark", 0), ("heartbeat", 1), ("silence", 1)):
        field(welcome, name, int, least)
    field(welcome, "head", int, welcome["after"])
    resume, reason = field(welcome, "resume", str), field(welcome, "reason", str, needed=False)
    if resume not in ("new", "resumed", "partial", "reset") or (reason is not None) != (resume == "reset"):
        raise Malformed("resume")
    for direction in ("down", "up"):
        window = field(field(welcome, "window", dict), direction, dict)
        field(window, "messages", int, 1), field(window, "bytes", int, 1)
    for name in ("message", "hello", "json"):
        field(field(welcome, "limits", dict), name, int, 1)
    retention = field(welcome, "retention", dict)
    for name, least in (("messages", 1), ("bytes", 1), ("age", 1), ("keep", 0)):
        field(retention, name, int, least)
    if field(retention, "overflow", str) not in ("discardOldest", "rejectNew"):
        raise Malformed("overflow")
    field(welcome, "node", str), field(welcome, "token", str, needed=False)
    if not all(type(name) is str for name in field(welcome, "features", list)):
        raise Malformed("features")
    parse_endpoints(welcome)
    return welcome


def parse_error(data):
    error = parse_object(data)
    field(error, "code", int, 4000, 4999), field(error, "name", str), field(error, "message", str)
    field(error, "retryAfter", int, needed=False), field(error, "jitter", int, needed=False), field(error, "forget", bool, needed=False)
    return error


# --- the state file ------------------------------------------------------------------------------------------------------------------

class Uplink:
    """A line of input on its way up; its number is given when it is first written to a connection (R7.1-1)."""
    __slots__ = ("number", "binary", "payload")

    def __init__(self, number, binary, payload):
        self.number, self.binary, self.payload = number, binary, payload


class State:
    """What survives the process (§5.5), written as a whole and atomically."""

    def __init__(self, path, called):
        self.path, self.called = path, called
        self.client, self.token = called, None
        self.epoch, self.handled, self.last, self.held = None, 0, None, None
        self.instance, self.attempt, self.taken_over = secrets.token_urlsafe(16), 0, False
        self.outbox, self.assigned, self.acked = secrets.token_urlsafe(16), 0, 0
        self.pending = collections.deque()
        self.output = None                              # [device, inode, length] when standard output is a regular file
        self.lock = open(path + ".lock", "ab")          # R5.5-2; beside the file, which is replaced at each save
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(f"{path} is in use by another process")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                saved = json.load(file)
            if saved["called"] != called:
                raise SystemExit(f"{path} belongs to the client {saved['called']}")
            pending = saved.pop("pending")
            self.__dict__.update(saved)
            self.pending.extend(Uplink(n, binary, base64.b64decode(text) if binary else text.encode()) for n, binary, text in pending)

    def save(self):
        names = ("called", "client", "token", "epoch", "handled", "last", "held", "instance", "attempt", "taken_over", "outbox", "assigned", "acked", "output")
        saved = {name: getattr(self, name) for name in names}
        saved["pending"] = [[m.number, m.binary, base64.b64encode(m.payload).decode() if m.binary else m.payload.decode()] for m in self.pending]
        new = self.path + ".new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(saved, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, self.path)
        folder = os.open(os.path.dirname(os.path.abspath(self.path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def forget_position(self):
        self.epoch, self.handled, self.last, self.held = None, 0, None, None

    def new_outbox(self):
        self.outbox, self.assigned, self.acked = secrets.token_urlsafe(16), 0, 0
        for message in self.pending:
            message.number = None
        if self.pending:
            tell("uplink may be repeated")


class Output:
    """Standard output. A regular file is cut to the length that the state knows, and its length goes into the state."""

    def __init__(self, state):
        self.state = state
        about = os.fstat(1)
        self.regular = stat.S_ISREG(about.st_mode)
        saved, state.output = state.output, None
        if self.regular:
            length = about.st_size
            if saved and saved[:2] == [about.st_dev, about.st_ino] and saved[2] < length:
                length = saved[2]
                os.ftruncate(1, length)
            os.lseek(1, 0, os.SEEK_END)
            state.output = [about.st_dev, about.st_ino, length]

    def write(self, data):
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(1, rest):]
            except BlockingIOError:
                time.sleep(0.01)
        if self.regular:
            os.fsync(1)
            self.state.output[2] = os.fstat(1).st_size


# --- WebSocket (RFC 6455) ------------------------------------------------------------------------------------------------------------

class Connection:
    """One WebSocket. Tells its owner `opened(c)`, `message(c, binary, data)` and, once, `ended(c, code)`."""

    def __init__(self, owner, url):
        self.owner, self.url, self.parts = owner, url, urllib.parse.urlsplit(url)
        self.phase = "tcp"                              # tcp, tls, handshake, open, closing, dead
        self.over = False                               # ended() was told: nothing counts any more
        self.input, self.output, self.fragments = bytearray(), bytearray(), None
        self.wants_write = True
        self.key = base64.b64encode(secrets.token_bytes(16)).decode()
        # what the protocol knows of the connection
        self.welcomed, self.error, self.epoch, self.outbox, self.silent = False, None, None, None, False
        self.heartbeat, self.silence, self.since = 20.0, 30.0, None
        self.in_flight, self.in_flight_bytes, self.last_up, self.up, self.largest = collections.deque(), 0, None, None, None
        self.forced = None                              # when its HELLO said force
        self.acked_down, self.counter, self.token_sent, self.retry_after = 0, 0, None, None
        self.authenticating = False                     # AUTH was sent and not answered
        self.heard = self.sent = self.began = now()
        self.probe_until, self.die_at = None, None
        self.sock = None

    def start(self):
        secure = self.parts.scheme == "wss"
        try:
            address = socket.getaddrinfo(self.parts.hostname, self.parts.port or (443 if secure else 80), type=socket.SOCK_STREAM)[0]
            self.sock = socket.socket(address[0], address[1])
            self.sock.setblocking(False)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.owner.selector.register(self.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
            self.sock.connect_ex(address[4])
        except OSError:
            self.end(1006)

    def ready(self, mask):
        """The selector says that the socket can be read or written."""
        try:
            if self.phase == "tcp":
                problem = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if problem:
                    raise OSError(problem, "cannot connect")
                if not mask & selectors.EVENT_WRITE:
                    return
                self.phase = "handshake"
                if self.parts.scheme == "wss":
                    self.owner.selector.unregister(self.sock)
                    self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.parts.hostname, do_handshake_on_connect=False)
                    self.owner.selector.register(self.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
                    self.phase = "tls"
                else:
                    self.request()
            if self.phase == "tls":
                self.sock.do_handshake()
                self.phase = "handshake"
                self.request()
            self.receive()
            self.flush()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            self.watch(isinstance(error, ssl.SSLWantWriteError))
        except Malformed:
            self.owner.fault(self)
        except (OSError, ssl.SSLError):
            self.end(1006)

    def request(self):
        path = self.parts.path or "/"
        host = self.parts.netloc.rpartition("@")[2]
        query = "?" + self.parts.query if self.parts.query else ""
        self.output += (f"GET {path}{query} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Key: {self.key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n").encode()

    def receive(self):
        while self.phase != "dead":
            try:
                data = self.sock.recv(262_144)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            if not data:
                return self.end(1006)
            self.input += data
            if self.phase == "handshake" and not self.response():
                return
            self.parse()
            if self.parts.scheme != "wss":
                return                                  # the selector tells again; TLS may hold bytes that it does not see

    def response(self):
        """The answer to the handshake; True once it is complete and good."""
        end = self.input.find(b"\r\n\r\n")
        if end < 0:
            if len(self.input) > 16_384:
                self.end(1006)
            return False
        lines = bytes(self.input[:end]).decode("latin-1").split("\r\n")
        del self.input[:end + 4]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        accept = base64.b64encode(hashlib.sha1((self.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        if headers.get("retry-after", "").isdigit():
            self.retry_after = min(int(headers["retry-after"]), 3600)
        if (lines[0].split(" ")[1:2] != ["101"] or headers.get("upgrade", "").lower() != "websocket" or "sec-websocket-extensions" in headers
                or headers.get("sec-websocket-accept") != accept or headers.get("sec-websocket-protocol") != SUBPROTOCOL):
            self.end(1006)                              # R3.1-4, and every refusal by HTTP
            return False
        self.phase, self.heard = "open", now()
        self.owner.opened(self)
        return self.phase == "open"

    def parse(self):
        """Takes the complete WebSocket frames out of the input; joins fragments; answers Ping and Close."""
        data, at = self.input, 0
        while self.phase in ("open", "closing") and len(data) - at >= 2:
            first, second, head = data[at], data[at + 1], at + 2
            length = second & 127
            if length > 125:
                size = 2 if length == 126 else 8
                if len(data) < head + size:
                    break
                length = int.from_bytes(data[head:head + size], "big")
                head += size
            opcode, final = first & 15, first & 128
            if first & 0x70 or second & 128 or length > LARGEST_FRAME or (opcode >= 8 and (not final or length > 125)):
                raise Malformed("WebSocket")
            if len(data) < head + length:
                break
            payload, at = bytes(data[head:head + length]), head + length
            if opcode >= 8:
                self.control(opcode, payload)
                continue
            if opcode > 2 or (opcode == 0) != (self.fragments is not None):
                raise Malformed("WebSocket")
            if not final or opcode == 0:
                if opcode:
                    self.fragments = (opcode, bytearray())
                self.fragments[1].extend(payload)
                if len(self.fragments[1]) > LARGEST_FRAME:
                    raise Malformed("too large")
                if not final:
                    continue
                opcode, payload = self.fragments[0], bytes(self.fragments[1])
                self.fragments = None
            if not self.over:
                self.owner.message(self, opcode == 2, payload)
        del data[:at]

    def control(self, opcode, payload):
        if opcode == 8:
            code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
            if self.phase == "open":
                self.write(8, payload[:2])
                self.try_flush()
            self.end(code)
        elif opcode == 9:
            self.heard = now()
            if self.phase == "open" and not self.silent:
                self.write(10, payload)
        elif opcode == 10:
            self.heard = now()
        else:
            raise Malformed("WebSocket")

    def write(self, opcode, payload):
        """Puts one masked frame into the output."""
        length, mask = len(payload), secrets.token_bytes(4)
        if length < 126:
            head = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
        elif length < 65_536:
            head = struct.pack(">BBH", 0x80 | opcode, 0xFE, length)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 0xFF, length)
        masked = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        self.output += head + mask + masked.to_bytes(length, "big")

    def send(self, frame, binary=False):
        if self.phase == "open" and not self.silent:
            self.write(2 if binary else 1, frame if isinstance(frame, bytes) else frame.encode())
            self.sent = now()
            self.try_flush()

    def try_flush(self):
        try:
            self.flush()
        except (OSError, ssl.SSLError):
            self.watch(True)                            # ready() meets the error again, at a place that may end the connection

    def flush(self):
        while self.output and self.phase not in ("tcp", "tls", "dead"):
            try:
                sent = self.sock.send(self.output[:262_144])
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                break
            del self.output[:sent]
        self.watch(bool(self.output))

    def watch(self, write):
        if self.phase != "dead" and write != self.wants_write:
            self.wants_write = write
            self.owner.selector.modify(self.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0), self)

    def close(self, code):
        """Says Close and lets the socket go when the other side answers, 5 s later at most. For the protocol it is over now."""
        self.over = True
        if self.phase == "open":
            self.phase, self.die_at = "closing", now() + CLOSE_TIMEOUT
            self.write(8, struct.pack(">H", code))
            self.try_flush()
        elif self.phase != "closing":
            self.end(code)

    def end(self, code):
        if self.phase != "dead":
            self.phase = "dead"
            if self.sock is not None:
                try:
                    self.owner.selector.unregister(self.sock)
                except (KeyError, ValueError):
                    pass
                self.sock.close()
            self.owner.connections.discard(self)
            if not self.over:
                self.over = True
                self.owner.ended(self, code)


# --- the client (§12.2, §16) ---------------------------------------------------------------------------------------------------------

class Client:
    def __init__(self, options):
        self.options = options
        self.state = State(options.state, options.client)
        self.output = Output(self.state)
        self.selector = selectors.PollSelector()        # epoll does not take regular files, and standard input may be one
        self.timers, self.timer_count = [], 0
        self.connections = set()
        self.newest = self.opening = self.moving = None
        self.urls = random.sample(options.url, len(options.url))
        self.given, self.not_before, self.turn = [], {}, 0
        self.failures = self.failed_resumes = 0
        self.unheeded = None                            # whether to forget the name too: a 4200-4299 while a second connection was opening
        self.force, self.last_force = False, None
        self.taken, self.taken_last = self.state.handled, self.state.last
        self.lines, self.reports = [], []               # taken, not yet written: they are handled in commit()
        self.unacked = self.octets = 0
        self.commit_at, self.dirty = None, False
        self.rest, self.input_open, self.input_watched = b"", True, False
        self.busy = now()                               # for --idle-exit
        self.leaving, self.result = None, None

    # the loop

    def run(self):
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: None)
        self.selector.register(reader, selectors.EVENT_READ, None)
        self.connect(self.next_url())
        while self.result is None:
            self.watch_input()
            for key, mask in self.selector.select(max(0.0, self.next_deadline() - now())):
                if key.data is None:
                    reader.recv(64)
                    self.leave()
                elif key.data == "input":
                    self.read_input()
                elif key.data.phase != "dead":
                    key.data.ready(mask)
            self.run_timers()
        signal.set_wakeup_fd(-1)
        return self.result

    def after(self, delay, action):
        self.timer_count += 1
        heapq.heappush(self.timers, (now() + delay, self.timer_count, action))

    def next_deadline(self):
        times = [now() + 5.0]                           # a look around every 5 s costs nothing
        if self.timers:
            times.append(self.timers[0][0])
        if self.commit_at is not None:
            times.append(self.commit_at)
        if self.options.idle_exit is not None:
            times.append(self.busy + self.options.idle_exit if not self.state.pending else now() + 1)
        for c in self.connections:
            if c.die_at is not None:
                times.append(c.die_at)
            elif c.phase != "open":
                times.append(c.began + OPEN_TIMEOUT)
            elif not c.silent:
                times += [c.sent + c.heartbeat, c.probe_until or c.heard + c.silence]
        return min(times)

    def run_timers(self):
        t = now()
        if self.commit_at is not None and t >= self.commit_at:
            self.commit()
        while self.timers and self.timers[0][0] <= t:
            heapq.heappop(self.timers)[2]()
        for c in list(self.connections):
            self.check_liveness(c, t)
        if self.leaving is not None and (not self.connections or t >= self.leaving):
            self.result = self.result or 0
        elif self.options.idle_exit is not None and t - self.busy >= self.options.idle_exit and not self.state.pending and not self.leaving:
            self.leave()

    def check_liveness(self, c, t):
        """§8: speak after `heartbeat`, end after `silence`, but probe first when the timer itself was late."""
        if c.die_at is not None:
            if t >= c.die_at:
                c.end(1006)
        elif c.phase != "open":
            if t >= c.began + OPEN_TIMEOUT:
                c.end(1006)
        elif not c.silent:
            if c.probe_until is not None and c.heard > c.probe_until - PROBE:
                c.probe_until = None
            deadline = c.probe_until or c.heard + c.silence
            if t >= deadline:
                if c.probe_until is None and t > deadline + LATE:
                    c.probe_until = t + PROBE
                    self.ping(c)
                else:
                    c.close(4105)
                    self.ended(c, 4105)
            elif t >= c.sent + c.heartbeat:
                self.ping(c)

    def ping(self, c):
        c.counter += 1
        c.send(f"PING {c.counter}")

    def leave(self):
        """The application leaves: what was taken is handled and acknowledged, then Close 1000 (§10.3)."""
        if self.leaving is None:
            self.commit()
            self.leaving = now() + CLOSE_TIMEOUT
            for c in list(self.connections):
                c.close(1000)
            self.newest = self.opening = self.moving = None

    def stop(self, code, name):
        """R11.2-3: the position and the outbox are kept, and nobody connects again."""
        tell(f"stopped {code} {name}")
        self.leave()
        self.result = 0 if code == 4502 else 75 if code == 4501 else 77 if 4300 <= code < 4400 or 4450 <= code < 4500 else 1

    # connecting

    def known_urls(self):
        """The endpoints in the order in which they are tried: the caller's, then those that a server told."""
        return self.urls + [url for url in self.given if url not in self.urls]

    def next_url(self, avoid=None):
        """The next endpoint in turn; not one that asked for patience (R11.2-5) while there is another."""
        urls = self.known_urls()
        order = [urls[(self.turn + i) % len(urls)] for i in range(len(urls))]
        self.turn += 1
        order.sort(key=lambda url: (url == avoid, max(0.0, self.not_before.get(url, 0) - now())))
        return order[0]

    def connect(self, url):
        if self.leaving is not None or self.opening is not None:
            return
        if self.unheeded is not None:
            self.forget_position(self.unheeded)
        self.state.attempt += 1
        self.state.save()                               # R5.5-1: before the connection
        self.opening = Connection(self, url)
        self.connections.add(self.opening)
        self.opening.start()

    def token(self):
        if not self.options.token:
            return self.state.token
        if self.options.token.startswith("@"):
            try:
                with open(self.options.token[1:], encoding="utf-8") as file:
                    return file.read().strip()
            except OSError:
                return None
        return self.options.token

    def opened(self, c):
        if c is not self.opening:
            return c.close(1000)
        self.commit()                                   # HELLO tells what is handled (R4.1-5)
        state = self.state
        hello = {"instance": state.instance, "attempt": state.attempt, "outbox": state.outbox, "agent": "minimal-client/1.0"}
        if state.client:
            hello["client"] = state.client
        c.token_sent, c.outbox = self.token(), state.outbox
        if c.token_sent:
            hello["token"] = c.token_sent
        if state.epoch and self.failed_resumes < 3:
            hello.update(epoch=state.epoch, handled=state.handled)
            if state.last:
                hello["last"] = state.last
            if self.taken > state.handled:
                hello["taken"] = [self.taken, self.taken_last[1] if self.taken_last else 0]        # R4.1-9
            if state.held:
                hello["held"] = state.held
        if self.force:
            hello["force"], self.force, c.forced = True, False, now()
        c.send("HELLO " + json.dumps(hello, ensure_ascii=False, separators=(",", ":")))

    def welcome(self, c, w):
        state, older = self.state, self.newest
        if state.client and w["client"] != state.client:
            return self.fault(c)                        # R4.2-5
        self.newest, self.opening, self.failed_resumes, self.unheeded = c, None, 0, None
        c.welcomed, c.since, c.epoch = True, now(), w["epoch"]
        self.last_force = c.forced or self.last_force
        c.heartbeat, c.silence = w["heartbeat"] / 1000, w["silence"] / 1000
        c.eighth = max(1, w["window"]["down"]["messages"] // 8), max(1, w["window"]["down"]["bytes"] // 8)
        c.up, c.largest = w["window"]["up"], w["limits"]["message"]
        state.client, state.token, state.taken_over = w["client"], w.get("token", state.token), False
        if "endpoints" in w:
            self.given = self.usable(w["endpoints"], c)
        self.moving = None
        if older:
            older.silent = True                         # R10.1-5
        if w["epoch"] != state.epoch:
            self.commit(acknowledge=False)              # R5.4-6: the old epoch first
            if older:
                older.close(1000)
            if state.epoch or w["resume"] == "reset":
                tell(f"reset {w.get('reason', '-')}")     # R5.4-4: no reason but the server's
                if w["mark"] >= state.acked and any((m.number or 0) > w["mark"] for m in state.pending):
                    tell("uplink may be repeated")      # R7.4-4
            state.epoch, state.handled, state.last = w["epoch"], w["after"], None
            self.taken, self.taken_last, self.unacked, self.octets = w["after"], None, 0, 0
        elif w["after"] > self.taken:
            self.take_gap(self.taken + 1, w["after"], "acknowledged")
        state.held = w["generation"]
        if w["mark"] < state.acked:                     # §7.4: the server forgot this outbox
            state.new_outbox()
            state.save()
            c.close(1000)
            return self.ended(c, 1000)
        state.assigned = max(state.assigned, w["mark"])
        self.confirm(w["mark"])
        state.save()
        c.acked_down = w["after"]
        self.commit(force=True)                         # handled while the HELLO was under way: say it here
        if older and not older.over:
            self.after(CLOSE_TIMEOUT, lambda: older.close(1000))
        self.flush_uplink()

    def usable(self, urls, c):
        """Endpoints that may be followed: never from TLS to none (§14)."""
        schemes = ("wss",) if c.parts.scheme == "wss" else ("ws", "wss")
        return [url for url in urls or [] if urllib.parse.urlsplit(url).scheme in schemes]

    # frames from the server

    def message(self, c, binary, data):
        c.heard = now()
        if c.error:
            return                                      # R3.7-4
        try:
            self.frame(c, binary, data)
        except (Malformed, UnicodeDecodeError):
            self.fault(c)

    def fault(self, c):
        """The server broke a rule: 4400, then resume with backoff (§11.3)."""
        if not c.over:
            c.close(4400)
            self.ended(c, 1006)

    def frame(self, c, binary, data):
        match = KEYWORD.match(data)
        if not match or (binary and match[1] != b"MSG"):
            raise Malformed("no keyword")
        keyword = match[1]
        rest = data[match.end():] if match.end() > len(keyword) else None
        if not binary:
            data.decode("utf-8")
        if not c.welcomed and keyword in (b"MSG", b"GAP", b"ACK", b"AUTH", b"DRAIN"):
            raise Malformed("before WELCOME")
        current = c is self.newest
        if keyword == b"MSG":
            head = MSG_HEAD.match(rest or b"")
            if not head:
                raise Malformed("MSG")
            seq, at = number(head[1], 1), number(head[2])
            if c.epoch == self.state.epoch and seq > self.taken:
                if seq > self.taken + 1:
                    raise Malformed("a hole")
                self.take_message(seq, at, rest[head.end():], binary)
        elif keyword == b"GAP":
            parts = GAP.fullmatch(rest or b"")
            if not parts or number(parts[2], 1) < number(parts[1], 1):
                raise Malformed("GAP")
            first, last = int(parts[1]), int(parts[2])
            if c.epoch == self.state.epoch and last > self.taken:
                if first > self.taken + 1:
                    raise Malformed("a hole")
                self.take_gap(self.taken + 1, last, parts[3].decode())
        elif keyword == b"ACK":
            self.uplink_acknowledged(c, number(rest, 1))
        elif keyword == b"PING":
            number(rest)
            c.send(b"PONG " + rest)
        elif keyword == b"PONG":
            number(rest)
        elif keyword == b"WELCOME":
            if c.welcomed or c is not self.opening:
                raise Malformed("a second WELCOME")
            self.welcome(c, parse_welcome(rest))
        elif keyword == b"ERROR":
            c.error = parse_error(rest)
            c.die_at = now() + CLOSE_TIMEOUT            # §3.7: the Close follows, or not
        elif keyword == b"AUTH":
            auth = parse_object(rest)
            within, ok = field(auth, "within", int, needed=False), field(auth, "ok", bool, needed=False)
            if (within is None) == (ok is None) or ok is False:
                raise Malformed("AUTH")
            token = self.token()
            if ok:
                c.authenticating = False
            elif current and token and not c.authenticating:
                c.token_sent, c.authenticating = token, True   # R9.3-6
                c.send("AUTH " + json.dumps({"token": token}, ensure_ascii=False))
        elif keyword == b"DRAIN":
            drain = parse_object(rest)
            within, urls = field(drain, "within", int), parse_endpoints(drain)
            if current:
                self.drain(c, within / 1000, self.usable(urls, c))
        elif keyword in (b"HELLO", b"BYE"):
            raise Malformed("only a client says so")
        # else a keyword of a later version: a sign of life (R4.11-4)

    # downlink

    def take_message(self, seq, at, payload, binary):
        self.taken, self.taken_last = seq, [seq, at]
        self.lines += (payload, b"\n")
        self.taken_event(len(payload))

    def take_gap(self, first, last, reason):
        self.taken = last
        self.reports.append(f"gap {first} {last} {reason}")
        self.taken_event(0)

    def taken_event(self, octets):
        self.busy = now()
        self.unacked += 1
        self.octets += octets
        if self.newest and (self.unacked >= self.newest.eighth[0] or self.octets >= self.newest.eighth[1]):
            self.commit()                               # R6.3-3, R6.3-4
        elif self.commit_at is None:
            self.commit_at = now() + ACK_DELAY

    def commit(self, acknowledge=True, force=False):
        """Handles what was taken: writes it, then saves the position, then acknowledges it (R6.3-2)."""
        self.commit_at = None
        if self.lines:
            self.output.write(b"".join(self.lines))
        for line in self.reports:
            tell(line)
        self.lines, self.reports = [], []
        if self.dirty or self.unacked:
            self.state.handled, self.state.last = self.taken, self.taken_last
            self.state.save()
            self.dirty, self.unacked, self.octets = False, 0, 0
        c = self.newest
        if acknowledge and c and c.epoch == self.state.epoch and self.state.handled > c.acked_down:
            c.acked_down = self.state.handled
            c.send(f"ACK {self.state.handled}")

    # uplink

    def watch_input(self):
        """Standard input is read only while the outbox has room: it is saved as a whole at each change."""
        wanted = self.input_open and self.leaving is None and len(self.state.pending) < MOST_PENDING
        if wanted != self.input_watched:
            self.input_watched = wanted
            if wanted:
                self.selector.register(0, selectors.EVENT_READ, "input")
            else:
                self.selector.unregister(0)

    def read_input(self):
        data = os.read(0, 16_384)
        *lines, self.rest = (self.rest + data).split(b"\n")
        if not data:
            self.input_open = False
            if self.rest:
                lines, self.rest = [self.rest], b""
        for line in lines:
            try:
                line.decode("utf-8")
                self.state.pending.append(Uplink(None, False, line))
            except UnicodeDecodeError:
                self.state.pending.append(Uplink(None, True, line))
        if lines:
            self.busy = now()
            self.state.save()
            self.flush_uplink()

    def flush_uplink(self):
        """Sends what the window of the newest connection allows: first the unacknowledged, then the new (§7.1)."""
        c, state = self.newest, self.state
        if not c or self.moving:
            return                                      # R10.1-1
        batch, numbered = [], False
        for message in list(state.pending):
            if message.number is not None and c.last_up is not None and message.number <= c.last_up:
                continue                                # sent on this connection
            size = len(message.payload)
            if message.number is None and size > c.largest:
                tell(f"refused a line of {size} bytes, the limit is {c.largest}")
                state.pending.remove(message)
                continue
            if c.in_flight and (len(c.in_flight) >= c.up["messages"] or c.in_flight_bytes + size > c.up["bytes"]):
                break                                   # R7.3-1
            if message.number is None:
                state.assigned += 1
                message.number, numbered = state.assigned, True
            if c.last_up is not None and message.number != c.last_up + 1:
                c.close(1000)                           # acknowledged elsewhere in between; R7.1-6 leaves no other way
                return self.ended(c, 1000)
            c.last_up = message.number
            c.in_flight.append((message.number, size))
            c.in_flight_bytes += size
            batch.append(message)
        if numbered:
            state.save()                                # R7.1-2: the numbers, before anything is sent
        for message in batch:
            c.send(f"MSG {message.number} ".encode() + message.payload, message.binary)

    def uplink_acknowledged(self, c, seq):
        if c.outbox != self.state.outbox:
            return                                      # an older connection that still speaks of the outbox before
        if seq > self.state.assigned:
            raise Malformed("ACK for what was never sent")     # R7.2-10
        while c.in_flight and c.in_flight[0][0] <= seq:
            c.in_flight_bytes -= c.in_flight.popleft()[1]
        self.confirm(seq)
        if self.moving and c is self.newest and not c.in_flight:
            self.second()
        self.flush_uplink()

    def confirm(self, seq):
        state = self.state
        if seq > state.acked:
            state.acked, self.dirty, self.busy = seq, True, now()
            while state.pending and state.pending[0].number is not None and state.pending[0].number <= seq:
                state.pending.popleft()
            if self.commit_at is None:
                self.commit_at = now() + ACK_DELAY      # the mark tells it too, so this save may wait

    # the end of a connection (§11.2)

    def forget_position(self, name_too):
        self.unheeded = None
        self.commit(acknowledge=False)
        if name_too:
            self.state.client = self.state.token = None
            self.state.new_outbox()
        self.state.forget_position()
        self.taken, self.taken_last = 0, None
        self.state.save()
        tell("reset unknown")

    def ended(self, c, close_code):
        error = c.error or {}
        code = error.get("code", close_code)
        was_newest, was_opening = c is self.newest, c is self.opening
        if was_newest:
            self.newest = None
        if was_opening:
            self.opening = None
        if self.leaving is not None or not (was_newest or was_opening):
            return
        if "retryAfter" in error or c.retry_after:
            patience = error.get("retryAfter", 0) / 1000 or c.retry_after
            self.not_before[c.url] = now() + patience + random.uniform(0, error.get("jitter", 0) / 1000)
        if was_opening and code == 4103:
            self.failed_resumes += 1
        if was_opening and c.forced and code == 4501:
            self.last_force = c.forced                  # one that was lost, or refused for another reason, does not count (R5.3-12)
        if was_newest and self.opening and not 4400 <= code < 4500:
            self.moving = None
            if 4200 <= code < 4300:
                self.unheeded = bool(error.get("forget"))   # R11.2-4, unless the second is welcomed
            return                                      # the second connection is on its way
        if was_opening and self.newest:
            if code == 4500:
                self.new_instance()
            return self.second_failed()                 # a refused second does not end the first (R10.1-7)
        self.moving = None
        healthy = c.welcomed and now() - c.since >= HEALTHY_AFTER
        if healthy:
            self.failures = 0
        rounds = self.failures // len(self.known_urls())
        backoff = random.uniform(0, min(30.0, 0.5 * 2 ** min(rounds, 10)))
        self.failures += 1
        wait = 0.0 if healthy and 4000 <= code < 4400 and not 4100 <= code < 4200 else backoff
        if 4000 <= code < 4100:
            wait += random.uniform(0, error.get("jitter", 0) / 1000)
        elif 4200 <= code < 4300:
            self.forget_position(error.get("forget"))
        elif 4300 <= code < 4400:
            if not self.token() or self.token() == c.token_sent:
                return self.stop(code, error.get("name", ""))
        elif 4400 <= code < 4500 or 4502 <= code < 4550:
            return self.stop(code, error.get("name", ""))
        elif code == 4500 and was_opening:
            self.new_instance()
        elif code == 4501:
            if self.state.taken_over or (self.last_force is not None and now() - self.last_force < FORCE_AGAIN_AFTER):
                self.state.taken_over = True            # R5.3-15
                self.state.save()
                return self.stop(code, "taken-over")
            self.force = True
        url = self.next_url(avoid=None if healthy or len(self.urls) < 2 else c.url)
        self.after(max(wait, self.not_before.get(url, 0) - now()), lambda: self.connect(url))

    def new_instance(self):
        """The saved state went back: its attempts are used up (R5.3-11)."""
        self.state.instance, self.state.attempt, self.state.held = secrets.token_urlsafe(16), 0, None

    # moving (§10.1)

    def drain(self, c, within, urls):
        self.moving = {"from": c, "until": now() + within, "urls": urls, "tries": 0, "begun": self.opening is not None}
        moving = self.moving

        def too_late():                                 # 5 s after `within` without a second connection
            if self.moving is moving and self.newest is c and self.opening is None:
                c.close(1000)
                self.ended(c, 1000)
        self.after(within + CLOSE_TIMEOUT, too_late)
        if not c.in_flight:
            self.second()
        else:
            self.after(within / 2, lambda: self.second() if self.moving is moving else None)

    def second(self):
        """Opens the second connection, once."""
        if not self.moving["begun"] and self.opening is None:
            self.moving["begun"] = True
            self.connect(self.second_url())

    def second_url(self):
        urls = [url for url in self.moving["urls"] if self.not_before.get(url, 0) <= now()]
        return random.choice(urls) if urls else self.next_url(avoid=self.moving["from"].url)

    def second_failed(self):
        moving = self.moving
        if moving is None:
            return
        wait = random.uniform(0, min(30.0, 0.5 * 2 ** min(moving["tries"], 10)))
        moving["tries"] += 1
        url = self.second_url()
        wait = max(wait, self.not_before.get(url, 0) - now())
        if now() + wait < moving["until"]:
            self.after(wait, lambda: self.connect(url) if self.moving is moving else None)


# --- the line protocol of the conformance kit (§18.2) --------------------------------------------------------------------------------

class Commanded(Client):
    """A client that takes commands as lines of standard input, and reports as lines of standard output."""

    def __init__(self, options):
        super().__init__(options)
        self.held = False
        self.confirmed = 0

    def report(self, line):
        self.output.write(line.encode() + b"\n")

    def tell(self, text):
        """What people are told on standard error, as reports."""
        words = text.split(" ")
        if words[0] == "reset":
            self.report(f"reset {words[1]}")
        elif words[0] == "stopped":
            self.report(f"stopped {words[1]}" if words[1] != "4502" else "closed")
        elif text == "uplink may be repeated":
            self.report("repeat")
        elif words[0] == "refused":
            self.report("refused")

    def token(self):
        return self.options.token or self.state.token

    # downlink: reported when it is taken, handled when it is reported, unless handlers are held back

    def take_message(self, seq, at, payload, binary=False):
        self.taken, self.taken_last = seq, [seq, at]
        self.report(f"message {seq} {'binary' if binary else 'text'} {base64.b64encode(payload).decode()}")
        self.taken_event(len(payload))

    def take_gap(self, first, last, reason):
        self.taken = last
        self.report(f"gap {first} {last} {reason}")
        self.taken_event(0)

    def commit(self, acknowledge=True, force=False):
        if self.held:
            self.commit_at = None
        else:
            super().commit(acknowledge, force)

    # uplink

    def confirm(self, seq):
        before = len(self.state.pending)
        super().confirm(seq)
        if len(self.state.pending) < before:
            self.confirmed += before - len(self.state.pending)
            self.report(f"confirmed {self.confirmed}")
        if self.ending and not self.state.pending:
            self.say_bye()

    ending = False

    def say_bye(self):
        if self.newest:
            self.ending = False
            self.newest.send("BYE")
            self.newest.silent = True                   # R10.3-3

    def leave(self):
        super().leave()
        if self.result is None:
            self.report("closed")

    # commands

    def read_input(self):
        data = os.read(0, 262_144)
        if not data:
            os._exit(0)                                 # nobody is there any more
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.obey(line.decode().split(" "))

    def obey(self, words):
        match words:
            case ["token", token]:
                self.options.token = token
                self.report("done")
            case ["hold"]:
                self.commit()
                self.held = True
                self.report("done")
            case ["release"]:
                self.held = False
                self.commit()
            case ["send", kind, payload]:
                self.state.pending.append(Uplink(None, kind == "binary", base64.b64decode(payload)))
                self.flush_uplink()
            case ["close"]:
                self.leave()
            case ["bye"]:
                self.ending = True
                self.confirm(0)
            case _:
                self.report("unsupported")


def commanded():
    """Reads commands up to `connect`, and makes the client that it names."""
    global tell
    options, rest = argparse.Namespace(token=None, idle_exit=None, url=[], client=None), b""
    while not options.url:
        byte = os.read(0, 1)
        if not byte:
            return None
        rest += byte
        if byte == b"\n":
            words, rest = rest.decode().split(), b""
            if words[0] == "token":
                options.token = words[1]
                os.write(1, b"done\n")
            elif words[0] == "connect":
                options.client, options.url = None if words[1] == "-" else words[1], words[2:]
            else:
                os.write(1, b"unsupported\n")
    with tempfile.TemporaryDirectory() as folder:
        options.state = os.path.join(folder, "state")
        client = Commanded(options)
        tell = client.tell
        return client.run()


def main():
    if sys.argv[1:] == ["--conformance"]:
        return commanded()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="+", help="ws: or wss: URL of the service")
    parser.add_argument("--client", default=None, help="name of the client; leave it out where the server names clients")
    parser.add_argument("--state", required=True, metavar="FILE", help="keeps position and outbox")
    parser.add_argument("--token", default=None, help="proof of identity, or @FILE, read again whenever one is wanted")
    parser.add_argument("--idle-exit", type=float, default=None, metavar="SECONDS", help="leave when nothing came for so long and nothing waits")
    return Client(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
