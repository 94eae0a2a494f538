"""Starts, kills and restarts real nodes, for the demo and the tests."""

import http.client
import json
import os
import random
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

# A line of a log at the level of error or above; what a node that was killed left in pieces may stand before it.
ERROR = re.compile(r"\d\d:\d\d:\d\d\S* (error|critical) |Fatal error")


# What nodes of trials take for a stop, unless their options say otherwise: no balancer has to notice.
STOPPING = {"--drain-wait": "0s", "--drain-time": "500ms", "--move-time": "5s"}


class Node:
    """One `gapless serve` process on a shared file; its ports stay the same over restarts.

    What its handlers print is not read, or appended to the file `output`, which several nodes may share.
    """

    def __init__(self, program, name, store, folder, options=(), output=None, environment=None):
        self.program, self.name, self.store, self.folder = program, name, store, folder
        self.options, self.output = list(options), output
        for option, value in STOPPING.items():
            if option not in self.options:
                self.options += [option, value]
        self.environment = environment  # None: this program's own.
        self.listen, self.admin = "127.0.0.1:0", "127.0.0.1:0"
        self.process = None
        self.starts = 0
        self.log = os.path.join(folder, f"node-{name}.log")
        self.log_place = 0  # How far `errors` has read.

    @property
    def url(self):
        return f"ws://{self.listen}/gapless"

    @property
    def admin_url(self):
        return f"http://{self.admin}"

    def start(self, timeout=30):
        """Starts the node and returns when it says that it is ready."""
        self.starts += 1
        command = [self.program, "serve", "--listen", self.listen, "--admin", self.admin, "--store", f"sqlite:{self.store}",
                   "--name", self.name, *self.options]
        with open(self.log, "ab") as log:
            if self.output is None:
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=self.environment)
                ready = self._ready_on_pipe(timeout)
            else:
                with open(self.output, "ab") as output:
                    begin = output.tell()
                    self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=log, env=self.environment)
                ready = self._ready_in_file(begin, timeout)
        self.listen, self.admin = ready["listen"], ready["admin"]
        return self

    def _ready_on_pipe(self, timeout):
        deadline, line = time.monotonic() + timeout, b""
        while not line.endswith(b"\n"):
            rest = deadline - time.monotonic()
            if rest <= 0 or not select.select([self.process.stdout], [], [], rest)[0]:
                raise RuntimeError(f"node {self.name} did not get ready within {timeout} s")
            byte = os.read(self.process.stdout.fileno(), 1)
            if not byte:
                raise RuntimeError(f"node {self.name} ended with {self.process.wait()}; see {self.log}")
            line += byte
        ready = json.loads(line)
        if ready.get("event") != "ready":
            raise RuntimeError(f"node {self.name} said {line!r}")
        return ready

    def _ready_in_file(self, begin, timeout):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with open(self.output, "rb") as file:
                file.seek(begin)
                for line in file:
                    place = line.rfind(b'{"event":"ready"')
                    ready = json.loads(line[place:]) if place >= 0 and line.endswith(b"\n") else {}
                    if ready.get("node") == self.name:
                        return ready
            if self.process.poll() is not None:
                raise RuntimeError(f"node {self.name} ended with {self.process.returncode}; see {self.log}")
            time.sleep(0.02)
        raise RuntimeError(f"node {self.name} did not get ready within {timeout} s")

    def _let_go(self):
        if self.process.stdout is not None:
            self.process.stdout.close()

    def require_running(self):
        if not self.is_running:
            raise RuntimeError(f"node {self.name} ended by itself with {self.process.returncode}; see {self.log}")

    def errors(self):
        """The errors that its log has got since the last call."""
        with open(self.log, "rb") as file:
            file.seek(self.log_place)
            data = file.read()
        whole = data[:data.rfind(b"\n") + 1]
        self.log_place += len(whole)
        return [f"node {self.name}: {line}" for line in whole.decode(errors="replace").splitlines() if ERROR.search(line)]

    def order(self, name, order, timeout=30):
        """Asks this node to give a node an order: cordon, uncordon or drain."""
        connection = http.client.HTTPConnection(self.admin, timeout=timeout)
        try:
            connection.request("POST", f"/v1/nodes/{name}/{order}", headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"node {self.name} does not {order} node {name}: {answer.status} {text.strip()}")

    def kill(self):
        """SIGKILL: no chance to say good-bye."""
        self.process.kill()
        self.process.wait()
        self._let_go()

    def stop(self, timeout=90):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        finally:
            self._let_go()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None


def integrity(store):
    """What SQLite itself says of the file: "ok", or what is wrong."""
    database = sqlite3.connect(store)
    try:
        return "; ".join(line for line, in database.execute("PRAGMA integrity_check"))
    except sqlite3.Error as error:
        return str(error)
    finally:
        database.close()


# What all trials with real processes have in common.

def add_options(parser, about_program=""):
    """The options of every trial; `Trial.conduct` needs them."""
    parser.add_argument("--program", required=True, help=f"the gapless program{about_program}")
    parser.add_argument("--seed", type=int, default=None, help="repeats the draws of an earlier run, as far as the machine lets them; left out: drawn")
    parser.add_argument("--keep", action="store_true", help="keep the folder with files and logs; it is kept in any case when something fails")


def add_sizes(parser, sizes, how_long):
    """The options that make a trial long or short, of (name, type, what it is, what it is when left out, and that with --quick)."""
    for name, kind, what, usual, quick in sizes:
        parser.add_argument(f"--{name}", type=kind, help=f"{what} ({usual}; with --quick {quick})")
    parser.add_argument("--quick", action="store_true", help=f"other defaults, for about {how_long}")


def settle_sizes(options, sizes):
    """Gives those that were left out their value."""
    for name, _, _, usual, quick in sizes:
        place = name.replace("-", "_")
        if getattr(options, place) is None:
            setattr(options, place, quick if options.quick else usual)
    return options


class Trial:
    """Something that is tried with real processes: with a seed, and in a folder of its own, which is left to whoever looks for a fault.

    A subclass has `run`, which says whether all was good, and `clean`, which ends what still runs.
    """

    name = "trial"

    def __init__(self, options, rng, folder):
        self.options, self.rng, self.folder = options, rng, folder

    @classmethod
    def conduct(cls, options, about=""):
        """Tries it; the exit code of the program."""
        options.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
        folder = tempfile.mkdtemp(prefix=f"gapless-{cls.name}-")
        print(f"seed {options.seed}; {about}files in {folder}", flush=True)
        trial, good = None, False
        try:
            trial = cls(options, random.Random(options.seed), folder)
            good = trial.run()
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            print(f"FAILED: {error}", flush=True)
        finally:
            if trial is not None:
                trial.clean()
            if good and not options.keep:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                print(f"files and logs: {folder}", flush=True)
        return 0 if good else 1
