"""Keys of Python versions.

A key is the epoch; the release without the zeros at its end; then what kind of release this is. A
local label (`+cu124`) is left out: a build counts as the version that it is a build of.

Source: packaging.python.org, "Version specifiers" (PEP 440): its appendix B (the expression) and
"Summary of permitted suffixes and relative ordering".
"""

import re

from probatum.advisories.versions.numbers import bounded, malformed, number

_VERSION = re.compile(
    r"""v?
    (?:([0-9]+)!)?
    ([0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]*))?
    (?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]*))?
    (?:[-_.]?(dev)[-_.]?([0-9]*))?
    (?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# Each is below every number, so that a release ends before one that goes on with a further number.
_DEV_ONLY, _FINAL = b"\x01", b"\x05"
_PRE = {"a": b"\x02", "b": b"\x03", "r": b"\x04", "c": b"\x04", "p": b"\x04"}
_NO_POST, _POST = b"\x01", b"\x02"
_DEV, _NO_DEV = b"\x01", b"\x02"
_PLAIN_END = _FINAL + _NO_POST + _NO_DEV
_ZERO = b"\x10"
_MOST_PLAIN = 64
_PLAIN = {str(value): number(str(value), "") for value in range(256)}


def key(text: str) -> bytes:
    """Bytes that compare as PEP 440 orders versions. Raises: FormatError."""
    return _plain(text) or _key(text)


def _plain(text: str) -> bytes | None:
    """The key of a release of small numbers, with a label or without; None if it is anything else.

    Nine of ten versions are that, and the expression takes most of a lookup's time.
    """
    release, plus, label = text.partition("+")
    if (plus and not (label.isascii() and label.isalnum())) or len(text) > _MOST_PLAIN:
        return None
    try:
        numbers = [_PLAIN[part] for part in release.split(".")]
    except KeyError:
        return None
    while len(numbers) > 1 and numbers[-1] == _ZERO:
        numbers.pop()
    return b"".join((_ZERO, *numbers, _PLAIN_END))


def _key(text: str) -> bytes:
    found = _VERSION.fullmatch(bounded(text))
    if found is None:
        raise malformed(text, "PEP 440 does not allow it")
    epoch, release, pre, pre_number, implicit, post, post_number, dev, dev_number = found.groups()
    numbers = [number(part, text) for part in release.split(".")]
    while len(numbers) > 1 and numbers[-1] == _ZERO:
        numbers.pop()
    begin = number(epoch or "0", text) + b"".join(numbers)
    if pre is None and post is None and implicit is None and dev is None:
        return begin + _PLAIN_END
    after = implicit is not None or post is not None
    if pre is not None:
        kind = _PRE[pre[0].lower()] + number(pre_number or "0", text)
    else:
        kind = _DEV_ONLY if dev is not None and not after else _FINAL
    behind = _POST + number(implicit or post_number or "0", text) if after else _NO_POST
    last = _DEV + number(dev_number or "0", text) if dev is not None else _NO_DEV
    return begin + kind + behind + last


def label(text: str) -> str:
    """The local label of a version, empty if it has none."""
    return text.partition("+")[2].strip()
