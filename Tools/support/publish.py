"""Sends messages over the HTTP API and notes what the nodes said of each, for the judge."""

import http.client
import json
import threading
import time
import uuid

from judge import Send


def post(node, body, key=None, timeout=30, hang_up=False):
    """Asks a node to send lines of NDJSON: the status and the lines of its answer.

    With `hang_up` the answer is not waited for, as if the publisher died. Raises OSError or HTTPException when nothing is known.
    """
    host, port = node.admin.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
    try:
        headers = {"Content-Type": "application/x-ndjson"}
        if key is not None:
            headers["Idempotency-Key"] = key
        connection.request("POST", "/v1/messages", body=body, headers=headers)
        if hang_up:
            raise ConnectionAbortedError("the publisher went away")
        answer = connection.getresponse()
        return answer.status, answer.read().splitlines()
    finally:
        connection.close()


def settled(status, lines, count):
    """The receipts of the lines of a batch that are stored; None when the answer settles nothing.

    A node that stored some lines and refused the next remembers just that under the key: the rest needs a new one.
    """
    if status != 200:
        return None
    receipts = []
    for line in lines:
        try:
            receipt = json.loads(line)
        except ValueError:
            return None
        if "error" in receipt:
            return None if receipt["error"]["code"] == "unknown" else receipts
        receipts.append(receipt)
    return receipts if len(receipts) == count else None


class Publisher(threading.Thread):
    """Sends batches in order, the same lines under the same key until a node says what became of them."""

    def __init__(self, nodes, clients, rng, rate, name="p", largest=400, hang_up=0.0):
        super().__init__(daemon=True)
        self.nodes, self.clients, self.rng, self.rate, self.name = nodes, clients, rng, rate, name
        self.largest, self.hang_up = largest, hang_up
        self.pause = 0.2  # The longest wait before another node is asked.
        self.sends = []
        self.stopping = threading.Event()
        self.retries, self.count, self.failure = 0, 0, None

    def run(self):
        try:
            began = time.monotonic()
            while not self.stopping.is_set():
                batch = [Send(self.rng.choice(self.clients), f"{self.name}{self.count + offset}", "unknown", self.name)
                         for offset in range(self.rng.randrange(1, self.largest))]
                self.count += len(batch)
                self.sends += batch
                self.send(batch)
                ahead = self.count / self.rate - (time.monotonic() - began)
                if ahead > 0:
                    self.stopping.wait(ahead)
        except Exception as error:  # the main thread reports it
            self.failure = error

    def send(self, batch):
        key, turn, deadline = uuid.uuid4().hex, self.first_turn(), time.monotonic() + 60
        while batch:
            body = "".join(json.dumps({"to": send.client, "text": send.text}) + "\n" for send in batch)
            try:
                status, lines = post(self.nodes[turn % len(self.nodes)], body, key, 15, self.rng.random() < self.hang_up)
                receipts = settled(status, lines, len(batch))
                problem = f"{status} {lines[len(receipts or ()):][:2]!r}"
                if receipts is not None:
                    for send, receipt in zip(batch, receipts):
                        send.fate, delivery = "accepted", receipt["deliveries"][0]
                        send.number, send.epoch = delivery["sequence"], delivery["epoch"]
                    batch, key = batch[len(receipts):], uuid.uuid4().hex
                    if not batch:
                        return
                    if receipts:
                        deadline = time.monotonic() + 60
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            self.retries += 1
            turn += 1
            if time.monotonic() > deadline:
                raise RuntimeError(f"no node accepts a batch: {problem}")
            time.sleep(self.rng.uniform(0, self.pause))

    def first_turn(self):
        """Which node is asked first for a batch."""
        return self.rng.randrange(len(self.nodes))

    def finish(self):
        """Ends after the batch that is under way."""
        self.stopping.set()
        self.join(120)
        if self.failure is not None or self.is_alive():
            raise RuntimeError(f"a publisher failed: {self.failure}")
