"""Makes hostile text harmless to read: what is invisible or steers a screen is written out.

Names, details and excerpts come from audited files. An escape sequence in one could repaint the
terminal, a bidirectional override could turn a sentence round, a newline could forge a finding.
"""

import re
import unicodedata
from collections.abc import Iterator

# Printable by Unicode's own account, yet drawn as nothing or changing what stands before them:
# Hangul fillers, braille blank, variation selectors, combining grapheme joiner, Khmer vowels.
_DRAWN_AS_NOTHING = {
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
    *range(0x180B, 0x180F),
    *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
}

# More marks than this upon one letter are a tower that covers the lines above it.
_MARKS_ON_A_LETTER = 3


def visible(text: str, limit: int = 2000) -> str:
    """`text` on one line, every character of it drawn; what is over `limit` is counted, not shown.

    Escapes read as in Python: `\\x1b`, `\\u202e`, `\\n`. A printable text comes back unchanged.
    """
    return "".join(piece for piece, _ in pieces(text, limit))


def one_cell(name: str) -> str:
    """The visible name as one column: two spaces end one, so it holds no two and ends in none."""
    return re.sub(r"(?<= ) |^ | $", r"\\x20", visible(name)) or "''"


def pieces(text: str, limit: int = 2000) -> Iterator[tuple[str, bool]]:
    """The parts of `visible(text)`, each with whether it was written out in place of something."""
    shown = text[:limit]
    if shown.isascii() and shown.isprintable():
        yield shown, False
    else:
        yield from _drawn(shown)
    if len(text) > limit:
        yield f"… (+{len(text) - limit} characters)", True


def columns(text: str) -> int:
    """How many columns a terminal gives to a visible text: wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(one) for one in text)


def _drawn(text: str) -> Iterator[tuple[str, bool]]:
    marks = _MARKS_ON_A_LETTER  # a mark with no letter before it would sit on what we wrote
    for one in text:
        marks = marks + 1 if unicodedata.category(one) in ("Mn", "Me") else 0
        is_drawn = one.isprintable() and ord(one) not in _DRAWN_AS_NOTHING
        if is_drawn and marks <= _MARKS_ON_A_LETTER:
            yield one, False
        else:
            yield _written_out(one), True


def _written_out(one: str) -> str:
    return one.encode("unicode_escape").decode()


def _columns_of(one: str) -> int:
    if unicodedata.combining(one):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1
