"""Starts, kills and restarts real nodes, for the demo and the tests."""

import json
import os
import select
import signal
import subprocess
import time


class Node:
    """One `gapless serve` process on a shared file; its ports stay the same over restarts."""

    def __init__(self, program, name, store, folder, options=()):
        self.program, self.name, self.store, self.folder = program, name, store, folder
        self.options = list(options)
        self.listen, self.admin = "127.0.0.1:0", "127.0.0.1:0"
        self.process = None
        self.starts = 0

    @property
    def url(self):
        return f"ws://{self.listen}/gapless"

    @property
    def admin_url(self):
        return f"http://{self.admin}"

    def start(self, timeout=30):
        """Starts the node and returns when it says that it is ready."""
        self.starts += 1
        log = open(os.path.join(self.folder, f"node-{self.name}.log"), "ab")
        self.process = subprocess.Popen(
            [self.program, "serve", "--listen", self.listen, "--admin", self.admin, "--store", f"sqlite:{self.store}",
             "--name", self.name, *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        log.close()
        deadline, line = time.monotonic() + timeout, b""
        while not line.endswith(b"\n"):
            rest = deadline - time.monotonic()
            if rest <= 0 or not select.select([self.process.stdout], [], [], rest)[0]:
                raise RuntimeError(f"node {self.name} did not get ready within {timeout} s")
            byte = os.read(self.process.stdout.fileno(), 1)
            if not byte:
                raise RuntimeError(f"node {self.name} ended with {self.process.wait()}; see {self.folder}/node-{self.name}.log")
            line += byte
        ready = json.loads(line)
        if ready.get("event") != "ready":
            raise RuntimeError(f"node {self.name} said {line!r}")
        self.listen, self.admin = ready["listen"], ready["admin"]
        return self

    def kill(self):
        """SIGKILL: no chance to say good-bye."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self, timeout=90):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        finally:
            self.process.stdout.close()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None
