"""A way to a node that forwards bytes, and can fall silent in one direction or both while its connections stay: as half-open connections do."""

import collections
import selectors
import socket
import threading

UP, DOWN = "up", "down"  # From the client to the node, and back.
PIECE = 65_536


class Link:
    """A connection of a client and the one to the node that it is forwarded to."""

    def __init__(self, client, node):
        self.ends = {UP: (client, node), DOWN: (node, client)}  # Direction: (from, to).
        self.waiting = {UP: collections.deque(), DOWN: collections.deque()}
        self.open = {UP, DOWN}  # Directions whose sender has not ended.

    def close(self):
        for end in self.ends[UP]:
            end.close()


class Proxy:
    """Listens at an address of its own and forwards to `target`; one thread does it all.

    While it swallows a direction, what comes is read and thrown away, its end too: neither side sees that nobody gets it. A connection that
    begins meanwhile is taken, as a network does not refuse either, and stays as silent.
    """

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.swallowed, self.swallowing, self.taken = {UP: 0, DOWN: 0}, frozenset(), 0
        self.links = set()
        self.lock = threading.Lock()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.waker, self.wakes = socket.socketpair()
        self.waker.setblocking(False)
        self.selector.register(self.waker, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def count(self):
        """How many connections it forwards."""
        with self.lock:
            return len(self.links)

    def swallow(self, *directions):
        """Throws away what comes in these directions from now on; no directions: forwards everything that comes from now on."""
        with self.lock:
            self.swallowing = frozenset(directions)

    def close(self):
        """Ends it, and all its connections."""
        self.wakes.close()
        self.thread.join(60)

    # The thread.

    def _run(self):
        while True:
            for key, events in self.selector.select():
                if key.fileobj is self.waker:
                    return self._end()
                with self.lock:
                    if key.fileobj is self.listener:
                        self._accept()
                    elif key.data[0] in self.links:
                        self._move(*key.data, events)

    def _end(self):
        with self.lock:
            for link in list(self.links):
                self._drop(link)
        self.selector.close()
        for end in (self.listener, self.waker):
            end.close()

    def _accept(self):
        try:
            client, _ = self.listener.accept()
        except BlockingIOError:
            return
        try:
            node = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        self.taken += 1
        link = Link(client, node)
        self.links.add(link)
        for direction, (source, _) in link.ends.items():
            source.setblocking(False)
            self.selector.register(source, selectors.EVENT_READ, (link, direction))

    def _move(self, link, direction, events):
        """A socket can be read - for its own direction - or written, for the other one."""
        try:
            if events & selectors.EVENT_READ:
                self._read(link, direction)
            if events & selectors.EVENT_WRITE:
                self._write(link, DOWN if direction == UP else UP)
        except OSError:
            self._drop(link)

    def _read(self, link, direction):
        is_swallowed = direction in self.swallowing
        try:
            data = link.ends[direction][0].recv(PIECE)
        except ConnectionError:
            if not is_swallowed:
                raise
            data = b""
        if not data:
            link.open.discard(direction)
        if is_swallowed:
            self.swallowed[direction] += len(data)
            if not link.open:
                self._drop(link)
            elif not data:
                self._wish(link)
            return
        if data:
            link.waiting[direction].append(data)
        self._write(link, direction)

    def _write(self, link, direction):
        target, waiting = link.ends[direction][1], link.waiting[direction]
        while waiting:
            try:
                sent = target.send(waiting[0])
            except BlockingIOError:
                break
            if sent < len(waiting[0]):
                waiting[0] = waiting[0][sent:]
            else:
                waiting.popleft()
        if not waiting and direction not in link.open and direction not in self.swallowing:
            self._finish(link, direction)
        elif link in self.links:
            self._wish(link)

    def _finish(self, link, direction):
        """A sender ended, and that may be seen: so the other side is told, and forgotten once both ended."""
        if not link.open:
            self._drop(link)
            return
        link.ends[direction][1].shutdown(socket.SHUT_WR)
        self._wish(link)

    def _wish(self, link):
        """Waits for what is of use: reading where the sender has not ended, writing where something waits."""
        for direction, (source, _) in link.ends.items():
            other = DOWN if direction == UP else UP
            events = (selectors.EVENT_READ if direction in link.open else 0) | (selectors.EVENT_WRITE if link.waiting[other] else 0)
            known = source.fileno() in self.selector.get_map()
            if not events and known:
                self.selector.unregister(source)
            elif events and known:
                self.selector.modify(source, events, (link, direction))
            elif events:
                self.selector.register(source, events, (link, direction))

    def _drop(self, link):
        self.links.discard(link)
        for end in link.ends[UP]:
            if end.fileno() in self.selector.get_map():
                self.selector.unregister(end)
        link.close()
