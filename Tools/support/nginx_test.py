"""What the documentation shows for nginx is what is run, with our addresses."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from article import block, replaced  # noqa: E402
from nginx import configuration  # noqa: E402


class ConfigurationTest(unittest.TestCase):
    def test_the_servers_are_ours_and_the_rest_is_the_articles(self):
        text = configuration("/tmp/f", "127.0.0.1:9", ["127.0.0.1:1", "127.0.0.1:2"], 200)
        for line in ("    server 127.0.0.1:1 max_fails=1 fail_timeout=10s;\n", "    server 127.0.0.1:2 max_fails=1 fail_timeout=10s;\n", "listen 127.0.0.1:9;"):
            self.assertIn(line, text)
        self.assertNotIn("10.0.0", text)
        for line in block("nginx").splitlines():
            if "10.0.0" not in line and "listen" not in line:
                self.assertIn(line, text)


class ArticleTest(unittest.TestCase):
    def test_a_block_that_is_not_there_is_told(self):
        with self.assertRaisesRegex(RuntimeError, "0 blocks of cobol"):
            block("cobol")

    def test_a_place_that_is_not_there_is_told(self):
        self.assertEqual(replaced("a b", "b", "c"), "a c")
        for text in ("a", "b b"):
            with self.assertRaises(RuntimeError):
                replaced(text, "b", "c")


if __name__ == "__main__":
    unittest.main()
