"""What is missing is installed without starting a service, and what cannot be had is told in time."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PREPARE = os.path.join(HERE, "prepare")
TOOL = os.path.join(os.path.dirname(HERE), "rolling-deploy")

# Notes what it is asked for and what a package's scripts would be told, and "installs" a command.
APT = """#!/bin/sh
echo "$@" >>"$PLACE/asked"
[ "$1" = install ] || exit 0
if [ -x "$PREPARE_POLICY" ]; then "$PREPARE_POLICY"; echo $? >>"$PLACE/policy"; fi
[ -e "$PLACE/refuses" ] && exit 100
printf '#!/bin/sh\\n' >"$PLACE/bin/thing"
chmod 755 "$PLACE/bin/thing"
"""


class PrepareTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = folder.name
        os.mkdir(self.path("bin"))
        self.script("apt-get", APT)
        self.script("id", "#!/bin/sh\necho 0\n")
        self.script("systemctl", '#!/bin/sh\necho "$@" >>"$PLACE/services"\n')
        self.script("swift", "#!/bin/sh\nexit 1\n")
        for name in ("bash", "sh", "env", "grep", "head", "chmod", "rm", "uname", "printf", "dirname"):
            os.symlink(subprocess.check_output(["which", name], text=True).strip(), self.path("bin", name))
        os.symlink(sys.executable, self.path("bin", "python3"))

    def path(self, *names):
        return os.path.join(self.place, *names)

    def script(self, name, text):
        with open(self.path("bin", name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path("bin", name), 0o755)

    def run_it(self, *command):
        environment = {"PATH": self.path("bin"), "PLACE": self.place, "PREPARE_POLICY": self.path("policy-rc.d"), "SYSTEM_PROGRAMS": "/nowhere"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read().splitlines()

    def test_no_service_is_left(self):
        done = self.run_it(PREPARE, "--only", "things=thing")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read("policy"), ["101"])
        self.assertEqual(self.read("services"), ["disable things"])
        self.assertFalse(os.path.exists(self.path("policy-rc.d")))

    def test_the_policy_of_the_machine_is_left_alone(self):
        with open(self.path("policy-rc.d"), "w", encoding="utf-8") as file:
            file.write("its own")
        self.run_it(PREPARE, "--only", "things=thing")
        self.assertEqual(self.read("policy-rc.d"), ["its own"])

    def test_what_is_there_is_not_installed(self):
        self.assertEqual(self.run_it(PREPARE, "--only", "grep=grep").returncode, 0)
        self.assertFalse(os.path.exists(self.path("asked")))

    def test_what_cannot_be_had_is_told(self):
        open(self.path("refuses"), "w", encoding="utf-8").close()
        done = self.run_it(PREPARE, "--only", "things=thing")
        self.assertEqual(done.returncode, 1)
        self.assertIn("  - things\n", done.stderr)
        self.assertNotIn("Swift", done.stderr)
        self.assertFalse(os.path.exists(self.path("policy-rc.d")))

    def test_swift_is_needed_by_whoever_builds(self):
        self.assertIn("Swift 6.2", self.run_it(PREPARE, "grep=grep").stderr)

    def test_a_rolling_deploy_without_haproxy_is_skipped(self):
        open(self.path("refuses"), "w", encoding="utf-8").close()
        done = self.run_it(TOOL, "--quick", "--program", "none")
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("there is no haproxy", done.stderr)


if __name__ == "__main__":
    unittest.main()
