"""Keys of Alpine's versions: numbers, a letter, suffixes, a commit, a revision.

What a version goes on with decides before how it goes on: a pre-release suffix comes before the
end, everything else behind it. Behind the first dot, a number that begins with a zero is compared
as text.

Source: apk-package(5), "pkgver"; apk-tools 3, src/version.c.
"""

import re

from probatum.advisories.versions.numbers import bounded, malformed, number

_VERSION = re.compile(
    r"([0-9]+)((?:\.[0-9]+)*)([a-z])?((?:_[a-z]+[0-9]*)*)(?:~([0-9a-f]+))?(?:-r([0-9]+))?",
    re.ASCII,
)
_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")
_SUFFIXES = {"alpha": 1, "beta": 2, "pre": 3, "rc": 4, "cvs": 9, "svn": 10, "git": 11, "hg": 12,
             "p": 13}  # fmt: skip
_END, _REVISION, _COMMIT, _COUNT = b"\x05", b"\x06", b"\x07", b"\x08"
_LETTER, _NUMBER = b"\x0e", b"\x0f"
_TEXT, _END_OF_TEXT = b"\x01", b"\x00"


def key(text: str) -> bytes:
    """Bytes that compare as `apk version -t` does. Raises: FormatError."""
    found = _VERSION.fullmatch(bounded(text))
    if found is None:
        raise malformed(text, "apk does not allow it")
    first, more, letter, suffixes, commit, revision = found.groups()
    made = [number(first, text)]
    made += (_NUMBER + _further(digits, text) for digits in more.split(".")[1:])
    if letter:
        made.append(_LETTER + letter.encode())
    made += (_suffix(word, count, text) for word, count in _SUFFIX.findall(suffixes))
    if commit:
        made.append(_COMMIT + commit.encode() + _END_OF_TEXT)
    if revision:
        made.append(_REVISION + number(revision, text))
    return b"".join(made) + _END


def _further(digits: str, text: str) -> bytes:
    return _TEXT + digits.encode() + _END_OF_TEXT if digits[0] == "0" else number(digits, text)


def _suffix(word: str, count: str, text: str) -> bytes:
    if word not in _SUFFIXES:
        raise malformed(text, f"apk knows no suffix {word[:20]}")
    return bytes((_SUFFIXES[word],)) + (_COUNT + number(count, text) if count else b"")


def label(text: str) -> str:
    """Empty: every part of an Alpine version takes part in its order."""
    return ""
