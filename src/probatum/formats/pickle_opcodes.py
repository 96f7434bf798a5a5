"""The pickle machine's opcodes, and a skim that passes over opcodes which can only make data.

Source: CPython `Modules/_pickle.c`, `Lib/pickle.py` and `Lib/pickletools.py` (3.8 to 3.14).
"""

import re
from collections.abc import Callable
from functools import cache

from msgspec import Struct

from probatum.errors import FormatError
from probatum.vocabulary import Place, Reason

Read = Callable[[int, int], bytes]

WINDOW = 1 << 20
"""Bytes held at once; no operand that is kept is longer than LINE."""
LINE = 1 << 16
"""The longest text line (GLOBAL, INT, PUT …) that is looked at; data lines may be longer."""

# Opcodes that push built-in data, build built-in containers or use the memo. In a stream that
# has no other opcode, nothing is ever imported or called, whatever the stack holds.
FIXED_DATA = {
    **dict.fromkeys(b"(.01N)]}ltd2aesu\x85\x86\x87\x88\x89\x8f\x90\x91\x94", 0),
    **dict.fromkeys(b"Kqh\x80", 1),
    **dict.fromkeys(b"M", 2),
    **dict.fromkeys(b"Jrj", 4),
    **dict.fromkeys(b"G\x95", 8),
}
TEXT_DATA = frozenset(b"ILFSVpg")
COUNTED_DATA = {
    **dict.fromkeys(b"\x8cUC\x8a", 1),
    **dict.fromkeys(b"XTB\x8b", 4),
    **dict.fromkeys(b"\x8d\x8e\x96", 8),
}
SIGNED_COUNTS = frozenset(b"T\x8b")
EFFECTFUL = frozenset(b"cioRbPQ\x81\x82\x83\x84\x92\x93\x97\x98")
HIGHEST_PROTOCOL = 5

NAMES = {
    ord("c"): "GLOBAL",
    ord("i"): "INST",
    ord("o"): "OBJ",
    ord("R"): "REDUCE",
    ord("b"): "BUILD",
    ord("P"): "PERSID",
    ord("Q"): "BINPERSID",
    0x81: "NEWOBJ",
    0x82: "EXT1",
    0x83: "EXT2",
    0x84: "EXT4",
    0x92: "NEWOBJ_EX",
    0x93: "STACK_GLOBAL",
    0x97: "NEXT_BUFFER",
    0x98: "READONLY_BUFFER",
    ord("a"): "APPEND",
    ord("e"): "APPENDS",
    ord("s"): "SETITEM",
    ord("u"): "SETITEMS",
    0x90: "ADDITEMS",
    ord("d"): "DICT",
    0x91: "FROZENSET",
    ord("."): "STOP",
}
"""The opcodes that a finding may speak of."""

# One alternative for each operand size; possessive, so that a run of any length takes no memory.
# `|(?!)` keeps a repetition that fails from moving the end: docs/decisions/0024.
_FIXED = (
    rb"[(01N)\]}ltd2aesu\x85-\x89\x8f-\x91\x94]|[Kqh].|M..|[Jrj].{4}|G.{8}"
    rb"|\x80[\x00-\x05]|[ILFSVpg][^\n]*+\n"
)
_LONG_STREAM = 1 << 18


def _strings(longest: int, more: bytes = b"") -> bytes:
    """Strings of one to `longest` bytes, with `more` behind their length: one way for each."""
    ways = (re.escape(bytes([n])) + more + b".{%d}" % n for n in range(1, longest + 1))
    return b"|".join(ways)


_WORDS = rb"[\x8cCU\x8a](?:" + _strings(31) + rb"|\0)"
_RUN = re.compile(b"(?s:" + _FIXED + b"|" + _WORDS + b"|(?!))*+").match


@cache
def _run_with_strings() -> Callable[..., "re.Match[bytes] | None"]:
    """Passes over all strings with a length in one byte: three times as fast.

    Compiling it takes as long as skimming some hundred kilobytes, so short streams go with words.
    """
    short, long = _strings(255), _strings(255, rb"\0\0\0")
    strings = rb"[\x8cCU\x8a](?:" + short + rb"|\0)|[XB](?:" + long + rb"|\0\0\0\0)"
    return re.compile(b"(?s:" + _FIXED + b"|" + strings + b"|(?!))*+").match


class Skimmed(Struct, frozen=True):
    """Where a skim stopped: after STOP (`effect` None), or at the first effectful opcode."""

    end: int
    effect: int | None = None


def skim(read: Read, start: int, size: int) -> Skimmed:
    """Pass over the data opcodes of the stream at `start`, in `size` bytes of file.

    Raises: FormatError TRUNCATED where the bytes end before STOP, MALFORMED at a byte that is
    no opcode or an operand no unpickler takes, PARSER_DIFFERENTIAL where a frame ends inside an
    opcode or goes on after STOP.
    """
    base, window = start, read(start, WINDOW)
    at = 0
    frame = 0
    matched = _run_with_strings() if size - start > _LONG_STREAM else _RUN
    while True:
        run = matched(window, at, frame - base if frame else len(window))
        at = run.end() if run else at
        if frame and base + at == frame:
            frame = 0
            continue
        if at > len(window) - 9 and base + len(window) < size:
            base, window, at = base + at, read(base + at, WINDOW), 0
            continue
        if at >= len(window):
            raise truncated(base + at)
        op = window[at]
        if op == 0x8C and at + 1 < len(window):
            at += 2 + window[at + 1]
        elif op in COUNTED_DATA:
            at += counted(window, at, base, size)
        elif op == 0x95:
            frame = framed(window, at, base, size, frame)
            at += 9
        elif op == 0x2E and base + at + 1 >= frame:
            return Skimmed(base + at + 1)
        elif op in EFFECTFUL:
            return Skimmed(base + at, base + at)
        elif frame and op in FIXED_DATA:
            raise out_of_frame(base + at)
        elif op in TEXT_DATA:
            at = line_end(read, base + at + 1, size) - base
        else:
            raise malformed(op, window, base, at)
        if base + at > size:
            raise truncated(size)
        if 0 < frame < base + at:
            raise out_of_frame(frame)
        if at > len(window):
            base, window, at = base + at, read(base + at, WINDOW), 0


def framed(window: bytes, at: int, base: int, size: int, frame: int) -> int:
    """The offset at which the frame that begins at `window[at]` ends; `frame` is that of the last.

    The C unpickler drops what is left of a frame when an operand runs over its end, and reads
    that operand from the file after the frame; pickle.py refuses. So a frame must end between
    two opcodes, and the last one at STOP. Source: Modules/_pickle.c `_Unpickler_ReadImpl`,
    `_Unpickler_Readline`; Lib/pickle.py `_Unframer`.
    """
    end = base + at + 9 + int.from_bytes(window[at + 1 : at + 9], "little")
    if frame > base + at:
        raise out_of_frame(base + at)
    if end > size:
        raise FormatError(
            Reason.TRUNCATED, "a frame runs past the end of the file", Place(offset=base + at)
        )
    return end


def out_of_frame(offset: int) -> FormatError:
    return FormatError(
        Reason.PARSER_DIFFERENTIAL,
        "a frame that does not end between two opcodes: unpicklers go on at different bytes",
        Place(offset=offset),
    )


def counted(window: bytes, at: int, base: int, size: int) -> int:
    """Bytes that the length-prefixed opcode at `window[at]` takes in all."""
    op = window[at]
    width = COUNTED_DATA[op]
    prefix = window[at + 1 : at + 1 + width]
    if len(prefix) < width:
        raise truncated(size)
    length = int.from_bytes(prefix, "little", signed=op in SIGNED_COUNTS)
    if length < 0:
        raise FormatError(Reason.MALFORMED, "a negative length", Place(offset=base + at))
    if base + at + 1 + width + length > size:
        raise FormatError(
            Reason.TRUNCATED,
            f"a value of {length} bytes runs past the end of the file",
            Place(offset=base + at),
        )
    return 1 + width + length


def line_end(read: Read, offset: int, size: int) -> int:
    """The offset after the next newline from `offset` on, wherever it is."""
    while offset < size:
        window = read(offset, WINDOW)
        found = window.find(b"\n")
        if found >= 0:
            return offset + found + 1
        offset += len(window)
    raise truncated(size)


def truncated(offset: int) -> FormatError:
    return FormatError(
        Reason.TRUNCATED, "the stream ends before its STOP opcode", Place(offset=offset)
    )


def malformed(op: int, window: bytes, base: int, at: int) -> FormatError:
    place = Place(offset=base + at)
    if op == 0x80 and at + 1 < len(window):
        return FormatError(Reason.MALFORMED, f"no pickle protocol {window[at + 1]}", place)
    if op in FIXED_DATA:
        return truncated(base + len(window))
    return FormatError(Reason.MALFORMED, f"byte {op:#04x} is no pickle opcode", place)
