"""A real nginx in front of real nodes, as the documentation has it."""

import os
import re
import socket
import subprocess
import time

from article import block, replaced
from haproxy import free_address

FRAME = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
worker_processes 1;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;

{servers}
}}
"""


def configuration(folder, listen, servers, connections):
    """The text of a configuration. servers: addresses."""
    text = block("nginx")
    lines = re.findall(r"^    server .*;$", text, re.MULTILINE)
    if len(lines) != 3:
        raise RuntimeError(f"the article has {len(lines)} servers behind nginx, not 3")
    settings = lines[0].partition(":8400")[2]
    for line in lines[1:]:
        text = text.replace(line + "\n", "")
    text = text.replace(lines[0], "\n".join(f"    server {address}{settings}" for address in servers))
    return FRAME.format(folder=folder, servers=replaced(text, r"listen 8080;", f"listen {listen};"), connections=connections)


class Nginx:
    """An nginx process; the nodes have to run when it starts, since their addresses are known then."""

    def __init__(self, folder, nodes, connections):
        self.folder, self.nodes, self.connections = folder, nodes, connections
        self.listen, self.process = free_address(), None

    @property
    def url(self):
        return f"ws://{self.listen}/gapless"

    def start(self, patience=30):
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(configuration(self.folder, self.listen, [node.listen for node in self.nodes], self.connections))
        command = ["nginx", "-p", self.folder, "-e", os.path.join(self.folder, "nginx.log"), "-c", path]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            raise RuntimeError(f"nginx does not take {path}: {checked.stderr.strip()}")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        host, port = self.listen.rsplit(":", 1)
        deadline = time.monotonic() + patience
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return self
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"nginx does not listen: {error}; see {self.folder}/nginx.log") from error
                time.sleep(0.05)

    def kill(self):
        self.process.terminate()  # Its worker ends with it, which SIGKILL would leave behind.
        self.process.wait()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None
