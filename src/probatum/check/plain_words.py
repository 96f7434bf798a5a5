"""Re-derives that no part of a text turns into words when it is decoded.

facts = {"size": bytes, "sha256": hex of all of them}

1. Letters written as percent escapes, as escapes of strings and as character references: fewer
   than four of each, of ASCII and of all others, signs that nobody sees among them. 2. The text
   without white space, quotes and the marks that begin lines: each run of letters of base64 is
   decoded from four places, 3. and each run of hexadecimal digits from two; nowhere may sixteen
   readable characters follow one another.
"""

import binascii
import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

CLAIM = "no-encoded-instructions"
_MOST = 4 << 20
_LETTER = "(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])"
_DECIMAL = "(?:6[5-9]|[78][0-9]|90|9[7-9]|1[01][0-9]|12[0-2])"
_ESCAPES = (
    f"%{_LETTER}", rf"\\x{_LETTER}", rf"\\u\{{?0*{_LETTER}", f"&#x0*{_LETTER}", f"&#0*{_DECIMAL}",
)  # fmt: skip
# Beyond ASCII: bytes of UTF-8, and numbers of characters, in hexadecimal and in decimal.
_BYTES = (r"(?:%[0-9A-Fa-f]{2})+", r"(?:\\x[0-9A-Fa-f]{2})+")
_NUMBERS = (
    (r"\\u([0-9A-Fa-f]{4})", 16), (r"\\u\{([0-9A-Fa-f]{1,8})\}", 16),
    (r"\\U([0-9A-Fa-f]{8})", 16), (r"&#[xX]([0-9A-Fa-f]{1,12})", 16), (r"&#([0-9]{1,12})", 10),
)  # fmt: skip
_UNSEEN = ("Cf", "Cn", "Co", "Cs")
_FILLED = re.compile("[\\s'\"`>|#*,;\\\\]+")
_SPACED = re.compile("0x|\\\\x|[\\s'\"`>|#*,;\\\\:]")
_UNIT = (
    rb"(?:[\x20-\x7e\t\r\n]|[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf][\x80-\xbf]"
    rb"|[\xf0-\xf4][\x80-\xbf][\x80-\xbf][\x80-\xbf])"
)
_WORDS = re.compile(_UNIT + rb"{16}")


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless everything in the text is written as what it is."""
    _demand(isinstance(facts, dict) and set(facts) == {"size", "sha256"}, "the facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Rejected("not UTF-8") from exc
    for escape in _ESCAPES:
        found = re.findall(escape, text, re.IGNORECASE)
        _demand(len(found) < 4, f"1: letters are escaped: {found[:4]}")
    for form in _BYTES:
        _few("".join(map(_decoded, re.findall(form, text))))
    for form, base in _NUMBERS:
        numbers = (int(one, base) for one in re.findall(form, text))
        _few("".join(chr(min(one, 0x10FFFF)) for one in numbers))
    joined = _FILLED.sub("", text)
    for run in re.findall("[A-Za-z0-9+/_-]{21,}", joined):
        for start in range(4):
            _base64(run[start:])
    for run in re.findall("[A-Fa-f0-9]{32,}", _SPACED.sub("", text)):
        for start in (0, 1):
            _plain(bytes.fromhex(run[start : start + (len(run) - start) // 2 * 2]))


def _decoded(run: str) -> str:
    data = bytes.fromhex(run.replace("%", "").replace("\\x", ""))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _few(signs: str) -> None:
    kinds = [unicodedata.category(one) for one in signs if not one.isascii()]
    written = [one for one in kinds if one[0] in "LM" or one in _UNSEEN]
    _demand(len(written) < 4, "1: letters, or what nobody sees, are escaped")


def _base64(run: str) -> None:
    run = run.replace("-", "+").replace("_", "/")
    left = len(run) % 4
    run = run[:-1] if left == 1 else run + "=" * (-left % 4)
    _plain(binascii.a2b_base64(run))


def _plain(data: bytes) -> None:
    _demand(not _WORDS.search(data), "2, 3: a part decodes to words")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
