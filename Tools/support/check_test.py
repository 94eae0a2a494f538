"""What Tools/check says of planted bugs."""

import importlib.machinery
import importlib.util
import os
import unittest

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "check")
LOADER = importlib.machinery.SourceFileLoader("check", PATH)
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check", LOADER))
LOADER.exec_module(check)

CORE = "Sources/GaplessCore/A.swift"
BLOCK = ["    #if MUTANTS\n", "    if Mutant.noGap.isPlanted { return }\n", "    #endif\n"]


class PlantedBugs(unittest.TestCase):
    def test_a_block_of_its_own_is_right(self):
        self.assertEqual(check.planted(CORE, ["a()\n", *BLOCK, "b()\n"]), ([], BLOCK[1]))

    def test_what_stands_outside_is_found(self):
        for lines in (BLOCK[1:2], ["a() // for the mutant\n"], [*BLOCK, "if Mutant.noGap.isPlanted { return }\n"]):
            self.assertEqual(len(check.planted(CORE, lines)[0]), 1, lines)

    def test_no_code_of_the_product_stands_in_another_branch(self):
        self.assertEqual(len(check.planted(CORE, [*BLOCK[:2], "#else\n", "a()\n", "#endif\n"])[0]), 1)
        self.assertEqual(len(check.planted(CORE, BLOCK[:2])[0]), 1)

    def test_most_modules_have_none(self):
        self.assertTrue(check.planted("Sources/GaplessServer/A.swift", BLOCK)[0])

    def test_each_names_its_rule_and_is_planted(self):
        text = '    /// It says nothing. [R6.2-1]\n    case noGap = "no-gap"\n'
        self.assertEqual(check.listed(text, {"R6.2-1"}, BLOCK[1]), [])
        self.assertEqual(len(check.listed(text, {"R6.2-2"}, BLOCK[1])), 1)
        self.assertEqual(len(check.listed(text, {"R6.2-1"}, "")), 1)
        self.assertEqual(len(check.listed(text.replace(" [R6.2-1]", ""), {"R6.2-1"}, BLOCK[1])), 1)


if __name__ == "__main__":
    unittest.main()
