"""Words that came with a run from the Hub, fit for a terminal and a page."""

from unicodedata import category

_HIDDEN = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: control characters, halves of others, separators of lines and paragraphs."""
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that let words be read in another order than they stand in."""


def plain(text: object, *, lines: bool = False) -> str:
    """Text without control characters: a terminal would obey them. lines: its line breaks and tabs stay."""
    stays = "\n\t" if lines else ""
    return "".join(
        sign if sign in stays or not (sign in _TURNING or category(sign) in _HIDDEN) else " " for sign in str(text)
    )
