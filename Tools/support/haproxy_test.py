"""The balancer's configuration says what the tools rely on. (`Balancer.start` has haproxy itself check it, in every run.)"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from haproxy import Balancer, configuration  # noqa: E402

TEXT = configuration("127.0.0.1:9", [("a", "127.0.0.1:1"), ("b", "127.0.0.1:2")], "/tmp/s", 200, 0.3)


class ConfigurationTest(unittest.TestCase):
    def test_nodes_are_asked_whether_they_are_ready(self):
        for line in ("    server a 127.0.0.1:1\n", "    server b 127.0.0.1:2\n", "GET /ready", "expect status 200", "check inter 300ms fall 3 rise 2"):
            self.assertIn(line, TEXT)

    def test_sessions_of_a_node_that_stops_are_left_alone(self):
        self.assertFalse([line for line in TEXT.splitlines() if "shutdown-sessions" in line and not line.lstrip().startswith("#")])


class CountsTest(unittest.TestCase):
    def test_what_haproxy_answers_is_read(self):
        class Answered(Balancer):
            def ask(self, command):
                return ("# pxname,svname,scur,econ,eresp,wretr,wredis,status,check_status,\ngapless,FRONTEND,9,,,,,OPEN,,\n"
                        "nodes,a,4,0,0,0,1,UP,L7OK,\nnodes,BACKEND,4,1,,3,2,UP,,\n\n")

        class Named:
            name = "a"

        self.assertEqual(Answered("/tmp", [Named()], 10, 1).counts(), ({"a": 4}, {"wretr": 3, "wredis": 2, "econ": 1, "eresp": 0}))


if __name__ == "__main__":
    unittest.main()
