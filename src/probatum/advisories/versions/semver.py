"""Keys of semantic versions, as npm and crates.io use them.

Build metadata is left out of the order. A leading `v` is allowed, and missing numbers are zeros
(`1.2`), as OSV's own index reads the bounds of an advisory.

Source: semver.org 2.0.0, 9 to 11.
"""

import re

from probatum.advisories.versions.numbers import bounded, malformed, number

_VERSION = re.compile(
    r"v?(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*)"
    r"(?:-([0-9a-z-]+(?:\.[0-9a-z-]+)*))?(?:\+([0-9a-z-]+(?:\.[0-9a-z-]+)*))?)?)?",
    re.IGNORECASE | re.ASCII,
)
# A pre-release comes before its release; of two, the one that ends first.
_PRE, _RELEASE = b"\x01", b"\x02"
_END, _NUMBER, _WORD, _END_OF_WORD = b"\x01", b"\x02", b"\x03", b"\x00"


def key(text: str) -> bytes:
    """Bytes that compare by semantic versioning's precedence. Raises: FormatError."""
    found = _VERSION.fullmatch(bounded(text))
    if found is None:
        raise malformed(text, "semantic versioning does not allow it")
    major, minor, patch, before, _ = found.groups()
    begin = number(major, text) + number(minor or "0", text) + number(patch or "0", text)
    if before is None:
        return begin + _RELEASE
    return begin + _PRE + b"".join(_word(word, text) for word in before.split(".")) + _END


def _word(word: str, text: str) -> bytes:
    if not word.isdigit():
        return _WORD + word.encode() + _END_OF_WORD
    if len(word) > 1 and word[0] == "0":
        raise malformed(text, "a number of its pre-release begins with a zero")
    return _NUMBER + number(word, text)


def label(text: str) -> str:
    """The build metadata of a version, empty if it has none."""
    return text.partition("+")[2].strip()
