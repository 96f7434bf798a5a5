"""Re-derives that every character of a text without a picture is part of writing.

facts = {"size": bytes, "sha256": hex of all of them}

The text is UTF-8. Rewritten with emoji sequences, joined letters and the other uses of such
characters left out, nothing of the characters that nobody sees may be left, and there is no
control character but tabs and the ends of lines and pages.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

CLAIM = "no-hidden-text"
_MOST = 64 << 20
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
# Controls but tab and the ends of lines and pages, empty pictures, and what is no character.
_BESIDES = re.compile(
    "[^\t\n\f\r\x20-\x7e\xa0-\U0010ffff]|\r(?!\n)|[\u2800\ufdd0-\ufdef\U00016fe4\U0001d159"
    "\U0001107f\U00013430-\U00013440\U00013447-\U00013455]"
)
_FLAG = re.compile("(?<=\U0001f3f4)[\U000e0061-\U000e007a\U000e0030-\U000e0039]{3,6}\U000e007f")
_LETTERS = (
    "[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af\ua840-\ua87f\ufb50-\ufdff\ufe70-\ufefe"
    "\U00011000-\U000119ff\U00010ac0-\U00010aff\U0001e900-\U0001e95f]"
)
_JOINED = re.compile(f"(?<={_LETTERS})(?:[\u200c\u200d](?={_LETTERS})|\u200d(?=\\s|$))")
_MONGOLIAN = re.compile("(?<=[\u1800-\u18af])[\u180b-\u180f]")


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless nothing in the text is hidden."""
    _demand(isinstance(facts, dict) and set(facts) == {"size", "sha256"}, "the facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Rejected("not UTF-8") from exc
    _demand(not _BESIDES.search(text), "a control character, or one without a picture")
    _demand(not any(ord(one) & 0xFFFE == 0xFFFE for one in set(text)), "what is no character")
    if data.isascii() or not _UNSEEN.search(text):
        return  # as most texts are
    allowed = {0} if text.startswith("\ufeff") else set()
    for pattern in (_FLAG, _JOINED, _MONGOLIAN):
        for found in pattern.finditer(text):
            allowed.update(range(*found.span()))
    for found in _UNSEEN.finditer(text):
        at = found.start()
        _demand(at in allowed or _written(text, at), f"a hidden character at {at}")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _written(text: str, at: int) -> bool:
    """Whether the character is an emoji's, a direction mark in its place, or a soft hyphen."""
    char, left, right = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if char == "\u200d":
        tone = re.search("(.)[\ufe0f\U0001f3fb-\U0001f3ff]?$", text[max(0, at - 2) : at], re.DOTALL)
        return tone is not None and _picture(tone[1]) and _picture(right)
    if char in "\ufe0e\ufe0f":
        return _picture(left) or (left != "" and left in "0123456789#*")
    if char in "\u200e\u200f\u061c":
        near = text[max(0, at - 40) : at] + text[at + 1 : at + 40]
        return any(
            unicodedata.bidirectional(one) in ("R", "AL")
            for one in near
            if one not in "\u200e\u200f\u061c"
        )
    return char == "\u00ad" and left.isalpha() and right.isalpha()


def _picture(char: str) -> bool:
    if not char or char <= "\u00a0":
        return False
    return unicodedata.category(char) in ("So", "Sk", "Sm", "Po") or char in "©®"
