"""A real haproxy in front of real nodes, with its health check on `/ready`."""

import csv
import os
import socket
import subprocess
import time

from article import block, replaced

FRAME = """\
global
    maxconn {connections}
    stats socket {socket} mode 600 level admin
    log stdout format raw local0

{rest}"""


def configuration(listen, servers, stats, connections, inter):
    """The article's configuration with our addresses. servers: [(name, address)]; inter: seconds between two checks of a server."""
    text = replaced(block("haproxy"), r"^defaults$", "defaults\n    log global\n    option httplog")
    text = replaced(text, r"bind :8080$", f"bind {listen}")
    text = replaced(text, r"inter 2s ", f"inter {round(inter * 1000)}ms ")
    lines = "".join(f"    server {name} {address}\n" for name, address in servers)
    return FRAME.format(socket=stats, connections=connections, rest=replaced(text, r"(^    server \S+ \S+\n)+", lines))


def free_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


class Balancer:
    """A haproxy process; the nodes have to run when it starts, since their addresses are known then. Those of spare nodes are fixed before."""

    def __init__(self, folder, nodes, connections, inter, spare=()):
        self.folder, self.nodes, self.inter, self.connections = folder, [*nodes, *spare], inter, connections
        self.first = list(nodes)
        self.listen, self.socket = free_address(), os.path.join(folder, "haproxy.sock")
        self.process = None

    @property
    def url(self):
        return f"ws://{self.listen}/gapless"

    def start(self):
        path = os.path.join(self.folder, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(configuration(self.listen, [(node.name, node.listen) for node in self.nodes], self.socket, self.connections, self.inter))
        checked = subprocess.run(["haproxy", "-c", "-f", path], capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            raise RuntimeError(f"haproxy does not take {path}: {checked.stderr.strip()}")
        with open(os.path.join(self.folder, "haproxy.log"), "ab") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for node in self.first:
            self.wait_for(node)
        return self

    def ask(self, command):
        """What haproxy answers on its socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self.socket)
            connection.sendall(command.encode() + b"\n")
            answer = b""
            while part := connection.recv(65_536):
                answer += part
        return answer.decode()

    @property
    def statistics(self):
        """{server of the backend, or "BACKEND": its fields}."""
        rows = csv.DictReader(self.ask("show stat").removeprefix("# ").splitlines())
        return {row["svname"]: row for row in rows if row["pxname"] == "nodes"}

    def wait_for(self, node, patience=60):
        """Returns when the balancer takes the node for healthy, by a check that was made after this call."""
        deadline = time.monotonic() + patience
        time.sleep(1.2 * self.inter)
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"haproxy ended with {self.process.returncode}; see {self.folder}/haproxy.log")
            try:
                row = self.statistics[node.name]
                if row["status"] == "UP" and row["check_status"] == "L7OK":
                    return
                problem = f"{row['status']} {row['check_status']}"
            except OSError as error:
                problem = str(error)
            if time.monotonic() > deadline:
                raise RuntimeError(f"haproxy does not take node {node.name}: {problem}; see {self.folder}/haproxy.log")
            time.sleep(0.05)

    def counts(self):
        """How many connections each node has, and how often a handshake had to be tried again, or with another node."""
        rows = self.statistics
        totals = {name: int(rows["BACKEND"][name] or 0) for name in ("wretr", "wredis", "econ", "eresp")}
        return {node.name: int(rows[node.name]["scur"]) for node in self.nodes}, totals

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None
