"""Finds the parts of a text that are words only to whoever decodes them.

A block is a run of characters of base64 (either alphabet) or of hexadecimal digits with nothing
between them but white space, quotes and the marks that begin lines, or a word in which letters are
written as percent or character escapes, in whatever alphabet, or signs that nobody sees. It counts
where it decodes to sixteen readable characters or more, four escapes of letters.

Sources: RFC 4648 (base64, base16); RFC 3986, 2.3 (a letter needs no percent escape); HTML,
13.1.4 (character references); ECMA-262, 12.9.4 (escapes in strings).
"""

import base64
import html
import re
import unicodedata
from collections.abc import Iterator

from msgspec import Struct

READABLE = 16
"""Characters."""

_BETWEEN = r"[\s'\"`>|#*,;\\]"
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-](?:{_BETWEEN}*[A-Za-z0-9+/_-]){{21,}}")
_DIGITS = rf"[0-9A-Fa-f](?:(?:{_BETWEEN}|:|0x|\\x)*[0-9A-Fa-f])"
_HEX = re.compile(f"{_DIGITS}{{{2 * READABLE - 1},}}")
_NOT_HEX = re.compile(r"0x|\\x|[^0-9A-Fa-f]")
_WORDS = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3}){%d,}" % READABLE
)
# Letters of ASCII, written as what they need not be written as.
_ESCAPED = (
    ("percent escapes", r"%(?:4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa])"),
    ("escapes", r"\\x(?:4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa])"),
    ("escapes", r"\\u\{?0*(?:4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa])\}?"),
    ("character references", r"&#0*(?:6[5-9]|[78]\d|90|9[7-9]|1[01]\d|12[0-2]);?"),
    ("character references", r"&#[xX]0*(?:4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa]);?"),
)
# Beyond ASCII, and the base of the number; bytes of UTF-8 have none.
_ESCAPED_BEYOND = (
    ("percent escapes", r"(?:%[0-9A-Fa-f]{2})+", 0),
    ("escapes", r"(?:\\x[0-9A-Fa-f]{2})+", 0),
    ("escapes", r"\\u([0-9A-Fa-f]{4})", 16),
    ("escapes", r"\\u\{([0-9A-Fa-f]{1,8})\}", 16),
    ("escapes", r"\\U([0-9A-Fa-f]{8})", 16),
    ("character references", r"&#[xX]([0-9A-Fa-f]{1,12})", 16),
    ("character references", r"&#([0-9]{1,12})", 10),
)
_TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}
FEWEST = 4
"""Escapes of letters in one text."""


class Block(Struct, frozen=True):
    """The characters [at, end) in an `encoding`, and the `words` that they decode to."""

    at: int
    end: int
    encoding: str
    words: str


def blocks(text: str) -> Iterator[Block]:
    """Every part of `text` that decodes to words, in no order; one part may be told twice."""
    for found in _BASE64.finditer(text):
        run = re.sub(_BETWEEN, "", found[0]).replace("-", "+").replace("_", "/")
        for words in _decoded(run):
            yield Block(*found.span(), "base64", words)
    for found in _HEX.finditer(text):
        digits = _NOT_HEX.sub("", found[0])
        for first in (0, 1):
            pairs = digits[first : first + (len(digits) - first) // 2 * 2]
            for words in _readable(bytes.fromhex(pairs)):
                yield Block(*found.span(), "hexadecimal", words)
    for encoding, pattern in _ESCAPED:
        if sum(1 for _ in re.finditer(pattern, text)) >= FEWEST:
            yield from _escaped(text, encoding, pattern)
    for encoding, pattern, base in _ESCAPED_BEYOND:
        signs = (_sign(one, base) for one in re.finditer(pattern, text))
        if sum(_is_word(one) for said in signs for one in said) >= FEWEST:
            yield from _escaped(text, encoding, pattern)


def _decoded(run: str) -> Iterator[str]:
    """What a run of base64 says from each of the four places at which it may begin."""
    for first in range(4):
        whole = run[first : first + (len(run) - first) // 4 * 4]
        rest = run[first + len(whole) :]
        padded = whole + (rest + "=" * (4 - len(rest)) if len(rest) > 1 else "")
        yield from _readable(base64.b64decode(padded))


def _readable(data: bytes) -> Iterator[str]:
    for found in _WORDS.finditer(data):
        yield found[0].decode("utf-8", "replace")


def _escaped(text: str, encoding: str, pattern: str) -> Iterator[Block]:
    """The words with such an escape in them, neighbours together."""
    start = end = -1
    for word in re.finditer(r"\S+", text):
        if not re.search(pattern, word[0]):
            continue
        if start >= 0 and word.start() <= end + 1:
            end = word.end()
            continue
        if start >= 0:
            yield Block(start, end, encoding, _unescaped(text[start:end]))
        start, end = word.span()
    yield Block(start, end, encoding, _unescaped(text[start:end]))


def _sign(found: re.Match[str], base: int) -> str:
    return chr(min(int(found[1], base), 0x10FFFF)) if base else _of_bytes(found)


def _is_word(sign: str) -> bool:
    """A letter beyond ASCII, or what nobody sees."""
    kind = unicodedata.category(sign)
    return not sign.isascii() and (kind[0] in "LM" or kind in ("Cf", "Cn", "Co", "Cs"))


def _unescaped(text: str) -> str:
    """The text with its escapes decoded, and tags of Unicode as the letters that they stand for."""
    spelled = re.sub(r"(?:%[0-9A-Fa-f]{2})+|(?:\\x[0-9A-Fa-f]{2})+", _of_bytes, text)
    spelled = re.sub(
        r"\\U([0-9A-Fa-f]{8})|\\u\{?([0-9A-Fa-f]{2,8})\}|\\u0*([0-9A-Fa-f]{2,4})",
        lambda one: chr(min(int(one[1] or one[2] or one[3], 16), 0x10FFFF)),
        spelled,
    )
    joined = spelled.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return html.unescape(joined).translate(_TAGS)


def _of_bytes(run: re.Match[str]) -> str:
    data = bytes.fromhex(re.sub(r"%|\\x", "", run[0]))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
