"""Runs the program as a person or a script does, beside real nodes, and counts what is not as it should be."""

import json
import os
import subprocess
import threading

from nodes import Node

DEADLINE = 60  # Seconds that only a hang ever takes.


class Running:
    """A command that runs beside the judge, which waits for what it prints."""

    def __init__(self, command, environment):
        self.lines = {"out": [], "err": []}
        self.changed = threading.Condition()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.threads = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in (("out", self.process.stdout), ("err", self.process.stderr))]
        for thread in self.threads:
            thread.start()

    def _read(self, name, pipe):
        for line in pipe:
            with self.changed:
                self.lines[name].append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()

    def feed(self, lines):
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def wait(self, fits):
        """Waits until fits(lines of output, lines of errors), and tells whether that came."""
        with self.changed:
            return bool(self.changed.wait_for(lambda: fits(self.lines["out"], self.lines["err"]), DEADLINE))

    def says(self, words):
        return self.wait(lambda _, errors: any(words in line for line in errors))

    def end(self):
        """Waits for the end by itself: the exit code, or None."""
        self.process.stdin.close()
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            return None
        for thread in self.threads:
            thread.join(DEADLINE)
        return code


class Judge:
    def __init__(self, program, folder):
        self.program, self.folder, self.faults, self.cases = program, folder, 0, 0
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("GAPLESS_")}
        self.nodes, self.running = [], []

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, contents):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(contents if isinstance(contents, str) else json.dumps(contents))
        return self.path(name)

    def expect(self, title, fine, shown):
        self.cases += 1
        if not fine:
            self.faults += 1
            print(f"WRONG: {title}: {shown}", flush=True)

    def run(self, *arguments, text="", **environment):
        """Runs the program to its end."""
        command = [self.program, *arguments]
        try:
            return subprocess.run(command, input=text, capture_output=True, text=True, timeout=DEADLINE, check=False, env={**self.environment, **environment})
        except subprocess.TimeoutExpired as hang:
            return subprocess.CompletedProcess(command, None, str(hang.stdout), f"still runs after {DEADLINE} s: {hang.stderr}")

    def beside(self, *arguments):
        self.running.append(Running([self.program, *arguments], self.environment))
        return self.running[-1]

    def node(self, name, *options, store=None, **environment):
        node = Node(self.program, name, self.path(store or f"{name}.db"), self.folder, options, environment={**self.environment, **environment})
        self.nodes.append(node)
        return node.start()

    def stops(self, node):
        code = node.stop()
        self.expect(f"SIGTERM of node {node.name}", code == 0, f"exit {code}")

    def end(self):
        for process in [node.process for node in self.nodes if node.is_running] + [client.process for client in self.running]:
            process.kill()
            process.wait()


def lines(text):
    return text.splitlines()


def numbers(first, last):
    return [str(number) for number in range(first, last + 1)]


def joined(items):
    return "".join(f"{item}\n" for item in items)


def shown(done):
    return f"exit {done.returncode}, {done.stdout[-600:]!r}, {done.stderr[-600:]!r}"
