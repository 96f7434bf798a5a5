"""Keys of Debian's versions.

The upstream version and the revision are each read as words and numbers in turn. A tilde comes
before the end, the end before letters, letters before other signs.

Source: Debian Policy, 5.6.12 "Version"; dpkg, lib/dpkg/version.c.
"""

import re

from probatum.advisories.versions.numbers import bounded, malformed, number

_VERSION = re.compile(
    r"(?:([0-9]+):)?([0-9][a-z0-9.+~:-]*?(?<!-))(?:-([a-z0-9.+~]+))?",
    re.IGNORECASE | re.ASCII,
)
_PAIRS = re.compile(r"([^0-9]*)([0-9]*)")
_END_OF_WORD = 2
_ORDER = {ord("~"): 1}
_ORDER |= {sign: 0x10 + sign - ord("A") for sign in range(ord("A"), ord("z") + 1)}
_ORDER |= {ord(sign): 0x60 + ord(sign) - ord("+") for sign in "+-.:"}
_MOST_EPOCH = (1 << 31) - 1


def key(text: str) -> bytes:
    """Bytes that compare as `dpkg --compare-versions` does. Raises: FormatError."""
    found = _VERSION.fullmatch(bounded(text))
    if found is None:
        raise malformed(text, "Debian's policy does not allow it")
    epoch, upstream, revision = found.groups()
    if int(epoch or "0") > _MOST_EPOCH:
        raise malformed(text, "its epoch is too large")
    if ":" in upstream and epoch is None:
        raise malformed(text, "its epoch is no number")
    return number(epoch or "0", text) + _part(upstream, text) + _part(revision or "", text)


def _part(part: str, text: str) -> bytes:
    """A word and a number for each pair, and the end: a word of no letters.

    A number that is missing is a zero, and so is a part that is.
    """
    pairs = [pair for pair in _PAIRS.findall(part) if pair != ("", "")] or [("", "0")]
    made = bytearray()
    for word, digits in pairs:
        made += bytes((*map(_ORDER.__getitem__, word.encode()), _END_OF_WORD))
        made += number(digits or "0", text)
    made.append(_END_OF_WORD)
    return bytes(made)


def label(text: str) -> str:
    """Empty: every part of a Debian version takes part in its order."""
    return ""
