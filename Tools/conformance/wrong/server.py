#!/usr/bin/env python3
"""Servers that are wrong on purpose: a right one behind a proxy that spoils what comes from it, so that the conformance kit can be seen to
find it.

    server.py FAULT HOST:PORT    # listens on a free port, which it prints; HOST:PORT is the right server's
    server.py --list             # the faults, each with the rules that it breaks, as JSON
"""

import json
import re
import socket
import sys
import threading

TEXT, BINARY, CLOSE = 1, 2, 8
FAULTS = {}


def breaks(*rules):
    """Marks a fault: a function from a connection's state and a frame (opcode, payload) to the frames in its place."""
    def mark(fault):
        FAULTS[fault.__name__.replace("_", "-")] = (fault, rules)
        return fault
    return mark


def on_welcome(change):
    """The frames in the place of a frame, where a WELCOME is changed."""
    def spoil(state, opcode, payload):
        if payload.startswith(b"WELCOME "):
            welcome = json.loads(payload[8:])
            change(welcome)
            payload = b"WELCOME " + json.dumps(welcome, separators=(",", ":")).encode()
        return [(opcode, payload)]
    return spoil


@breaks("R3.7-1")
def no_error(state, opcode, payload):
    return [] if payload.startswith(b"ERROR ") else [(opcode, payload)]


@breaks("R3.7-2")
def talks_after_error(state, opcode, payload):
    return [(opcode, payload), (TEXT, b"PING 1")] if payload.startswith(b"ERROR ") else [(opcode, payload)]


@breaks("R11.1-1")
def own_names_of_codes(state, opcode, payload):
    return [(opcode, re.sub(rb'"name":"[^"]*"', b'"name":"failure"', payload) if payload.startswith(b"ERROR ") else payload)]


@breaks("R4.2-1")
def welcome_without_head(state, opcode, payload):
    return on_welcome(lambda welcome: welcome.pop("head"))(state, opcode, payload)


@breaks("R4.0-5")
def welcomes_twice(state, opcode, payload):
    return [(opcode, payload)] * (2 if payload.startswith(b"WELCOME ") else 1)


@breaks("R5.3-1")
def one_generation(state, opcode, payload):
    return on_welcome(lambda welcome: welcome.update(generation=1))(state, opcode, payload)


@breaks("R4.2-2")
def own_window(state, opcode, payload):
    return on_welcome(lambda welcome: welcome["window"].update(down={"messages": 256, "bytes": 1_048_576}))(state, opcode, payload)


@breaks("R4.11-1")
def own_features(state, opcode, payload):
    return on_welcome(lambda welcome: welcome.update(features=["example.com-more"]))(state, opcode, payload)


@breaks("R4.11-3")
def own_frames(state, opcode, payload):
    return [(opcode, payload), (TEXT, b"MORE 1")] if payload.startswith(b"WELCOME ") else [(opcode, payload)]


@breaks("R7.2-2", "R7.2-3", "R7.2-6", "R7.2-7")
def forgets_marks(state, opcode, payload):
    return on_welcome(lambda welcome: welcome.update(mark=0))(state, opcode, payload)


@breaks("R5.2-11", "R5.2-12")
def never_partial(state, opcode, payload):
    def change(welcome):
        if welcome["resume"] == "partial":
            welcome["resume"] = "resumed"
    return on_welcome(change)(state, opcode, payload)


@breaks("R5.2-1", "R5.2-6", "R5.2-7", "R5.2-8", "R5.2-9", "R5.2-14", "R5.2-18")
def never_rolls_back(state, opcode, payload):
    def change(welcome):
        if welcome.get("reason") == "rollback":
            welcome["resume"] = "resumed"
            del welcome["reason"]
    return on_welcome(change)(state, opcode, payload)


@breaks("R5.2-11", "R5.2-12", "R6.1-1", "R6.2-1", "R6.2-3", "R6.2-4", "R6.2-5", "R6.2-6", "R6.4-1")
def silent_gaps(state, opcode, payload):
    return [] if payload.startswith(b"GAP ") else [(opcode, payload)]


@breaks("R6.2-4", "R6.2-6")
def everything_expires(state, opcode, payload):
    return [(opcode, payload.replace(b" overflow", b" expired") if payload.startswith(b"GAP ") else payload)]


@breaks("R5.1-7")
def has_its_own_code(state, opcode, payload):
    if payload.startswith(b"ERROR "):
        payload = payload.replace(b'"code":4450,"name":"forbidden"', b'"code":4452,"name":"removed-by-operator"')
    if opcode == CLOSE and payload[:2] == (4450).to_bytes(2, "big"):
        payload = (4452).to_bytes(2, "big") + payload[2:]
    return [(opcode, payload)]


@breaks("R6.1-1", "R5.2-15")
def repeats_itself(state, opcode, payload):
    return [(opcode, payload)] * (2 if payload.startswith(b"MSG 33 ") else 1)


@breaks("R4.3-5")
def ages_backwards(state, opcode, payload):
    words = payload.split(b" ", 3)
    if words[0] == b"MSG":
        state["time"] = min(state.get("time", int(words[2])), int(words[2])) - 1
        payload = b" ".join([words[0], words[1], str(state["time"]).encode(), *words[3:]])
    return [(opcode, payload)]


@breaks("R3.2-6", "R3.2-7")
def all_is_text(state, opcode, payload):
    return [(TEXT, payload.decode("utf-8", "replace").encode())] if opcode == BINARY else [(opcode, payload)]


@breaks("R3.2-7")
def trims(state, opcode, payload):
    return [(opcode, payload.rstrip(b" \r\n\0") if payload.startswith(b"MSG ") and opcode == TEXT and len(payload) > 24 else payload)]


@breaks("R8-1")
def never_pings(state, opcode, payload):
    return [] if payload.startswith(b"PING ") else [(opcode, payload)]


@breaks("R3.1-3")
def selects_nothing(state, opcode, payload):
    return [(opcode, payload)]


@breaks("R3.1-5")
def takes_extensions(state, opcode, payload):
    return [(opcode, payload)]


def head(fault, text):
    """The head of the right server's answer, spoilt."""
    if fault == "selects-nothing":
        return re.sub(rb"(?i)sec-websocket-protocol:[^\r]*\r\n", b"", text)
    if fault == "takes-extensions" and b" 101 " in text:
        return text[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    return text


def read_frame(reader):
    """A frame of a server, which is neither masked nor, from ours, in fragments; None at the end."""
    head = reader.read(2)
    if len(head) < 2:
        return None
    first, length = head
    if length > 125:
        length = int.from_bytes(reader.read(2 if length == 126 else 8), "big")
    return first, reader.read(length)


def write_frame(first, payload):
    length = len(payload)
    if length < 126:
        return bytes([first, length]) + payload
    if length < 65_536:
        return bytes([first, 126]) + length.to_bytes(2, "big") + payload
    return bytes([first, 127]) + length.to_bytes(8, "big") + payload


def up(client, upstream):
    """What the client sends goes on as it came."""
    try:
        while data := client.recv(65_536):
            upstream.sendall(data)
        upstream.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def down(fault, client, upstream):
    """What the right server sends goes on spoilt."""
    spoil, state, reader = FAULTS[fault][0], {}, upstream.makefile("rb")
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        line = reader.readline()
        if not line:
            return
        text += line
    client.sendall(head(fault, text))
    if b" 101 " not in text:
        client.sendall(reader.read())
        return
    while frame := read_frame(reader):
        first, payload = frame
        frames = spoil(state, first & 15, payload) if first & 15 in (TEXT, BINARY) else [(first & 15, payload)]
        client.sendall(b"".join(write_frame(first & 0xF0 | opcode, replaced) for opcode, replaced in frames))


def serve(fault, client, address):
    with client, socket.create_connection(address) as upstream:
        for one in (client, upstream):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=up, args=(client, upstream), daemon=True).start()
        try:
            down(fault, client, upstream)
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    if sys.argv[1:] == ["--list"]:
        print(json.dumps({name: sorted(rules) for name, (_, rules) in FAULTS.items()}))
        return 0
    if len(sys.argv) != 3 or sys.argv[1] not in FAULTS:
        print(__doc__)
        return 64
    host, _, port = sys.argv[2].rpartition(":")
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(sys.argv[1], client, (host, int(port))), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
