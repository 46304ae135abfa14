"""Sentences of the package as the page says them."""

import re


def in_page_words(text: str) -> str:
    """A sentence of the command line without its dashes: `--load-size is 5` becomes `Load size is 5`."""
    plain = re.sub(r"--([a-z][a-z-]*)", lambda flag: flag[1].replace("-", " "), text)
    return plain[:1].upper() + plain[1:] if text.startswith("--") else plain  # A file keeps its name.
