import socket
import threading
import time
import unittest

from proxy import DOWN, UP, Proxy

PATIENCE = 60  # Seconds that only a hang takes.


class ProxyTests(unittest.TestCase):
    def setUp(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.proxy = Proxy(f"127.0.0.1:{self.server.getsockname()[1]}")
        self.sockets = [self.server]

    def tearDown(self):
        for some in self.sockets:
            some.close()
        self.proxy.close()

    def link(self):
        """A client and the server's end of its connection."""
        host, port = self.proxy.address.rsplit(":", 1)
        client = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.server.settimeout(PATIENCE)
        node, _ = self.server.accept()
        node.settimeout(PATIENCE)
        self.sockets += [client, node]
        return client, node

    def until(self, fits):
        deadline = time.monotonic() + PATIENCE
        while not fits() and time.monotonic() < deadline:
            time.sleep(0.005)
        self.assertTrue(fits())

    def received(self, end, count):
        data = b""
        while len(data) < count and (piece := end.recv(count - len(data))):
            data += piece
        return data

    def test_it_forwards_both_ways(self):
        client, node = self.link()
        client.sendall(b"up")
        self.assertEqual(self.received(node, 2), b"up")
        node.sendall(b"down")
        self.assertEqual(self.received(client, 4), b"down")
        self.assertEqual((self.proxy.count, self.proxy.taken, self.proxy.swallowed), (1, 1, {UP: 0, DOWN: 0}))

    def test_it_forwards_much_to_who_reads_slowly(self):
        client, node = self.link()
        data = bytes(range(256)) * 40_000
        sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
        sender.start()
        self.assertEqual(self.received(node, len(data)), data)
        self.assertEqual(node.recv(1), b"")
        sender.join(PATIENCE)

    def test_one_direction_is_swallowed_and_the_other_is_not(self):
        for swallowed in (UP, DOWN):
            client, node = self.link()
            sender, receiver = (client, node) if swallowed == UP else (node, client)
            before = self.proxy.swallowed[swallowed]
            self.proxy.swallow(swallowed)
            sender.sendall(b"lost")
            self.until(lambda: self.proxy.swallowed[swallowed] == before + 4)
            receiver.sendall(b"back")
            self.assertEqual(self.received(sender, 4), b"back")
            self.proxy.swallow()
            sender.sendall(b"found")
            self.assertEqual(self.received(receiver, 5), b"found", "what was lost stays lost")

    def test_an_end_is_forwarded(self):
        client, node = self.link()
        client.close()
        self.assertEqual(node.recv(1), b"")
        node.close()
        self.until(lambda: self.proxy.count == 0)

    def test_an_end_that_is_swallowed_is_not_seen(self):
        client, node = self.link()
        self.proxy.swallow(UP, DOWN)
        client.sendall(b"last")
        client.close()
        self.until(lambda: self.proxy.swallowed[UP] == 4)
        self.proxy.swallow(UP)
        other, other_node = self.link()
        node.setblocking(False)
        with self.assertRaises(BlockingIOError):  # Neither bytes nor an end have come.
            node.recv(1)
        node.setblocking(True)
        node.close()
        self.until(lambda: self.proxy.count == 1)
        other_node.sendall(b"x")
        self.assertEqual(self.received(other, 1), b"x")

    def test_who_comes_meanwhile_is_taken_and_hears_nothing(self):
        self.proxy.swallow(UP, DOWN)
        client, node = self.link()
        client.sendall(b"hello")
        self.until(lambda: self.proxy.swallowed[UP] == 5)
        node.sendall(b"hello")
        self.until(lambda: self.proxy.swallowed[DOWN] == 5)

    def test_a_node_that_is_away_ends_the_connection(self):
        self.server.close()
        host, port = self.proxy.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
            self.assertEqual(client.recv(1), b"")


if __name__ == "__main__":
    unittest.main()
