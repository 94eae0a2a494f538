"""Starts, kills and restarts real clients and senders, for the tests; what they did stands in files."""

import json
import os
import signal
import subprocess
import time

from judge import read_crowd, read_events


class Process:
    """A process that can be killed and started again; each start is a life of its own."""

    def __init__(self, program, folder, name, environment=None):
        self.program, self.folder, self.name = program, folder, name
        self.environment = environment  # None: this program's own.
        self.process, self.starts, self.kills = None, 0, 0

    def path(self, ending):
        return os.path.join(self.folder, f"{self.name}{ending}")

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def launch(self, command, output, log, mode="ab", stdin=subprocess.DEVNULL):
        self.starts += 1
        with open(output, mode) as out, open(log, mode) as errors:
            self.process = subprocess.Popen([self.program, *command], stdin=stdin, stdout=out, stderr=errors, env=self.environment)
        return self

    def kill(self):
        """SIGKILL: no chance to say good-bye."""
        self.kills += 1
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def stop(self, patience=90):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience)

    def require_running(self):
        if not self.is_running:
            raise RuntimeError(f"{self.name} ended by itself with {self.process.returncode}; see {self.folder}")


class Crowd(Process):
    """`gapless crowd`: many clients in one process, which keep nothing over its death."""

    def __init__(self, program, folder, urls, count, name="crowd", options=()):
        super().__init__(program, folder, name)
        self.urls, self.count, self.options = urls, count, list(options)

    def start(self):
        return self.launch(["crowd", *self.urls, "--clients", str(self.count), *self.options], *self.files(self.starts), "wb")

    def files(self, life):
        return self.path(f"-{life}.txt"), self.path(f"-{life}.log")

    @property
    def lives(self):
        """{client: [life, ...]}."""
        lives = {}
        for number in range(self.starts):
            for client, life in read_crowd(*self.files(number)).items():
                lives.setdefault(client, []).append(life)
        return lives


class Reader(Process):
    """`gapless connect` with a state file, which writes what it gets to a file: one life, however often it is killed."""

    def __init__(self, program, folder, urls, client, environment=None):
        super().__init__(program, folder, client.replace("/", "-"), environment)
        self.urls, self.client = urls, client

    def start(self):
        command = ["connect", *self.urls, "--client", self.client, "--state", self.path(".state"), "--format", "json"]
        return self.launch(command, self.path(".jsonl"), self.path(".log"))

    @property
    def life(self):
        return read_events(self.path(".jsonl"))


class Writer(Process):
    """One life of `gapless connect --report-input`: it is fed lines, and says which are safe. What it gets is appended to the file `output`."""

    def __init__(self, program, folder, urls, client, number, output=os.devnull):
        super().__init__(program, folder, f"{client.replace('/', '-')}-{number}")
        self.urls, self.client, self.fed = urls, client, []
        self.state, self.output = os.path.join(folder, f"{client.replace('/', '-')}.state"), output

    def start(self, *more):
        command = ["connect", *self.urls, "--client", self.client, "--state", self.state, "--report-input", "--format", "json", *more]
        return self.launch(command, self.output, self.path(".log"), "ab", subprocess.PIPE)

    def feed(self, lines, tail=b""):
        """Writes the lines, and the beginning of another one that never ends."""
        self.fed += lines
        feed(self, lines, tail)

    @property
    def safe(self):
        """How many of its lines the process has said to be safe."""
        safe = 0
        with open(self.path(".log"), encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith('{"taken":') and line.endswith("}\n"):
                    safe = json.loads(line)["taken"]
        return safe

    def wait_until_safe(self, count, patience=60):
        deadline = time.monotonic() + patience
        while self.safe < count:
            if time.monotonic() > deadline or not self.is_running:
                raise RuntimeError(f"{self.safe} of {count} lines are safe after {patience} s; see {self.path('.log')}")
            time.sleep(0.01)


class Sender(Process):
    """One life of `gapless send`, which is fed lines for one client."""

    def __init__(self, program, folder, admins, client, number):
        super().__init__(program, folder, f"send-{client.replace('/', '-')}-{number}")
        self.admins, self.client = admins, client

    def start(self):
        addresses = [word for address in self.admins for word in ("--admin", address)]
        command = ["send", *addresses, "--to", self.client, "--batch", "50"]
        return self.launch(command, os.devnull, self.path(".log"), "wb", subprocess.PIPE)


def feed(process, lines, tail=b""):
    try:
        os.write(process.process.stdin.fileno(), "".join(f"{line}\n" for line in lines).encode() + tail)
    except BrokenPipeError:
        raise RuntimeError(f"{process.name} ended by itself with {process.process.wait()}; see {process.folder}") from None
