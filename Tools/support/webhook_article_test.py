"""The examples of the article on webhooks do what it says."""

import hashlib
import hmac
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from backend import article_block, article_verify

SECRET, FORMER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
BODY = b'{"client":"alice/phone","text":"100 % \xc3\xa9\\n"}'


def sign(body, when, *secrets):
    codes = [hmac.new(secret.encode(), str(when).encode() + b"." + body, hashlib.sha256).hexdigest() for secret in secrets]
    return f"t={when}" + "".join(f",v1={code}" for code in codes)


class PythonExample(unittest.TestCase):
    verify = staticmethod(article_verify())

    def test_a_genuine_call_is_believed(self):
        self.assertTrue(self.verify(sign(BODY, int(time.time()), SECRET), BODY, [SECRET]))
        # The one that the Swift tests have, too.
        header = "t=1767225600,v1=ad017a131dd6ec9ca60ce5ec7f848055da75ef38b43412d30559afa7a9992cbf"
        self.assertTrue(self.verify(header, b'{"client":"alice/phone"}', [SECRET], now=1767225600))

    def test_either_secret_counts(self):
        header = sign(BODY, 1000, SECRET, FORMER)
        for known in ([SECRET], [FORMER], [FORMER, SECRET]):
            self.assertTrue(self.verify(header, BODY, known, now=1000))
        self.assertTrue(self.verify(sign(BODY, 1000, FORMER), BODY, [SECRET, FORMER], now=1000))

    def test_anything_else_is_not(self):
        header = sign(BODY, 1000, SECRET)
        self.assertFalse(self.verify(header, BODY + b" ", [SECRET], now=1000))
        self.assertFalse(self.verify(header, BODY, [FORMER], now=1000))
        self.assertFalse(self.verify(header.replace("t=1000", "t=1001"), BODY, [SECRET], now=1000))
        for wrong in ("", "t=1000", header[7:], "t=1000,v1=", "t=x" + header[6:], "t=\u0661" + header[6:], header + ",t=1000", header.replace("v1", "v2"),
                      "t=" + "9" * 400 + header[6:], "t=" + "9" * 5000 + header[6:]):
            self.assertFalse(self.verify(wrong, BODY, [SECRET], now=1000), wrong)

    def test_an_old_call_and_one_from_the_future_are_not(self):
        header = sign(BODY, 1000, SECRET)
        for now, good in ((699, False), (700, True), (1300, True), (1301, False)):
            self.assertEqual(self.verify(header, BODY, [SECRET], now=now), good, now)


    def test_a_secret_that_is_missing_or_short_lets_nobody_in(self):
        for secret in ("", "x" * 31):
            self.assertFalse(self.verify(sign(BODY, 1000, secret), BODY, [secret], now=1000))
        self.assertTrue(self.verify(sign(BODY, 1000, "x" * 32), BODY, ["", "x" * 32], now=1000))


class ShellExample(unittest.TestCase):
    def run_example(self, header, body=BODY, secrets=(SECRET,), path=None):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "body"), "wb") as file:
                file.write(body)
            if secrets is not None:
                with open(os.path.join(folder, "webhook.secret"), "w", encoding="utf-8") as file:
                    file.write("\n".join(secrets) + "\n")
            ran = subprocess.run(["sh", "-c", article_block("sh", "signature")], cwd=folder, env={**os.environ, "signature": header} | ({"PATH": path} if path else {}),
                                 capture_output=True, text=True, timeout=60, check=False)
            return ran.stdout.strip()

    def test_a_genuine_call_is_believed(self):
        now = int(time.time())
        self.assertEqual(self.run_example(sign(BODY, now, SECRET)), "genuine")
        self.assertEqual(self.run_example(sign(BODY, now, FORMER, SECRET)), "genuine")
        self.assertEqual(self.run_example(sign(BODY, now, SECRET), secrets=(SECRET, FORMER)), "genuine")

    def test_anything_else_is_not(self):
        now = int(time.time())
        for header, body in ((sign(BODY, now, FORMER), BODY), (sign(BODY, now, SECRET), BODY + b" "), (sign(BODY, now - 600, SECRET), BODY), (sign(BODY, now + 600, SECRET), BODY),
                             ("", BODY), (f"t={now},v1=", BODY), (f"t=1+{now},v1=", BODY)):
            self.assertEqual(self.run_example(header, body), "")

    def test_without_a_secret_or_the_program_nobody_gets_in(self):
        now = int(time.time())
        for secret in ("", "x" * 31):
            self.assertEqual(self.run_example(sign(BODY, now, secret), secrets=(secret,)), "")
        self.assertEqual(self.run_example(sign(BODY, now, ""), secrets=None), "")
        with tempfile.TemporaryDirectory() as folder:
            for name in ("head", "printf", "tr", "sed", "cat", "date", "grep", "sh"):
                os.symlink(shutil.which(name), os.path.join(folder, name))
            self.assertEqual(self.run_example(f"t={now},v1=", path=folder), "")
            self.assertEqual(self.run_example(sign(BODY, now, SECRET), path=folder), "")


if __name__ == "__main__":
    unittest.main()
