#!/usr/bin/env python3
"""Every duty of RFC 6455, tried on both sides of our WebSocket code by a peer that is not ours: raw frames over real sockets.

The server under test is `gapless websocket-echo --listen`, the client `gapless websocket-echo --connect`. The same cases run against both.
"""

import argparse
import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"
PATIENCE = 120  # seconds that only a hang reaches


class Wrong(Exception):
    """The other side did something else than it must."""


def masked(payload, mask):
    if not payload:
        return b""
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", mask=None, final=True, reserved=0, form=None):
    """A frame; `form` 16 or 64 takes a longer length form than needed."""
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    bit = 0x80 if mask is not None else 0
    size = len(payload)
    if form == 64 or (form is None and size > 0xFFFF):
        head += bytes([bit | 127]) + size.to_bytes(8, "big")
    elif form == 16 or (form is None and size > 125):
        head += bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([bit | size])
    return head + (mask + masked(payload, mask) if mask is not None else payload)


class Peer:
    """Our end of one connection."""

    def __init__(self, sock, is_client, rest=b""):
        self.sock = sock
        self.is_client = is_client
        self.mask = MASK if is_client else None
        self.buffer = bytearray(rest)
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # What it said before it hung up is judged.

    def send(self, opcode, payload=b"", **how):
        how.setdefault("mask", self.mask)
        self.raw(frame(opcode, payload, **how))

    def _take(self, count):
        while len(self.buffer) < count:
            try:
                data = self.sock.recv(1 << 20)
            except socket.timeout:
                raise Wrong("nothing came") from None
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError
            self.buffer += data
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def receive(self):
        """The next frame: (opcode, payload, final)."""
        first, second = self._take(2)
        if first & 0x70:
            raise Wrong("a reserved bit is set")
        if bool(second & 0x80) == self.is_client:
            raise Wrong("the mask is where it must not be, or missing")
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(self._take(2), "big")
            if size < 126:
                raise Wrong("a longer length form than needed")
        elif size == 127:
            size = int.from_bytes(self._take(8), "big")
            if size < 65_536:
                raise Wrong("a longer length form than needed")
        mask = self._take(4) if second & 0x80 else None
        payload = self._take(size)
        opcode = first & 0xF
        if opcode >= 8 and (size > 125 or not first & 0x80):
            raise Wrong("a control frame that is long or in parts")
        return opcode, masked(payload, mask) if mask else payload, bool(first & 0x80)

    def expect(self, opcode, payload):
        """A whole message or control frame, and nothing before it."""
        got, data, final = self.receive()
        whole = bytearray(data)
        while not final:
            more, data, final = self.receive()
            if more != CONTINUATION:
                raise Wrong(f"opcode {more} within a message")
            whole += data
        if (got, bytes(whole)) != (opcode, payload):
            raise Wrong(f"opcode {got} with {len(whole)} bytes {bytes(whole[:40])!r} instead of opcode {opcode} with {len(payload)} bytes")

    def expect_close(self, code):
        """A Close with the code (None: without any), after at most what was on its way; then the end of the connection."""
        while True:
            try:
                opcode, payload, _ = self.receive()
            except EOFError:
                raise Wrong(f"the connection ended without Close {code}") from None
            if opcode == CLOSE:
                break
        got = int.from_bytes(payload[:2], "big") if payload else None
        if got != code:
            raise Wrong(f"Close {got} {payload[2:]!r} instead of {code}")
        payload[2:].decode()
        if not self.is_client:
            self.sock.close()  # The server ends TCP first.
            return
        self.expect_end()

    def expect_end(self):
        try:
            opcode, payload, _ = self.receive()
        except EOFError:
            return
        raise Wrong(f"opcode {opcode} {payload[:40]!r} after the end")

    def finish(self):
        """A clean end from our side."""
        self.send(CLOSE, (1000).to_bytes(2, "big"))
        self.expect_close(1000)


# MARK: The cases

CASES = []


def case(name):
    def add(function):
        CASES.append((name, function))
        return function

    return add


def each(name, values):
    """One case for each value; the name has a place for it."""

    def add(function):
        for value in values:
            shown = value if isinstance(value, (int, str)) else value[0]
            CASES.append((name.format(shown), lambda peer, value=value: function(peer, value)))
        return function

    return add


def content(size):
    return (b"Gapless \xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e " * (size // 18 + 1))[:size] if size % 18 == 0 else b"*" * size


@each("a text of {} bytes comes back (5.6, 5.2)", [0, 1, 18, 125, 126, 127, 128, 65_535, 65_536, 65_537, 1 << 20])
def text(peer, size):
    peer.send(TEXT, content(size))
    peer.expect(TEXT, content(size))
    peer.finish()


@each("binary of {} bytes comes back (5.6, 5.2)", [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 1 << 20, 1 << 24])
def binary(peer, size):
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    peer.send(BINARY, data)
    peer.expect(BINARY, data)
    peer.finish()


@case("a message above the limit is refused by its length alone (10.4)")
def too_large(peer):
    peer.raw(frame(BINARY, b"x" * ((1 << 24) + 1), mask=peer.mask)[:14])
    peer.expect_close(1009)


@each("a frame in pieces of {} bytes (5.2)", [1, 2, 7, 997])
def pieces(peer, size):
    data = content(400 if size < 100 else 70_000)
    whole = frame(TEXT, data, mask=peer.mask)
    for start in range(0, len(whole), size):
        peer.raw(whole[start : start + size])
    peer.expect(TEXT, data)
    peer.finish()


@case("a thousand messages at once come back in order (5.4)")
def burst(peer):
    peer.raw(b"".join(frame(TEXT, str(number).encode(), mask=peer.mask) for number in range(1_000)))
    for number in range(1_000):
        peer.expect(TEXT, str(number).encode())
    peer.finish()


# Fragments, RFC 6455 section 5.4.


def in_parts(peer, opcode, parts):
    frames = []
    for index, part in enumerate(parts):
        frames.append(frame(opcode if index == 0 else CONTINUATION, part, mask=peer.mask, final=index == len(parts) - 1))
    peer.raw(b"".join(frames))


@each("a message in {} parts (5.4)", [("two", [b"ab", b"cd"]), ("one and nothing", [b"ab", b""]), ("nothing and one", [b"", b"ab"]),
                                      ("three empty", [b"", b"", b""]), ("many", [b"x"] * 1_025), ("66000", [b"y"] * 66_000)])
def parts(peer, value):
    in_parts(peer, BINARY, value[1])
    peer.expect(BINARY, b"".join(value[1]))
    peer.finish()


@case("more parts than the limit are refused (10.4)")
def too_many_parts(peer):
    in_parts(peer, BINARY, [b""] * 66_001)
    peer.expect_close(1009)


@case("parts that exceed the limit together are refused (10.4)")
def too_large_together(peer):
    peer.send(BINARY, b"x" * (1 << 23), final=False)
    peer.raw(frame(CONTINUATION, b"x" * ((1 << 23) + 1), mask=peer.mask)[:14])
    peer.expect_close(1009)


@case("a Ping between the parts is answered at once (5.4, 5.5.2)")
def ping_between(peer):
    peer.send(TEXT, b"first ", final=False)
    peer.send(PING, b"now")
    peer.expect(PONG, b"now")
    peer.send(PONG, b"nobody asked")
    peer.send(CONTINUATION, b"last")
    peer.expect(TEXT, b"first last")
    peer.finish()


@case("a Close between the parts ends the connection (5.4, 5.5.1)")
def close_between(peer):
    peer.send(TEXT, b"first ", final=False)
    peer.finish()


@each("{} is refused (5.4)", ["a part without a beginning", "a last part without a beginning", "a text within a text", "a binary within a text"])
def out_of_order(peer, what):
    if "without" in what:
        peer.send(CONTINUATION, b"x", final="last" in what)
    else:
        peer.send(TEXT, b"x", final=False)
        peer.send(BINARY if "binary" in what else TEXT, b"y")
    peer.expect_close(1002)


# The head, section 5.2.


@each("reserved bits {} are refused (5.2)", [1, 2, 3, 4, 5, 6, 7])
def reserved(peer, bits):
    peer.send(TEXT, b"fine")
    peer.expect(TEXT, b"fine")
    peer.send(PING if bits == 3 else TEXT, b"x", reserved=bits)
    peer.expect_close(1002)


@each("the opcode {} is refused (5.2)", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def opcode(peer, value):
    peer.send(value, b"x" if value % 2 else b"")
    peer.expect_close(1002)


@each("{} is refused (5.2)", [("125 bytes in the form of 16 bits", 125, 16), ("0 bytes in the form of 64 bits", 0, 64),
                              ("65535 bytes in the form of 64 bits", 65_535, 64)])
def length_form(peer, value):
    peer.send(BINARY, b"x" * value[1], form=value[2])
    peer.expect_close(1002)


@case("a length with the highest bit set is refused (5.2)")
def negative_length(peer):
    peer.raw(bytes([0x82, (0x80 if peer.mask else 0) | 127]) + (1 << 63).to_bytes(8, "big") + (peer.mask or b""))
    peer.expect_close(1002)


@case("a frame that is masked where it must not be, or not where it must, is refused (5.1)")
def wrong_mask(peer):
    peer.send(TEXT, b"x", mask=None if peer.is_client else MASK)
    peer.expect_close(1002)


@case("a mask of zeros is a mask (5.3)")
def mask_of_zeros(peer):
    peer.send(TEXT, b"plain", mask=bytes(4) if peer.is_client else None)
    peer.expect(TEXT, b"plain")
    peer.finish()


# Control frames, section 5.5.


@each("a Ping of {} bytes is answered with them (5.5.2)", [0, 1, 124, 125])
def ping(peer, size):
    peer.send(PING, bytes(range(size)))
    peer.expect(PONG, bytes(range(size)))
    peer.finish()


@case("of many Pings at least the last is answered, each at most once (5.5.3)")
def pings(peer):
    peer.raw(b"".join(frame(PING, str(number).encode(), mask=peer.mask) for number in range(100)) + frame(TEXT, b"end", mask=peer.mask))
    answered, is_back = [], False
    while not is_back or answered[-1:] != [99]:
        got, payload, _ = peer.receive()
        if got == PONG:
            answered.append(int(payload))
        elif (got, payload) == (TEXT, b"end") and not is_back:
            is_back = True
        else:
            raise Wrong(f"opcode {got} {payload!r}")
    if answered != sorted(set(answered)):
        raise Wrong(f"Pongs {answered}")
    peer.finish()


@each("{} is refused (5.5)", ["a Ping of 126 bytes", "a Pong of 126 bytes", "a Close of 126 bytes", "a Ping in parts", "a Close in parts"])
def long_control(peer, what):
    opcode = {"Ping": PING, "Pong": PONG, "Close": CLOSE}[what.split()[1]]
    payload = b"\x03\xe8" if opcode == CLOSE else b""
    peer.send(opcode, payload.ljust(126, b"x") if "126" in what else payload, final="parts" not in what)
    peer.expect_close(1002)


@case("a Pong that nobody asked for is ignored (5.5.3)")
def pong(peer):
    peer.send(PONG, b"x")
    peer.send(TEXT, b"y")
    peer.expect(TEXT, b"y")
    peer.finish()


# UTF-8, section 8.1.

GOOD_TEXTS = ["\u0000", "\u007f\u0080\u07ff\u0800\uffff", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff", "κόσμε", "\ufeffx"]
BAD_TEXTS = [b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3\x28", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xe2\x28\xa1", b"\xed\xa0\x80",
             b"\xed\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80",
             b"\xfe", b"\xff", b"good \xce\xba\xe1\xbd\xb9 \xed\xa0\x80 edited"]
CUT_TEXTS = [b"\xc3", b"\xe2\x82", b"\xf0\x9d\x84", b"good \xf4\x8f\xbf"]


@each("good UTF-8 comes back: {} (8.1)", [(ascii(value), value.encode("utf-8", "surrogatepass")) for value in GOOD_TEXTS])
def good_text(peer, value):
    peer.send(TEXT, value[1])
    peer.expect(TEXT, value[1])
    in_parts(peer, TEXT, [value[1][index : index + 1] for index in range(len(value[1]))])
    peer.expect(TEXT, value[1])
    peer.finish()


@each("bad UTF-8 is refused: {} (8.1)", [(value.hex(), value) for value in BAD_TEXTS + CUT_TEXTS])
def bad_text(peer, value):
    peer.send(TEXT, value[1])
    peer.expect_close(1007)


@each("bad UTF-8 is refused before the message is whole: {} (8.1)", [(value.hex(), value) for value in BAD_TEXTS])
def bad_text_early(peer, value):
    peer.send(TEXT, value[1], final=False)
    peer.expect_close(1007)


@case("a character may be cut by a fragment, and by a Ping within it (5.4, 8.1)")
def cut_character(peer):
    peer.send(TEXT, b"\xf0\x9d", final=False)
    peer.send(PING, b"\xff")
    peer.expect(PONG, b"\xff")
    peer.send(CONTINUATION, b"\x84\x9e")
    peer.expect(TEXT, b"\xf0\x9d\x84\x9e")
    peer.finish()


# Close, sections 5.5.1 and 7.


@case("a Close without a code is answered without one (5.5.1)")
def close_without_code(peer):
    peer.send(CLOSE)
    peer.expect_close(None)


@case("a Close of one byte is refused (5.5.1)")
def close_of_one_byte(peer):
    peer.send(CLOSE, b"\x03")
    peer.expect_close(1002)


@each("a Close with {} is answered with it (7.4)", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
def close_code(peer, code):
    peer.send(CLOSE, code.to_bytes(2, "big") + "bis bald, größer".encode())
    peer.expect_close(code)


@each("a Close with {} is refused (7.4)", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
def bad_close_code(peer, code):
    peer.send(CLOSE, code.to_bytes(2, "big"))
    peer.expect_close(1002)


@case("a Close with the longest reason is answered (5.5)")
def long_reason(peer):
    peer.send(CLOSE, (1000).to_bytes(2, "big") + b"r" * 123)
    peer.expect_close(1000)


@case("a reason that is no UTF-8 is refused (8.1)")
def bad_reason(peer):
    peer.send(CLOSE, (1000).to_bytes(2, "big") + b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")
    peer.expect_close(1007)


@each("{} after a Close is ignored (5.5.1)", ["a text", "a Ping", "a second Close", "garbage"])
def after_close(peer, what):
    more = {"a text": frame(TEXT, b"late", mask=peer.mask), "a Ping": frame(PING, b"late", mask=peer.mask),
            "a second Close": frame(CLOSE, b"\x03\xe9", mask=peer.mask), "garbage": b"\xff" * 40}[what]
    peer.raw(frame(CLOSE, b"\x03\xe8", mask=peer.mask) + more)
    peer.expect_close(1000)


@case("what was sent before a Close comes back before it (7.1.2)")
def message_before_close(peer):
    peer.raw(frame(TEXT, b"last words", mask=peer.mask) + frame(CLOSE, b"\x03\xe8", mask=peer.mask))
    peer.expect(TEXT, b"last words")
    peer.expect_close(1000)


@each("TCP that ends {} ends the connection and nothing else (7.1.5)", ["between frames", "in the head", "in the payload", "in a message"])
def end_of_tcp(peer, where):
    whole = frame(TEXT, b"x" * 300, mask=peer.mask, final=where != "in a message")
    peer.raw({"between frames": b"", "in the head": whole[:1], "in the payload": whole[:200], "in a message": whole}[where])
    peer.sock.shutdown(socket.SHUT_WR)
    try:
        while True:
            peer.receive()
    except EOFError:
        peer.sock.close()


# MARK: The sides


def receive_head(sock):
    """The head of an HTTP message: its first line, its fields with their names in small letters, and the bytes that came behind it."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = sock.recv(4096)
        if not data:
            raise Wrong(f"no handshake but {head!r}")
        head += data
    head, rest = head.split(b"\r\n\r\n", 1)
    first, *lines = head.split(b"\r\n")
    return first, {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}, rest


def accepted(key):
    """What `Sec-WebSocket-Accept` says to a key (4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


class ServerSide:
    """The server under test: one process, a connection for each case."""

    name = "server"

    def __init__(self, program):
        self.process = subprocess.Popen([program, "websocket-echo", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE)
        self.address = json.loads(self.process.stdout.readline())["listen"]

    def connect(self, rest=b""):
        """`rest` is sent together with the request."""
        host, port = self.address.rsplit(":", 1)
        sock = socket.create_connection((host, int(port)), PATIENCE)
        key = base64.b64encode(os.urandom(16))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: " + self.address.encode() + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n" + rest)
        first, fields, rest = receive_head(sock)
        if (not first.startswith(b"HTTP/1.1 101 ") or fields.get(b"sec-websocket-accept") != accepted(key)
                or b"sec-websocket-extensions" in fields):
            raise Wrong(f"the handshake was answered with {first!r} {fields}")
        return Peer(sock, True, rest)

    def run(self, function):
        peer = self.connect()
        try:
            function(peer)
        finally:
            peer.sock.close()

    def end(self):
        """It is still there, takes what came with the request, says 1001 to those who are left, and ends with 0."""
        peer = self.connect(frame(TEXT, b"with the request", mask=MASK))
        peer.expect(TEXT, b"with the request")
        self.process.send_signal(signal.SIGTERM)
        opcode, payload, _ = peer.receive()
        if (opcode, payload[:2]) != (CLOSE, b"\x03\xe9"):
            raise Wrong(f"opcode {opcode} {payload!r} at the end")
        peer.send(CLOSE, b"\x03\xe9")
        peer.expect_end()
        peer.sock.close()
        if self.process.wait(PATIENCE) != 0:
            raise Wrong(f"the server ended with {self.process.returncode}")


class ClientSide:
    """The client under test: a process for each case, which connects to us."""

    name = "client"

    def __init__(self, program):
        self.program = program
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)

    def run(self, function):
        url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/"
        process = subprocess.Popen([self.program, "websocket-echo", "--connect", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            sock, _ = self.listener.accept()
            try:
                function(self.greet(sock))
            finally:
                sock.close()
            out, err = process.communicate(timeout=PATIENCE)
            if process.returncode != 0 or json.loads(out).get("event") != "closed":
                raise Wrong(f"the client ended with {process.returncode}: {out!r} {err!r}")
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

    @staticmethod
    def greet(sock):
        sock.settimeout(PATIENCE)
        first, fields, rest = receive_head(sock)
        if (first != b"GET / HTTP/1.1" or fields[b"upgrade"].lower() != b"websocket" or fields[b"sec-websocket-version"] != b"13"
                or len(base64.b64decode(fields[b"sec-websocket-key"])) != 16 or b"sec-websocket-extensions" in fields):
            raise Wrong(f"the handshake {first!r} {fields}")
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                     + accepted(fields[b"sec-websocket-key"]) + b"\r\n\r\n")
        return Peer(sock, False, rest)

    def end(self):
        self.listener.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the gapless program")
    parser.add_argument("--side", choices=["server", "client"], action="append", help="one side only")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose name contains this")
    options = parser.parse_args()
    failed = count = 0
    for make in (ServerSide, ClientSide):
        if options.side and make.name not in options.side:
            continue
        side = make(options.program)
        for name, function in [(name, function) for name, function in CASES if options.only in name] + [("the end", None)]:
            count += 1
            try:
                side.end() if function is None else side.run(function)
            except (Wrong, EOFError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED: {side.name}: {name}: {error or type(error).__name__}", flush=True)
    print(f"websocket: {count} cases, {failed} failed")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main())
