#!/usr/bin/env python3
"""The conformance kit against ours, which it passes, and against clients and servers that are wrong on purpose: each fails exactly the
rules that it breaks.

    conformance.py --program PATH [--all] [NAME ...]

Wrong ones are judged by the sections that their rules stand in, and with --all by every check, which takes minutes. NAMEs choose among the
runs; they are the names that are printed, or parts of them.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Node  # noqa: E402

KIT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "conformance")
MINIMAL = ["python3", os.path.join(KIT, "minimal-client.py"), "--conformance"]
WRONG_CLIENT = ["python3", os.path.join(KIT, "wrong", "client.py")]
WRONG_SERVER = ["python3", os.path.join(KIT, "wrong", "server.py")]
DEADLINE = 600  # Seconds that only a hang ever takes.


class Verdicts:
    """What one run of the kit found."""

    def __init__(self, command):
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
        try:
            lines = [json.loads(line) for line in result.stdout.splitlines()]
            self.findings, self.summary = lines[:-1], lines[-1]
        except (ValueError, IndexError):
            raise RuntimeError(f"{' '.join(command)} ended with {result.returncode} and said {result.stdout[-500:]!r} {result.stderr[-500:]!r}")
        self.failed = [finding for finding in self.findings if finding["verdict"] == "failed"]
        self.rules = {finding["rule"] for finding in self.failed}
        if (result.returncode == 1) != bool(self.failed) or result.returncode not in (0, 1):
            raise RuntimeError(f"{' '.join(command)} ended with {result.returncode} and {len(self.failed)} failures")

    def explain(self, rules):
        return "".join(f"\n    {finding['rule']} {finding['law']}: expected {finding['expected']}, came {finding['came']}"
                       for finding in self.failed if finding["rule"] in rules)


class Judge:
    def __init__(self, program, node, everything):
        self.program, self.node, self.everything = program, node, everything
        self.faults = []

    def server(self, url, only=None):
        return Verdicts([self.program, "conformance", "server", url, "--admin", self.node.admin_url, "--json", *(["--only", only] if only else [])])

    def client(self, command, only=None):
        return Verdicts([self.program, "conformance", "client", "--json", *(["--only", only] if only else []), "--", *command])

    def passes(self, name, verdicts):
        s = verdicts.summary
        print(f"{name}: {s['checks']} checks of {s['rules']} rules, {s['passed']} passed, {s['failed']} failed, {s['skipped']} out of reach", flush=True)
        if verdicts.failed or not s["passed"]:
            self.fault(f"{name} fails{verdicts.explain(verdicts.rules)}")

    def fails(self, name, verdicts, rules):
        if verdicts.rules == set(rules):
            print(f"{name}: fails {', '.join(rules)} and nothing else", flush=True)
        else:
            missing, surplus = set(rules) - verdicts.rules, verdicts.rules - set(rules)
            self.fault(f"{name} should fail {sorted(rules)}; passed {sorted(missing)}; failed as well {sorted(surplus)}{verdicts.explain(surplus)}")

    def wrong_server(self, name, fault, rules):
        process = subprocess.Popen([*WRONG_SERVER, fault, self.node.listen], stdout=subprocess.PIPE, text=True)
        try:
            port = int(process.stdout.readline())
            self.fails(name, self.server(f"ws://127.0.0.1:{port}/gapless", self.sections(rules)), rules)
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()

    def wrong_client(self, name, fault, rules):
        self.fails(name, self.client([*WRONG_CLIENT, fault], self.sections(rules)), rules)

    def sections(self, rules):
        """What is judged: the sections that the rules stand in, or everything."""
        return None if self.everything else ",".join(sorted({rule.rpartition("-")[0] for rule in rules}))

    def fault(self, text):
        print(f"FAULT: {text}", flush=True)
        self.faults.append(text)


def listed(command):
    return json.loads(subprocess.run([*command, "--list"], capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--all", action="store_true", help="judge wrong ones by every check")
    parser.add_argument("names", nargs="*", help="what to run; everything, when nothing is named")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    with tempfile.TemporaryDirectory() as folder:
        node = Node(program, "a", os.path.join(folder, "store.db"), folder,
                    options=["--heartbeat", "1s", "--silence", "6s", "--uplink", "discard", "--new-queues-per-second", "none",
                             "--attaches-per-second", "none"]).start()
        judge = Judge(program, node, options.all)
        try:
            with concurrent.futures.ThreadPoolExecutor(max_workers=6) as pool:
                work = [
                    ("gapless serve", lambda name: judge.passes(name, judge.server(node.url))),
                    ("GaplessClient", lambda name: judge.passes(name, judge.client([program, "conformance-client"]))),
                    ("minimal-client.py", lambda name: judge.passes(name, judge.client(MINIMAL))),
                ]
                work += [(f"wrong server {fault}", lambda name, fault=fault, rules=rules: judge.wrong_server(name, fault, rules))
                         for fault, rules in listed(WRONG_SERVER).items()]
                work += [(f"wrong client {fault}", lambda name, fault=fault, rules=rules: judge.wrong_client(name, fault, rules))
                         for fault, rules in listed(WRONG_CLIENT).items()]
                runs = [pool.submit(run, name) for name, run in work
                        if not options.names or any(part in name for part in options.names)]
                for run in concurrent.futures.as_completed(runs):
                    run.result()
        finally:
            node.stop()
    return 1 if judge.faults else 0


if __name__ == "__main__":
    sys.exit(main())
