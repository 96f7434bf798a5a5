"""Finds what a text says to a machine and does not show to a reader.

Characters without a picture of their own are looked at with their neighbours: a joiner between
emoji or between letters of scripts that need it, a mark at the very start and the flags of three
nations are writing, and anything else is not.

Sources: UAX #9 (bidirectional text; CVE-2021-42574, "Trojan Source"); UTS #51 (emoji); Unicode
core specification 23 (variation selectors, tags, joiners, private use); ECMA-48 (controls, by which
a terminal hides or writes over text); Boucher and Anderson 2021.
"""

import re
import unicodedata
from collections.abc import Iterator

from msgspec import Struct

_BIDI = "\u202a-\u202e\u2066-\u2069"
_ZERO = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028\u2029\u2060-\u2065"
    "\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
_HIGH = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
# What a terminal obeys instead of showing it, but for tabs and the ends of lines and pages.
_CONTROLS = "\x00-\x08\x0b\x0e-\x1f\x7f-\x9f"
# An empty picture: the blank of Braille, of music, of Khitan; joiners of Brahmi and of hieroglyphs.
_BLANK = (
    "\u2800\U00016fe4\U0001d159\U0001107f\U00013430-\U00013440\U00013447-\U00013455\ufdd0-\ufdef"
)
_BLANK += "".join(chr(plane << 16 | last) for plane in range(15) for last in (0xFFFE, 0xFFFF))
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U0010ffff"
_RUN = re.compile(f"[{_BIDI}{_ZERO}{_HIGH}{_CONTROLS}{_BLANK}]+|[{_PRIVATE}]+|\r(?!\n)")
_PLAIN = bytes({*range(0x20, 0x7F)} | {*b"\t\n\f"})  # of ASCII, what no run has
_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]{3,6}\U000e007f")


class Hidden(Struct, frozen=True):
    """A run of characters `text` from the character `at`; `says` what it is, `surely` that no
    writing needs it."""

    at: int
    text: str
    says: str
    surely: bool


def hidden(text: str) -> Iterator[Hidden]:
    """Every run of characters that no reader sees and no writing explains."""
    if text.isascii() and not text.replace("\r\n", "\n").encode().translate(None, _PLAIN):
        return  # as most texts: 30 times as fast
    flags = {at for found in _FLAG.finditer(text) for at in range(found.start() + 1, found.end())}
    for found in _RUN.finditer(text):
        at, end = found.span()
        while at < end and (at in flags or _explained(text, at)):
            at += 1
        while end > at and (end - 1 in flags or _explained(text, end - 1)):
            end -= 1
        if at < end:
            yield _told(text, at, end)


def scattered(found: tuple[Hidden, ...]) -> str:
    """What characters that are hidden one by one spell together, if they do."""
    message = decoded("".join(one.text for one in found if not re.match(f"[{_PRIVATE}]", one.text)))
    return message if len(message) >= _FEWEST else ""


def _explained(text: str, at: int) -> bool:
    char = text[at]
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if char == "\ufeff":
        return at == 0
    if char in "\u200c\u200d":
        joins = _joining(before) and (_joining(after) or (char == "\u200d" and not after.strip()))
        ends = char == "\u200d" and _emoji(_bare(text, at)) and _emoji(after)
        return joins or ends
    if char in "\ufe0e\ufe0f":
        return _emoji(before) or before in _KEYCAPS
    if "\u180b" <= char <= "\u180d" or char == "\u180e" or char == "\u180f":
        return "\u1800" <= before <= "\u18af"
    if char in "\u200e\u200f\u061c":
        return _right_to_left(text, at)
    return char in "\u00ad" and before.isalpha() and after.isalpha()


def _bare(text: str, at: int) -> str:
    """The character before `at`, without the selector or skin tone that may follow it."""
    before = text[at - 1 : at]
    is_modifier = before == "\ufe0f" or "\U0001f3fb" <= before <= "\U0001f3ff"
    return text[at - 2 : at - 1] if before and is_modifier else before


def _joining(char: str) -> bool:
    """A letter or mark of a script in which joiners and non-joiners change what is seen."""
    if not char:
        return False
    place = ord(char)
    return any(start <= place <= end for start, end in _JOINING) and char.strip() != ""


def _emoji(char: str) -> bool:
    if char in ("©", "®"):
        return True
    return char > "\xa0" and unicodedata.category(char) in ("So", "Sk", "Sm", "Po")


def _right_to_left(text: str, at: int) -> bool:
    around = text[max(0, at - 40) : at + 40]
    return any(unicodedata.bidirectional(one) in ("R", "AL") for one in around if one not in _MARKS)


def _told(whole: str, at: int, end: int) -> Hidden:
    text = whole[at:end]
    message = decoded(text)
    if message:
        return Hidden(at, text, f"{len(text)} invisible characters that spell {message!r}", True)
    first = f"U+{ord(text[0]):04X} {unicodedata.name(text[0], 'without a name')}"
    if any(char in _TURNING for char in text):
        return Hidden(at, text, f"{first} turns the text around it", not _isolates(whole, at, end))
    if re.match(f"[{_PRIVATE}]", text):
        return Hidden(at, text, f"{first}: for private use, so that it shows nothing", False)
    many = f" and {len(text) - 1} more" if len(text) > 1 else ""
    return Hidden(at, text, f"{first}{many}, which no reader sees", len(text) > 1)


def _isolates(text: str, at: int, end: int) -> bool:
    """Whether these set off words of another direction, as writing from right to left needs it.

    They do where a line has letters of both directions, and ends each isolate that it begins.
    """
    line = text[text.rfind("\n", 0, at) + 1 : text.find("\n", end) % (len(text) + 1)]
    if not set(text[at:end]) <= set(_ISOLATES) or not (at == end - 1 or text[at] == _ISOLATES[-1]):
        return False
    depth = 0
    for char in line:
        depth += (char in _ISOLATES[:-1]) - (char == _ISOLATES[-1])
        if depth not in (0, 1):
            return False
    return depth == 0 and any(unicodedata.bidirectional(one) in ("R", "AL") for one in line)


def decoded(text: str) -> str:
    """What a run of tags, variation selectors or two zero-width characters spells, if it does."""
    tags = [ord(one) - 0xE0000 for one in text if 0xE0020 <= ord(one) < 0xE007F]
    if tags:
        return "".join(map(chr, tags))
    selected = bytes(_selector(ord(one)) for one in text if _selector(ord(one)) >= 0)
    if len(selected) > 1:
        return _as_words(selected)
    kinds = sorted(set(text) & _BITS)
    if len(kinds) == 2 and len(text) >= 16:
        for zero in kinds:
            bits = "".join("0" if one == zero else "1" for one in text if one in _BITS)
            for width in (8, 7, 16):
                said = _as_words(_grouped(bits, width))
                if said:
                    return said
    return ""


def _grouped(bits: str, width: int) -> bytes:
    groups = (bits[at : at + width] for at in range(0, len(bits) - width + 1, width))
    return b"".join(chr(int(one, 2)).encode("utf-8", "replace") for one in groups)


def _selector(place: int) -> int:
    if 0xFE00 <= place <= 0xFE0F:
        return place - 0xFE00
    return place - 0xE0100 + 16 if 0xE0100 <= place <= 0xE01EF else -1


def _as_words(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ISOLATES = "\u2066\u2067\u2068\u2069"
_BITS = frozenset("\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff")
_FEWEST = 6
_MARKS = "\u200e\u200f\u061c"
_KEYCAPS = tuple("0123456789#*")
_JOINING = (
    (0x0600, 0x08FF), (0x0900, 0x0DFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1800, 0x18AF),
    (0xA840, 0xA87F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE), (0x11000, 0x119FF), (0x10AC0, 0x10AFF),
    (0x1E900, 0x1E95F),
)  # fmt: skip
