"""Whether a project's text holds any name by which a class of calls could be made."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from msgspec import Struct

from probatum.taint.properties import rows
from probatum.taint.rules import sinks, words

_ESCAPED = r"\\(?:x[3-7]|u00[3-7]|U000000[3-7]|N|0?[67]|1[0-7])"
"""An escape that may stand for a character of a name in ASCII: no other can hide one in a text."""
_SIGNS = {"==": "==|match", "!=": "!=", "<": "<|(?<!-)>", "**": r"\*\*"}


class Mention(Struct, frozen=True):
    """A word that could be such a call, and where it first stands; `line` counts from 1."""

    file: str
    line: int
    word: str


def claims() -> frozenset[str]:
    """The claims that a word can be in the way of."""
    return frozenset(row.claim for sunk in sinks().values() for row in sunk) | set(rows.names())


def mentions(
    files: Iterable[tuple[str, bytes]], of: Iterable[str] | None = None
) -> dict[str, Mention]:
    """By claim the first word, in code, text or comment, that could make a call it is about."""
    found: dict[str, Mention] = {}
    missing = set(claims() if of is None else of)
    for name, content in files:
        text = unicodedata.normalize("NFKC", content.decode("utf-8", "replace")) if missing else ""
        for claim in sorted(missing):
            word = _words(claim).search(text)
            if word:
                line = text.count("\n", 0, word.start()) + 1
                found[claim] = Mention(name, line, word[0])
        missing -= set(found)
    return found


@cache
def _words(claim: str) -> re.Pattern[str]:
    names = {short for short, sunk in sinks().items() if any(row.claim == claim for row in sunk)}
    names |= rows.names().get(claim, frozenset()) | words("hides a name")
    listed = sorted(map(re.escape, filter(str.isidentifier, names)))
    signs = [_SIGNS[name] for name in sorted(names) if not name.isidentifier()]
    parts = [rf"(?<!\w)(?:{'|'.join(listed)})(?!\w)", _ESCAPED, *signs]
    return re.compile("|".join(parts))
