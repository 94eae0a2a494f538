"""The configurations of balancers that the documentation shows: what is run in tests is what people copy."""

import os
import re

ARTICLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Sources", "GaplessServer", "GaplessServer.docc", "BehindABalancer.md")


def block(language):
    """The text of the article's one block of code in the language."""
    with open(ARTICLE, encoding="utf-8") as file:
        blocks = re.findall(rf"^```{language}\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)
    if len(blocks) != 1:
        raise RuntimeError(f"{ARTICLE} has {len(blocks)} blocks of {language}, not one")
    return blocks[0]


def replaced(text, pattern, replacement):
    """The text with the one place that fits the pattern changed; a text that has no such place is not the one that we know."""
    changed, count = re.subn(pattern, lambda _: replacement, text, flags=re.MULTILINE)
    if count != 1:
        raise RuntimeError(f"{count} places fit {pattern!r}, not one")
    return changed
