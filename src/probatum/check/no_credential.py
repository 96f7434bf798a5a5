"""Re-derives that nothing in a text has the form of a known kind of credential.

facts = {"size": bytes, "sha256": hex of all of them, "rules": hex, "kinds": how many there are}

The rules are rows of data (`rules/credentials`), and `rules` is SHA-256 over them: for each file in
the order of names its name, its length in characters and its text. Each row's pattern is run by
itself over the text and over what its encoded parts say. A match counts unless a letter or digit
stands directly before it (but that of `\\n`, `\\r`, `\\t`) or behind it, its characters have less
entropy than the row's `bits`, or it is one of the row's `but`.

Encoded parts: the longest runs of at least 32 characters of base 64 (both alphabets), of which
those of an even number of digits in hex are hex; and what surrounds an escape, up to a blank, a
quote or a bracket, or 512 bytes. Runs that say no text, and no gzip of one, are left.
"""

import base64
import hashlib
import html
import math
import re
import tomllib
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from probatum.errors import Rejected

CLAIM = "no-credential"
_MOST = 64 << 20
_DEEPEST = 3
_LONGEST = 8192
_INFLATED = 1 << 20
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{32,}")
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]+")
_ESCAPE = re.compile(
    rb"%[2-7][0-9A-Fa-f]|\\/|\\u00[2-7][0-9A-Fa-f]|\\x[2-7][0-9A-Fa-f]"
    rb"|&(?:#x?[0-9A-Fa-f]{2,6}|amp|quot|apos|lt|gt);"
)
_APART = re.compile(rb"[ \n\"'<>\t\r]")
_GZIP = b"\x1f\x8b\x08"


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless no row of the rules matches."""
    _demand(isinstance(facts, dict) and set(facts) == {"size", "sha256", "rules", "kinds"}, "facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes have another digest")
    digest, rows = _rules()
    _demand(facts["rules"] == digest, "these are other rules: audit again")
    _demand(type(facts["kinds"]) is int and facts["kinds"] == len(rows), "the number of kinds")
    _nothing(data, rows, 0)


_Row = tuple[str, re.Pattern[bytes], bool, float, tuple[str, ...]]


def _nothing(data: bytes, rows: list[_Row], depth: int) -> None:
    for name, pattern, open_end, bits, but in rows:
        at = 0
        while found := pattern.search(data, at):
            at = found.start() + 1
            counts = pattern.match(data, found.start(), found.start() + _LONGEST)
            if counts and _stands_apart(data, counts, open_end):
                value = counts[1] if pattern.groups else counts[0]
                plain = _entropy(value) < bits or value.decode("latin-1") in but
                _demand(plain, f"{name} at byte {found.start()}, {depth} layers deep")
    if depth < _DEEPEST:
        for said in _encoded(data):
            _nothing(said, rows, depth + 1)


def _stands_apart(data: bytes, found: re.Match[bytes], open_end: bool) -> bool:
    before, behind = data[: found.start()][-2:], data[found.end() : found.end() + 1]
    if before[-1:].isalnum() and not (before[:1] == b"\\" and before[1:] in (b"n", b"r", b"t")):
        return False
    return open_end or not behind.isalnum()


def _entropy(value: bytes) -> float:
    shares = [value.count(one) / len(value) for one in set(value)]
    return -sum(share * math.log2(share) for share in shares)


def _encoded(data: bytes) -> Iterator[bytes]:
    for found in _RUN.finditer(data):
        run = found[0]
        if re.fullmatch(rb"[0-9A-Fa-f]+", run):
            yield from _text(bytes.fromhex(run[: len(run) // 2 * 2].decode()))
        elif not (re.search(b"[-_]", run) and re.search(b"[+/]", run)) and not (
            run == run.lower() or run == run.upper()
        ):
            said = _base64(run)
            if said.startswith(_GZIP) or _TEXT.fullmatch(_base64(run[:32])):
                yield from _text(said)
    done = 0
    for found in _ESCAPE.finditer(data):
        if found.start() >= done:
            start, done = _around(data, done, found.start())
            yield _ESCAPE.sub(_meant, data[start:done])


def _base64(run: bytes) -> bytes:
    run = run.replace(b"-", b"+").replace(b"_", b"/")
    if len(run) % 4 == 1:
        run = run[:-1]
    return base64.b64decode(run + b"=" * (-len(run) % 4))


def _text(said: bytes) -> Iterator[bytes]:
    if said.startswith(_GZIP):
        try:
            said = zlib.decompressobj(wbits=31).decompress(said, _INFLATED)
        except zlib.error:
            return
    if _TEXT.fullmatch(said[:256]):
        yield said


def _around(data: bytes, done: int, at: int) -> tuple[int, int]:
    start = max(done, at - 512)
    for found in _APART.finditer(data, start, at):
        start = found.end()
    behind = _APART.search(data, at, at + 512)
    return start, behind.start() if behind else min(len(data), at + 512)


def _meant(found: re.Match[bytes]) -> bytes:
    said = found[0]
    if said.startswith(b"&"):
        return html.unescape(said.decode("latin-1")).encode("utf-8")
    return b"/" if said == rb"\/" else bytes.fromhex(said[-2:].decode())


@cache
def _rules() -> tuple[str, list[_Row]]:
    seen, rows = hashlib.sha256(), []
    folder = files("probatum.rules").joinpath("credentials")
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            text = file.read_text("utf-8")
            seen.update(f"{file.name}\0{len(text)}\0{text}".encode())
            rows += [_row(one) for one in tomllib.loads(text)["kind"]]
    return seen.hexdigest(), rows


def _row(row: dict[str, Any]) -> _Row:
    flags = re.IGNORECASE if row.get("any_case") else 0
    end = "" if row.get("open_end") else "(?![A-Za-z0-9])"
    pattern = re.compile(f"(?:{row['pattern']}){end}".encode(), flags)
    return (
        row["id"],
        pattern,
        bool(row.get("open_end")),
        float(row.get("bits", 0)),
        tuple(row.get("but", ())),
    )


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise Rejected(what)
