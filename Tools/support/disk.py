"""A disk that fails, lies and loses what was not synced, for the processes of a test; faulty-disk.c says what it can do."""

import ctypes
import os
import shutil
import subprocess


def build_library(folder):
    """Compiles faulty-disk.c and gives the library's path."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "faulty-disk.c")
    library = os.path.join(folder, "faulty-disk.so")
    compiler = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if compiler is None:
        raise RuntimeError("there is no C compiler")
    subprocess.run([compiler, "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source, "-lpthread"], check=True)
    return library


class FaultyDisk:
    """The disk under the files that match the patterns; it works well until it is told otherwise."""

    def __init__(self, library, folder, patterns):
        self.library, self.patterns = library, patterns
        self.rules = os.path.join(folder, "faults")
        self.power = os.path.join(folder, "power")
        os.makedirs(self.power, exist_ok=True)

    @property
    def environment(self):
        """What a process needs in its environment to be on this disk."""
        return {"LD_PRELOAD": self.library, "FAULTY_DISK": self.rules, "POWER_CUT": self.power, "POWER_CUT_FILES": ":".join(self.patterns)}

    def fail(self, *rules):
        """From now on: (call, pattern, how, first, count) each."""
        with open(f"{self.rules}.new", "w", encoding="utf-8") as file:
            file.writelines(" ".join(map(str, rule)) + "\n" for rule in rules)
        os.rename(f"{self.rules}.new", self.rules)

    def heal(self):
        self.fail()

    @property
    def strikes(self):
        """The calls that were struck, as lines."""
        try:
            with open(f"{self.rules}.strikes", encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def cut_power(self, paths, seed, kept):
        """What is on the disk after the power went, when all processes are dead: gives how many dirty pages there were.

        `kept` percent of the pages that nobody synced were written all the same.
        """
        library = ctypes.CDLL(self.library)
        library.power_cut.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_uint]
        library.power_cut.restype = ctypes.c_long
        return sum(max(0, library.power_cut(path.encode(), self.power.encode(), seed + place, kept)) for place, path in enumerate(paths))
