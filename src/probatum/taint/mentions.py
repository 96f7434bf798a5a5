"""Whether a project's text holds any name by which a class of calls could be made.

First in the text as it stands, comments and all, which is quick. A name may be put together from
parts there (`"lo" "ads"`), or stand in another encoding: so where a claim would be proven, its
checker's words are looked for too.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from msgspec import Struct

from probatum.check import no_sinks
from probatum.errors import Rejected
from probatum.taint.properties import rows
from probatum.taint.rules import sinks, words

_ESCAPED = r"\\(?:x[3-7]|u00[3-7]|U000000[3-7]|N|0?[67]|1[0-7])"
"""An escape that may stand for a character of a name in ASCII: no other can hide one in a text."""
_SIGNS = {"==": "==|match", "!=": "!=", "<": "<|(?<!-)>", "**": r"\*\*"}


class Mention(Struct, frozen=True):
    """A word that could be such a call, and where it first stands; `line` counts from 1.

    `parsed`: it stands in no text, but where Python's parser has put it together.
    """

    file: str
    line: int
    word: str
    parsed: bool = False


def claims() -> frozenset[str]:
    """The claims that a word can be in the way of."""
    return frozenset(row.claim for sunk in sinks().values() for row in sunk) | set(rows.names())


def mentions(files: Iterable[tuple[str, bytes]]) -> dict[str, Mention]:
    """By claim the first word, in code, text or comment, that could make a call it is about."""
    read = list(files)
    found = written(read, claims())
    return found | spoken(read, claims() - set(found))


def written(files: Iterable[tuple[str, bytes]], of: Iterable[str]) -> dict[str, Mention]:
    """By claim the first word in the text of files."""
    found: dict[str, Mention] = {}
    missing = set(of)
    for name, content in files:
        text = unicodedata.normalize("NFKC", content.decode("utf-8", "replace")) if missing else ""
        for claim in sorted(missing):
            word = _words(claim).search(text)
            if word:
                line = text.count("\n", 0, word.start()) + 1
                found[claim] = Mention(name, line, word[0])
        missing -= set(found)
    return found


def spoken(files: Iterable[tuple[str, bytes]], of: Iterable[str]) -> dict[str, Mention]:
    """By claim the first word that its checker finds in files, or where it finds no code."""
    found: dict[str, Mention] = {}
    missing = set(of)
    together = {claim: no_sinks.pairs(claim) for claim in missing}
    parts = {part for pairs in together.values() for pair in pairs for part in pair}
    halves: dict[str, Mention] = {}
    for name, content in files if missing else ():
        try:
            for word, line in no_sinks.spoken(name, content):
                if word in parts:
                    halves.setdefault(word, Mention(name, line, word, parsed=True))
                for claim in missing - set(found):
                    if word in no_sinks.words()[claim]:
                        found[claim] = Mention(name, line, word, parsed=True)
        except Rejected:
            unread = Mention(name, 1, "what Python's parser alone does not read", parsed=True)
            found |= dict.fromkeys(missing - set(found), unread)
        missing -= set(found)
    for claim in missing:
        whole = [halves[last] for first, last in together[claim] if {first, last} <= halves.keys()]
        found |= {claim: whole[0]} if whole else {}
    return found


@cache
def _words(claim: str) -> re.Pattern[str]:
    names = {short for short, sunk in sinks().items() if any(row.claim == claim for row in sunk)}
    names |= rows.names().get(claim, frozenset()) | words("hides a name")
    listed = sorted(map(re.escape, filter(str.isidentifier, names)))
    signs = [_SIGNS[name] for name in sorted(names) if not name.isidentifier()]
    parts = [rf"(?<!\w)(?:{'|'.join(listed)})(?!\w)", _ESCAPED, *signs]
    return re.compile("|".join(parts))
