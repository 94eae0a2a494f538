"""The commands of the fleet - node and top - with real nodes and a real terminal; parts of `commands.py`."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

from program_judge import DEADLINE, lines, numbers, shown


def fleet(judge):
    """node list, cordon, uncordon, drain, of two nodes on one store; top, once."""
    nodes = {name: judge.node(name, store="fleet.db") for name in ("a", "b")}
    at = ["--admin", nodes["a"].admin_url]

    def listed(node):
        done = judge.run("node", "list", "--admin", node.admin_url, "--json")
        return {fields["name"]: fields for fields in map(json.loads, lines(done.stdout))}

    def reaches(node, fits):
        """Waits until the node's list is as it should be."""
        deadline = time.monotonic() + DEADLINE
        while not fits(listed(node)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return fits(listed(node))

    judge.expect("two nodes see each other", all(reaches(node, lambda seen: set(seen) == {"a", "b"} and all("capacity" in facts for facts in seen.values()))
                                                 for node in nodes.values()), listed(nodes["a"]))
    table = judge.run("node", "list", *at)
    rows = [line.split() for line in lines(table.stdout)]
    judge.expect("node list", table.returncode == 0 and rows[0] == ["NODE", "STATE", "CONNECTIONS", "ATTACHED", "CAPACITY", "SEEN", "READY"]
                 and [row[:4] for row in rows[1:]] == [["a", "serving", "0", "0"], ["b", "serving", "0", "0"]] and "\x1b" not in table.stdout, shown(table))

    def order(title, arguments, code, words="", **environment):
        done = judge.run("node", *arguments, **environment)
        judge.expect(title, done.returncode == code and words in done.stdout + done.stderr, shown(done))
        return done

    order("node cordon of itself --wait", ["cordon", *at, "a", "--wait"], 0, "a: cordoned")
    order("node uncordon of itself --wait --json", ["uncordon", *at, "a", "--wait", "--json"], 0, '{"name":"a","order":"uncordon","state":"serving"}')
    order("node cordon of another --wait, through any node", ["cordon", "b", "--wait", "--json"], 0, '{"name":"b","order":"cordon","state":"cordoned"}',
          GAPLESS_ADMIN=f"127.0.0.1:1,{nodes['a'].admin}")
    judge.expect("the other obeys", reaches(nodes["b"], lambda seen: seen["b"]["state"] == "cordoned" and seen["b"]["notReady"] == ["cordoned"]), listed(nodes["b"]))
    order("node uncordon of another", ["uncordon", *at, "b"], 0, "b: told to uncordon")
    judge.expect("the other obeys again", reaches(nodes["a"], lambda seen: seen["b"]["state"] == "serving"), listed(nodes["a"]))

    for verb in ("cordon", "uncordon", "drain"):
        order(f"node {verb} of nobody", [verb, *at, "nobody"], 65, "no node 'nobody' is alive")
        order(f"node {verb} without a name", [verb, *at], 64)
        order(f"node {verb} of what is no name", [verb, *at, "a b"], 64, "is not the name of a node")
    order("node cordon where nobody listens", ["cordon", "a", "--admin", "http://127.0.0.1:1"], 69, "connection refused")
    order("node list where nobody listens", ["list", "--admin", "http://127.0.0.1:1"], 69, "no node answers")
    order("node list of no address", ["list"], 78, "no node is named")

    client = judge.beside("connect", nodes["a"].url, "--client", "alice/phone")
    judge.expect("a client comes to a", client.says("online alice/phone"), client.lines)
    judge.run("send", *at, "--to", "alice/phone", *numbers(1, 50))
    judge.expect("and gets its messages", client.wait(lambda out, _: len(out) == 50), len(client.lines["out"]))
    once = judge.run("top", *at, "--admin", nodes["b"].admin_url, "--admin", "http://127.0.0.1:1", "--once", "--interval", "200ms")
    seen = lines(once.stdout)
    judge.expect("top --once", once.returncode == 0 and "\x1b" not in once.stdout and max(map(len, seen)) <= 80 and seen[0].split()[:5]
                 == ["NODE", "STATE", "CLIENTS", "LOAD", "SENT/S"] and "no answer: connection refused" in once.stdout
                 and all(f"{name}  serving, ready  {node.admin_url}" in seen for name, node in nodes.items()), shown(once))
    # The names of a node's metrics are those that top looks for.
    judge.expect("top shows what the node measured", all(words in once.stdout for words in ("  store     ", "memory ", "loop lag p99 "))
                 and "memory -" not in once.stdout and "sent -" not in once.stdout and "queues -" not in once.stdout
                 and "done -" not in once.stdout and "new -" not in once.stdout and "waiting -" not in once.stdout, shown(once))
    nobody = judge.run("top", "--admin", "http://127.0.0.1:1", "--interval", "200ms")
    judge.expect("top where nobody listens", nobody.returncode == 69 and "connection refused" in nobody.stdout, shown(nobody))
    hasty = judge.run("top", *at, "--interval", "100ms")
    judge.expect("top --interval of no length", hasty.returncode == 64, shown(hasty))
    client.process.terminate()
    client.end()

    drained = threading.Thread(target=lambda: nodes["b"].process.wait(DEADLINE), daemon=True)
    drained.start()
    order("node drain of another --wait", ["drain", *at, "b", "--wait"], 0, "b: ended")
    drained.join(DEADLINE)
    judge.expect("its process ends with 0", nodes["b"].process.returncode == 0, nodes["b"].process.returncode)
    judge.expect("and it is off the list", set(listed(nodes["a"])) == {"a"}, listed(nodes["a"]))
    order("node drain of a node that went", ["drain", *at, "b"], 65, "no node 'b' is alive")
    order("node drain of itself --wait, and nobody else there", ["drain", *at, "a", "--wait"], 0, "a: ended")
    judge.expect("that process ends with 0 too", nodes["a"].process.wait(DEADLINE) == 0, nodes["a"].process.returncode)

    key = judge.write("fleet.key", "a-key-of-the-fleet-0123456789\n")
    node = judge.node("locked", "--admin-key-file", key)
    order("node list without the key", ["list", "--admin", node.admin_url], 77, "key")
    order("node cordon without the key", ["cordon", "--admin", node.admin_url, "locked"], 77, "key")
    order("node cordon with the key", ["cordon", "--admin", node.admin_url, "locked", "--wait", "--admin-key-file", key], 0, "locked: cordoned")
    judge.stops(node)

    # One that gives its balancer five minutes to notice, as long as another node takes clients.
    nodes = {name: judge.node(name, "--drain-wait", "300s", "--hard-stop", "400s", store="patient.db") for name in ("c", "d", "e")}
    judge.expect("three more see each other", all(reaches(node, lambda seen: len(seen) == 3 and all("capacity" in facts for facts in seen.values()))
                                                for node in nodes.values()), listed(nodes["c"]))
    at = ["--admin", nodes["c"].admin_url]
    order("node drain --timeout", ["drain", *at, "d", "--wait", "--timeout", "100ms"], 124, "the order stands")
    judge.expect("the order stands", reaches(nodes["c"], lambda seen: seen["d"]["state"] == "draining"), listed(nodes["c"]))
    order("node uncordon of one that drains", ["uncordon", *at, "d", "--wait"], 75, "nothing takes that back")
    order("node drain a second time", ["drain", *at, "d"], 0, "d: told to drain")
    order("node drain a second time changes nothing", ["drain", *at, "d", "--wait", "--timeout", "2500ms"], 124, "the order stands")
    order("node drain --now leaves out the wait", ["drain", *at, "d", "--wait", "--now"], 0, "d: ended")
    judge.expect("its process ends with 0 as well", nodes["d"].process.wait(DEADLINE) == 0, nodes["d"].process.returncode)
    # Each signal after the first leaves out the wait.
    nodes["e"].process.send_signal(signal.SIGTERM)
    judge.expect("SIGTERM makes it wait", reaches(nodes["c"], lambda seen: seen["e"]["state"] == "draining"), listed(nodes["c"]))
    nodes["e"].process.send_signal(signal.SIGTERM)
    judge.expect("a second one ends the wait", nodes["e"].process.wait(DEADLINE) == 0, nodes["e"].process.returncode)
    order("node drain of the last one waits for nobody", ["drain", *at, "c", "--wait"], 0, "c: ended")


class Screen:
    """A program in a terminal of its own, and what it wrote there."""

    def __init__(self, command, environment, columns=80, rows=24):
        self.keyboard, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.terminal, self.found = terminal, termios.tcgetattr(terminal)
        self.written = b""

        def take():  # The terminal becomes that of a session of its own, as a shell's is.
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env={**environment, "TERM": "xterm"}, preexec_fn=take)

    def _read(self, patience):
        if not select.select([self.keyboard], [], [], patience)[0]:
            return False
        self.written += os.read(self.keyboard, 65_536)
        return True

    def shows(self, words, after=0):
        """Waits until words were written, and tells whether that came."""
        deadline = time.monotonic() + DEADLINE
        while words.encode() not in self.written[after:]:
            if not self._read(max(0, deadline - time.monotonic())):
                return False
        return True

    def press(self, keys):
        os.write(self.keyboard, keys.encode())
        return len(self.written)

    def resize(self, columns, rows):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self):
        """Waits for the end: the exit code, and whether the terminal is as it was found."""
        deadline = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        while self._read(0):
            pass
        same = termios.tcgetattr(self.terminal) == self.found
        os.close(self.keyboard)
        os.close(self.terminal)
        left = self.written.rfind(b"\x1b[?1049l") > self.written.rfind(b"\x1b[?1049h") > -1
        shown_again = self.written.rfind(b"\x1b[?25h") > self.written.rfind(b"\x1b[?25l")
        return self.process.returncode, same and left and shown_again


def top(judge):
    """top in a terminal: keys, a node that goes and comes back, and every way out."""
    nodes = {name: judge.node(name, store="top.db") for name in ("left", "right")}
    at = [option for node in nodes.values() for option in ("--admin", node.admin_url)]

    def watch(*options, **environment):
        screen = Screen([judge.program, "top", *at, "--interval", "200ms", *options], {**judge.environment, **environment})
        judge.running.append(screen)
        judge.expect("top shows the nodes", screen.shows("2 of 2 addresses answer") and screen.shows("left") and screen.shows("right"), screen.written[-600:])
        return screen

    def ends(title, screen):
        code, same = screen.end()
        judge.expect(f"{title}: exit 0, and the terminal is as it was", (code, same) == (0, True), f"exit {code}, restored {same}, {screen.written[-200:]}")

    screen = watch()
    raw = termios.tcgetattr(screen.terminal)
    judge.expect("top takes the terminal", not raw[3] & (termios.ICANON | termios.ECHO) and b"\x1b[?1049h" in screen.written, raw[3])
    judge.expect("top has colours", b"\x1b[32m" in screen.written, screen.written[-600:])
    place = screen.press("h")
    judge.expect("h: help", screen.shows("any key goes back", place), screen.written[place:])
    place = screen.press("x")
    judge.expect("a key goes back", screen.shows("q quit", place), screen.written[place:])
    place = screen.press("\x1b[Bc")
    judge.expect("c: a question about the chosen node", screen.shows("Cordon right? y/n", place), screen.written[place:])
    place = screen.press("n")
    judge.expect("n: nothing happens", screen.shows("nothing was done", place), screen.written[place:])
    screen.press("c")
    place = screen.press("y")
    judge.expect("y: the order is given", screen.shows("right was told to cordon", place) and screen.shows("cordoned", place), screen.written[place:])
    place = len(screen.written)
    screen.resize(132, 50)
    judge.expect("a wider terminal has more columns", screen.shows("CLOSE/S", place), screen.written[place:])
    place = len(screen.written)
    nodes["right"].kill()
    judge.expect("a node that goes", screen.shows("1 of 2 addresses answer", place) and screen.shows("connection refused", place), screen.written[place:])
    place = len(screen.written)
    nodes["right"].start()
    judge.expect("and comes back", screen.shows("2 of 2 addresses answer", place), screen.written[place:])
    screen.press("q")
    ends("q", screen)

    screen = watch(NO_COLOR="1")
    judge.expect("NO_COLOR", not re.search(rb"\x1b\[[0-9;]+m", screen.written.replace(b"\x1b[0m", b"")), screen.written[-600:])
    screen.press("\x03")
    ends("^C", screen)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        screen = watch()
        screen.process.send_signal(number)
        ends(number.name, screen)

    screen = Screen(["sh", "-i"], {**judge.environment, "PS1": "prompt> ", "ENV": ""})
    judge.running.append(screen)
    screen.shows("prompt> ")
    place = screen.press(f"{judge.program} top {' '.join(at)} --interval 200ms\n")
    judge.expect("top in a shell", screen.shows("2 of 2 addresses answer", place), screen.written[place:])
    place = screen.press("\x1a")
    judge.expect("^Z: the shell is back", screen.shows("\x1b[?1049l", place) and screen.shows("prompt> ", place), screen.written[place:])
    place = screen.press("fg\n")
    judge.expect("fg: top is back", screen.shows("\x1b[?1049h", place) and screen.shows("q quit", place), screen.written[place:])
    place = len(screen.written)
    with open(f"/proc/{screen.process.pid}/task/{screen.process.pid}/children", encoding="ascii") as children:
        watcher = int(children.read().split()[0])
    os.kill(watcher, signal.SIGTSTP)
    judge.expect("SIGTSTP from outside: the terminal is given back, and the shell is there", screen.shows("\x1b[?1049l", place)
                 and screen.shows("prompt> ", place), screen.written[place:])
    place = screen.press("fg\n")
    judge.expect("fg: top is back again", screen.shows("\x1b[?1049h", place) and screen.shows("q quit", place), screen.written[place:])
    place = screen.press("q")
    judge.expect("and ends", screen.shows("prompt> ", place), screen.written[place:])
    screen.press("exit\n")
    ends("a shell with a top that was suspended", screen)
    for node in nodes.values():
        judge.stops(node)
