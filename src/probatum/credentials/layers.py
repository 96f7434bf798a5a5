"""Undoes the encodings that hide a credential: base 64, hex, gzip and escapes, some within others.

Whole files are never decoded: only runs of an alphabet that are long enough to hold a credential,
and the words around escapes. A layer is no longer than the bytes that it is made of, but for gzip,
which is cut.

Sources: RFC 4648; RFC 8259, section 7; RFC 3986, section 2.1; RFC 1952; HTML, character references.
"""

import base64
import binascii
import html
import re
import zlib
from collections.abc import Iterable, Iterator

from msgspec import Struct

DEEPEST = 3
"""Layers within layers that are looked into."""

_MOST = 1 << 20
_FAR = 512
"""Bytes of a word on either side of an escape."""
_SHORTEST = 32
_HEX = b"0123456789ABCDEFabcdef"
_BASE64 = b"GHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz+/-_" + _HEX
_SAME = bytes(0x61 if one in _BASE64 else 0x20 for one in range(256))
_LEAST = b"a" * _SHORTEST
_TEXT = bytes(range(32, 127)) + b"\t\n\r"
_ENDS = (b" ", b"\n", b'"', b"'", b"<", b">", b"\t", b"\r")
_GZIP = b"\x1f\x8b\x08"
ESCAPES = (
    rb"%[2-7][0-9A-Fa-f]",
    rb"\\/",
    rb"\\u00[2-7][0-9A-Fa-f]",
    rb"\\x[2-7][0-9A-Fa-f]",
    rb"&(?:#x?[0-9A-Fa-f]{2,6}|amp|quot|apos|lt|gt);",
)
"""What stands for a character of ASCII: in addresses, in JSON and source code, in HTML."""

_ESCAPE = re.compile(
    rb"\\(?:(/)|u00([2-7][0-9A-Fa-f])|x([2-7][0-9A-Fa-f]))|%([2-7][0-9A-Fa-f])|("
    + ESCAPES[-1]
    + b")"
)


class Layer(Struct, frozen=True):
    """What the bytes [start, end) say when `encoding` is undone."""

    encoding: str
    start: int
    end: int
    data: bytes


def layers(data: bytes, escapes: Iterable[int]) -> Iterator[Layer]:
    """One layer down: what decodes to text, or to something packed that does.

    `escapes` are the offsets at which an escape of `ESCAPES` begins, in any order.
    """
    for start, end in _runs(data):
        run = data[start:end]
        if not run.translate(None, _HEX):
            said = bytes.fromhex(run[: len(run) - len(run) % 2].decode())
            yield from _kept("hex", start, end, said)
        else:
            yield from _base64_layer(run, start)
    done = 0
    for at in sorted(escapes):
        if at >= done:
            start, done = _word(data, done, at)
            yield Layer("escapes", start, done, _unescaped(data[start:done]))


def _runs(data: bytes) -> Iterator[tuple[int, int]]:
    """Each stretch of the alphabets of base 64 that is long enough; digits in hex are among them.

    Searched in a copy in which each of them is the same: at the speed of memory.
    """
    same = data.translate(_SAME)
    at = same.find(_LEAST)
    while at >= 0:
        end = same.find(b" ", at)
        end = len(same) if end < 0 else end
        yield at, end
        at = same.find(_LEAST, end)


def _base64_layer(run: bytes, start: int) -> Iterator[Layer]:
    url = b"-" in run or b"_" in run
    if url and (b"+" in run or b"/" in run):
        return
    # Base 64 of text has both cases; a long word or a number in hex has not.
    if run.lower() == run or run.upper() == run:
        return
    begins = _decoded(run[:32], url)
    if begins.startswith(_GZIP) or _is_text(begins):
        yield from _kept("base64", start, start + len(run), _decoded(run, url))


def _decoded(run: bytes, url: bool) -> bytes:
    """Bytes of a run without its padding; a digit too many at the end says nothing."""
    over = len(run) % 4
    run = run[:-1] if over == 1 else run + b"=" * (-len(run) % 4)
    try:
        return base64.b64decode(run, altchars=b"-_" if url else None)
    except binascii.Error:
        return b""


def _kept(encoding: str, start: int, end: int, said: bytes) -> Iterator[Layer]:
    if said.startswith(_GZIP):
        encoding, said = f"{encoding}, gzip", _inflated(said)
    if said and _is_text(said[:256]):
        yield Layer(encoding, start, end, said)


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(packed, _MOST)
    except zlib.error:
        return b""


def _is_text(data: bytes) -> bool:
    return bool(data) and not data.translate(None, _TEXT)


def _word(data: bytes, done: int, at: int) -> tuple[int, int]:
    """What stands around an escape, up to a blank, a quote or what was told before."""
    before = data[max(done, at - _FAR) : at]
    start = at - len(before) + max(before.rfind(one) for one in _ENDS) + 1
    after = data[at : at + _FAR]
    ends = [found for one in _ENDS if (found := after.find(one)) >= 0]
    return start, at + min(ends, default=len(after))


def _unescaped(word: bytes) -> bytes:
    """The word with all that stands for a character of ASCII put as that character."""
    return _ESCAPE.sub(_character, word)


def _character(found: re.Match[bytes]) -> bytes:
    slash, digits, entity = found[1], found[2] or found[3] or found[4], found[5]
    if slash:
        return slash
    if digits:
        return bytes.fromhex(digits.decode())
    return html.unescape(entity.decode("latin-1")).encode("utf-8")
