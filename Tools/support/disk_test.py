"""The faulty disk does what it says: each way of failing, and what a power cut takes away and leaves."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from disk import FaultyDisk, build_library  # noqa: E402


class FaultyDiskTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix="gapless-disk-")
        cls.library = build_library(cls.place.name)

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.place.name)
        self.path = os.path.join(self.folder, "a.db")
        self.disk = FaultyDisk(self.library, self.folder, ["*.db"])

    def run_steps(self, *steps):
        """Runs the steps in a process on the disk, which then dies by SIGKILL; gives what they printed."""
        code = ["import os, signal", f"fd = os.open({self.path!r}, os.O_RDWR | os.O_CREAT)", "def tell(step):",
                "    try: os.write(1, b'%d ' % (step() or 0))", "    except OSError as error: os.write(1, b'E%d ' % error.errno)"]
        code += [f"tell(lambda: {step})" for step in steps] + ["os.kill(os.getpid(), signal.SIGKILL)"]
        done = subprocess.run([sys.executable, "-c", "\n".join(code)], env={**os.environ, **self.disk.environment}, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        return done.stdout.split()

    def contents(self):
        with open(self.path, "rb") as file:
            return file.read()

    def cut(self, kept=0):
        self.disk.cut_power([self.path], 7, kept)
        return self.contents()

    def test_a_sound_disk_changes_nothing(self):
        self.assertEqual(self.run_steps("os.write(fd, b'abc')", "os.pwrite(fd, b'X', 1)", "os.fsync(fd)"), ["3", "1", "0"])
        self.assertEqual(self.contents(), b"aXc")
        self.assertEqual(self.disk.strikes, [])

    def test_the_second_write_fails_once(self):
        self.disk.fail(("write", "*.db", "ENOSPC", 2, 1))
        self.assertEqual(self.run_steps("os.write(fd, b'a')", "os.write(fd, b'b')", "os.write(fd, b'c')"), ["1", "E28", "1"])
        self.assertEqual(self.contents(), b"ac")
        self.assertEqual(self.disk.strikes, [f"write fail {self.path}"])

    def test_every_sync_fails_from_the_second_on(self):
        self.disk.fail(("sync", "*.db", "EIO", 2, 0))
        self.assertEqual(self.run_steps("os.fsync(fd)", "os.fdatasync(fd)", "os.fsync(fd)"), ["0", "E5", "E5"])

    def test_a_truncation_fails_and_a_truncation_lies(self):
        self.disk.fail(("truncate", "*.db", "EROFS", 1, 1), ("truncate", "*.db", "lie", 2, 1))
        self.assertEqual(self.run_steps("os.write(fd, b'abc')", "os.ftruncate(fd, 1)", "os.ftruncate(fd, 1)", "os.ftruncate(fd, 2)"), ["3", "E30", "0", "0"])
        self.assertEqual(self.contents(), b"ab")

    def test_a_write_lies(self):
        self.disk.fail(("write", "*.db", "lie", 2, 1))
        self.assertEqual(self.run_steps("os.write(fd, b'abc')", "os.write(fd, b'def')", "os.write(fd, b'ghi')"), ["3", "3", "3"])
        self.assertEqual(self.contents(), b"abc\0\0\0ghi")

    def test_a_write_is_short_and_says_so(self):
        self.disk.fail(("write", "*.db", "short", 1, 0))
        self.assertEqual(self.run_steps("os.pwrite(fd, b'abcd', 0)", "os.pwrite(fd, b'cd', 2)", "os.pwrite(fd, b'd', 3)"), ["2", "1", "E28"])
        self.assertEqual(self.contents(), b"abc")

    def test_a_write_is_torn_and_says_nothing(self):
        self.disk.fail(("write", "*.db", "torn", 1, 1))
        self.assertEqual(self.run_steps("os.write(fd, b'a' * 4096)"), ["4096"])
        self.assertEqual(self.contents(), b"a" * 2048)

    def test_other_files_are_left_alone(self):
        self.disk.fail(("write", "*-wal", "EIO", 1, 0))
        self.assertEqual(self.run_steps("os.write(fd, b'abc')"), ["3"])

    def test_a_process_hears_of_new_rules(self):
        rules = f"open({self.disk.rules!r}, 'w').write('write *.db EIO 1 0') and 0"
        self.assertEqual(self.run_steps("os.write(fd, b'a')", rules, "os.write(fd, b'b')"), ["1", "0", "E5"])

    def test_a_power_cut_takes_what_was_not_synced(self):
        self.run_steps("os.write(fd, b'a' * 5000)", "os.fdatasync(fd)", "os.pwrite(fd, b'b' * 5000, 2500)")
        self.assertEqual(self.contents(), b"a" * 2500 + b"b" * 5000)
        self.assertEqual(self.cut(), b"a" * 5000)

    def test_a_power_cut_takes_nothing_that_was_synced(self):
        self.run_steps("os.write(fd, b'a' * 5000)", "os.fsync(fd)", "os.ftruncate(fd, 10)", "os.pwrite(fd, b'b', 9000)", "os.fdatasync(fd)")
        self.assertEqual(self.cut(), b"a" * 10 + b"\0" * 8990 + b"b")

    def test_a_power_cut_may_leave_some_pages_all_the_same(self):
        self.run_steps("os.write(fd, b'a' * 40960)", "os.fsync(fd)", "os.pwrite(fd, b'b' * 40960, 0)")
        left = self.cut(kept=50)
        self.assertEqual(len(left), 40960)
        self.assertIn(b"a", left)
        self.assertIn(b"b", left)

    def test_a_lying_sync_makes_nothing_durable(self):
        self.disk.fail(("sync", "*.db", "lie", 2, 1))
        self.assertEqual(self.run_steps("os.write(fd, b'abc')", "os.fsync(fd)", "os.write(fd, b'def')", "os.fsync(fd)"), ["3", "0", "3", "0"])
        self.assertEqual(self.cut(), b"abc")

    def test_an_honest_sync_makes_up_for_a_lying_one(self):
        self.disk.fail(("sync", "*.db", "lie", 1, 1))
        self.run_steps("os.write(fd, b'abc')", "os.fsync(fd)", "os.fsync(fd)")
        self.assertEqual(self.cut(), b"abc")

    def test_no_later_sync_makes_up_for_one_that_failed(self):
        self.disk.fail(("sync", "*.db", "EIO", 1, 1))
        self.assertEqual(self.run_steps("os.write(fd, b'a' * 4096)", "os.fsync(fd)", "os.write(fd, b'b' * 4096)", "os.fsync(fd)"), ["4096", "E5", "4096", "0"])
        self.assertEqual(self.contents(), b"a" * 4096 + b"b" * 4096)
        self.assertEqual(self.cut(), b"\0" * 4096 + b"b" * 4096)

    def test_two_processes_share_what_is_durable(self):
        self.run_steps("os.write(fd, b'abc')")
        self.run_steps("os.fsync(fd)", "os.pwrite(fd, b'xyz', 0)")
        self.assertEqual(self.cut(), b"abc")

    def test_the_locks_of_a_process_stay_its_own(self):
        # A process loses them when it closes any descriptor of the file.
        other = os.path.join(self.folder, "other.py")
        with open(other, "w", encoding="utf-8") as file:
            file.write(f"import fcntl, sys\ntry: fcntl.lockf(open({self.path!r}, 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)\nexcept BlockingIOError: sys.exit(7)")
        lock, ask = "__import__('fcntl').lockf(fd, 2)", f"__import__('subprocess').call([{sys.executable!r}, {other!r}])"
        self.assertEqual(self.run_steps(ask, lock, "os.write(fd, b'abc')", "os.fsync(fd)", "os.ftruncate(fd, 1)", ask), ["0", "0", "3", "0", "0", "7"])

    def test_what_was_there_before_is_on_the_disk(self):
        with open(self.path, "wb") as file:
            file.write(b"old")
        self.run_steps("os.pwrite(fd, b'new', 0)")
        self.assertEqual(self.cut(), b"old")


if __name__ == "__main__":
    unittest.main()
